// SPDX-License-Identifier: Apache-2.0
//
// The control groups of a container that is being made: where they are, what
// limits they carry, and whether systemd has to be asked for them.
#pragma once

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
  // Decides the places; nothing is made.
  static Result<ContainerCgroup> plan(const oci::Spec& spec, const std::string& id, bool systemd, const Log& log);

  // Writes the places into the record, before they are made.
  void describe(Record& record) const;

  Result<void> create();
  // Null where the container stays in the runtime's own groups.
  kernel::Cgroup* group() { return group_ ? &*group_ : nullptr; }
  std::vector<CgroupView> views() const;
  // The group stays when this object goes.
  void keep();

 private:
  ContainerCgroup(const oci::Resources& resources, const Log& log) : resources_(&resources), log_(&log) {}

  const oci::Resources* resources_;
  const Log* log_;
  kernel::CgroupLayout layout_;
  kernel::CgroupPlan plan_;
  bool is_rootless_ = false;
  std::optional<kernel::Cgroup> group_;
};

// Ends every process of the container and takes its groups away.
Result<void> remove_cgroup(const Container& container);

}  // namespace gantry::runtime
