// SPDX-License-Identifier: Apache-2.0
//
// Which namespaces a container's first process gets, and how it gets there.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/unique_fd.h"
#include "kernel/id_map.h"
#include "oci/runtime_spec.h"

namespace gantry::runtime {

struct JoinedNamespace {
  std::uint64_t flag = 0;  // CLONE_NEW*
  UniqueFd fd;
};

std::uint64_t clone_flag(oci::NamespaceType type);  // CLONE_NEW*

struct NamespacePlan {
  std::uint64_t created = 0;  // CLONE_NEW* of those to make
  std::vector<JoinedNamespace> joined;
  kernel::IdMaps maps;       // of a new user namespace
  std::string time_offsets;  // what goes into /proc/self/timens_offsets

  // Opens those to join. A path that is not a namespace of that kind is an error.
  static Result<NamespacePlan> make(const oci::Spec& spec);

  bool creates(std::uint64_t flag) const { return (created & flag) != 0; }
  const JoinedNamespace* find_joined(std::uint64_t flag) const;
  bool has_user_namespace() const;

  // An intermediate process is needed where the others have to be made from inside of a user
  // namespace that is joined, or new but with something to do in it before the container's own
  // first process exists.
  bool needs_stage() const;

  // What only takes effect for children: for the caller, before it clones the first process.
  // The pid namespace to join and the time namespace.
  Result<void> enter_for_children() const;
  // Takes that back, so that hooks run where the caller is.
  Result<void> leave_for_children() const;
  // What the first process itself joins. The mount namespace comes last: paths change with it.
  Result<void> enter_rest(bool without_user) const;
};

}  // namespace gantry::runtime
