// SPDX-License-Identifier: Apache-2.0
//
// --systemd-cgroup: the container's group is a scope that systemd makes and
// keeps account of. The runtime starts the container's first process, has it
// wait, and asks for the scope with that process in it; what systemd does not
// do itself (other hierarchies, most limits) is done to the group afterwards,
// as without systemd.
//
//   ScopeName name = TRY(scope_name(spec.linux_.cgroups_path, id, rootless));
//   Systemd systemd = TRY(Systemd::connect(rootless));
//   std::string path = TRY(systemd.group_path(name));    // for plan_cgroup_at(); nothing is made yet
//   TRY(systemd.start_scope(name, pid, properties));
//   ...
//   TRY(systemd.stop(name.unit));
//
// Needs systemd 244 or newer. Reference: org.freedesktop.systemd1(5), systemd.resource-control(5).
#pragma once

#include <sys/types.h>

#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "kernel/cgroup_layout.h"
#include "limits/resources.h"
#include "oci/runtime_spec.h"
#include "runtime/dbus.h"

namespace gantry::runtime {

struct ScopeName {
  std::string slice;  // "system.slice"
  std::string unit;   // "runc-web.scope"; a name that ends in ".slice" makes a slice
};

// From "slice:prefix:name", or from the id alone.
Result<ScopeName> scope_name(std::string_view cgroups_path, std::string_view id, bool rootless);

// "a-b.slice" -> "/a.slice/a-b.slice"; "-.slice" -> "".
Result<std::string> slice_path(std::string_view slice);

// What systemd is to know of the limits, so that a reload of its configuration does not undo them.
Result<std::vector<dbus::Property>> unit_properties(const oci::Resources& resources, kernel::CgroupMode mode,
                                                    limits::Purpose purpose);

// "0-2,9" -> the bit mask that AllowedCPUs takes: 07 02.
Result<std::vector<std::uint8_t>> cpu_mask(std::string_view list);

class Systemd {
 public:
  // The system's instance, directly or over the system bus; rootless, the user's.
  static Result<Systemd> connect(bool rootless);
  Systemd(dbus::Connection connection, bool rootless) : bus_(std::move(connection)), rootless_(rootless) {}

  // Where the scope's group will be, below the root of each hierarchy: "/system.slice/runc-web.scope".
  Result<std::string> group_path(const ScopeName& name);
  // Returns when the process is in the scope. `mode` decides the words for accounting.
  Result<void> start_scope(const ScopeName& name, pid_t pid, kernel::CgroupMode mode,
                           std::vector<dbus::Property> properties);
  // Returns when systemd has written them into the unit's group.
  Result<void> set_properties(const std::string& unit, const std::vector<dbus::Property>& properties);
  // Ends what is left in it. A unit that is gone is fine.
  Result<void> stop(const std::string& unit);

 private:
  Result<dbus::Message> call(std::string_view member, std::string_view signature, dbus::Encoder body);
  Result<void> follow_jobs();
  Result<std::string> wait_for_job(const dbus::Message& started);

  dbus::Connection bus_;
  bool rootless_ = false;
  bool follows_jobs_ = false;
};

}  // namespace gantry::runtime
