// SPDX-License-Identifier: Apache-2.0
//
// The definitions that are in force, compiled: which resources they make, and the rules of their objects.
// For any thread.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/json_tree.h"
#include "base/mutex.h"
#include "kube/cel/crd_rules.h"
#include "kube/connect/service_router.h"
#include "kube/custom/definition.h"

namespace gantry::kube {

// One version of one definition. It is kept for as long as somebody has any of them.
struct CustomKind {
  custom::CustomVersion version;
  cel::CrdRules rules;
};

class CustomKinds {
 public:
  using Kinds = std::vector<std::shared_ptr<const CustomKind>>;

  // `services` outlives it, and all kinds.
  explicit CustomKinds(const ServiceRouter& services) : services_(services) {}

  // Compiles what has changed since the last time, and forgets what is not among them. Answers those that are
  // served.
  Kinds replace(const std::vector<const json::Tree*>& definitions);
  // Null if the resource is no custom one.
  std::shared_ptr<const CustomKind> find(const Resource& resource) const;
  // The version in which the objects of a definition are stored, served or not; null: it is not in force.
  std::shared_ptr<const CustomKind> find_stored(std::string_view definition) const;

 private:
  struct Compiled {
    std::string key;  // which state of the definition it was made of
    Kinds kinds;      // all versions
  };
  const ServiceRouter& services_;
  mutable Mutex mutex_;                                          // guards what follows
  std::map<std::string, Compiled> compiled_ GUARDED_BY(mutex_);  // by the definition's name
};

// What is wrong with the versions of a definition: schemas, columns, rules.
std::vector<Cause> check_definition(const json::Tree& definition);

}  // namespace gantry::kube
