// SPDX-License-Identifier: Apache-2.0
//
// The versions of one kind: what its objects look like in each, and how they get from one to another.
// Built-in kinds by our own tables (convert.h), custom ones as their definition says.
#pragma once

#include <string_view>
#include <vector>

#include "base/json_tree.h"
#include "kube/api/status.h"
#include "kube/schema/resource.h"

namespace gantry::kube {

// For any thread.
class Versions {
 public:
  virtual ~Versions() = default;

  // One for each version.
  virtual const std::vector<const Resource*>& resources() const = 0;
  // Objects, each in some version of the kind, in that one; in their order. 500 for what cannot be converted.
  virtual Answer<std::vector<json::Tree>> convert(std::vector<json::Tree> objects,
                                                  std::string_view api_version) const = 0;
  // Whether convert() has somebody else do it, and may block for as long as he takes.
  virtual bool asks_others() const { return false; }
  // Whether the store may have objects in another version than the one they are stored in now.
  virtual bool has_older_stored() const { return false; }
};

// Null if the kind has no such version (any more). `api_version`: "autoscaling/v2".
const Type* type_of(const Versions& versions, std::string_view api_version);
Answer<json::Tree> convert(const Versions& versions, json::Tree object, std::string_view api_version);

// Of a built-in kind that has several.
class BuiltInVersions final : public Versions {
 public:
  // `resources`: all of the same objects, one for each version; they outlive it.
  explicit BuiltInVersions(std::vector<const Resource*> resources) : resources_(std::move(resources)) {}

  const std::vector<const Resource*>& resources() const override { return resources_; }
  Answer<std::vector<json::Tree>> convert(std::vector<json::Tree> objects,
                                          std::string_view api_version) const override;

 private:
  const std::vector<const Resource*> resources_;
};

}  // namespace gantry::kube
