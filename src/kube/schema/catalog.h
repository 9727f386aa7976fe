// SPDX-License-Identifier: Apache-2.0
//
// The built-in types and resources, from the schema files that are part of the program. Made once, at the
// start; then for any thread to read.
#pragma once

#include <memory>
#include <span>
#include <string_view>

#include "kube/schema/resource.h"

namespace gantry::kube {

class Catalog {
 public:
  // The same one for everybody. The schema files are part of the program, and tested: a mistake in them
  // aborts.
  static const Catalog& built_in();

  // In the order of groups and versions that discovery has.
  std::span<const Resource> resources() const;
  // Null if there is none.
  const Resource* find(std::string_view group, std::string_view version, std::string_view plural) const;
  const Resource* find_kind(std::string_view group, std::string_view version, std::string_view kind) const;
  // By its full name: "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta". Null if there is none.
  const Type* find_type(std::string_view name) const;

 private:
  struct State;
  explicit Catalog(std::unique_ptr<const State> state);
  std::unique_ptr<const State> state_;
};

}  // namespace gantry::kube
