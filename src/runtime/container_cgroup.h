// SPDX-License-Identifier: Apache-2.0
//
// The control groups of a container that is being made: where they are, what
// limits they carry, and whether systemd has to be asked for them.
#pragma once

#include <sys/types.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "kernel/cgroup.h"
#include "oci/runtime_spec.h"
#include "runtime/container.h"
#include "runtime/log.h"
#include "runtime/rootfs.h"

namespace gantry::runtime {

class ContainerCgroup {
 public:
  ContainerCgroup(ContainerCgroup&&) noexcept;
  ~ContainerCgroup();

  // Decides the places; nothing is made.
  static Result<ContainerCgroup> plan(const oci::Spec& spec, const std::string& id, bool systemd,
                                      const Log& log);

  // Writes the places, and systemd's name for them, into the record, before they are made.
  void describe(Record& record) const;

  // Whether the groups are made around the container's first process, which has to wait for that; else they
  // are there before it, and it is born in them or joins them.
  bool is_made_around_process() const { return scope_ != nullptr; }
  Result<void> create();
  Result<void> create_around(pid_t pid);
  // Null where the container stays in the runtime's own groups, and before they are made.
  kernel::Cgroup* group() { return group_ ? &*group_ : nullptr; }
  std::vector<CgroupView> views() const;
  // The group stays when this object goes.
  void keep();

 private:
  class Scope;
  ContainerCgroup(const oci::Resources& resources, const Log& log);
  Result<void> make_and_limit();

  const oci::Resources* resources_;
  const Log* log_;
  kernel::CgroupLayout layout_;
  kernel::CgroupPlan plan_;
  bool is_rootless_ = false;
  std::optional<uid_t> delegate_;  // the host's id of the container's root, if it is to own the v2 group
  std::unique_ptr<Scope> scope_;   // with --systemd-cgroup
  std::optional<kernel::Cgroup> group_;
};

// Changes what the resources mention, for systemd as well where it has made the groups.
Result<void> update_cgroup(const Container& container, const oci::Resources& resources, const Log& log);

// Ends every process of the container and takes its groups away.
Result<void> remove_cgroup(const Container& container);

}  // namespace gantry::runtime
