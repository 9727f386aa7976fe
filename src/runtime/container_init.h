// SPDX-License-Identifier: Apache-2.0
//
// The child's side of `create` and `run`: from clone3(2) to the user's program.
#pragma once

#include <string>
#include <vector>

#include "kernel/cgroup.h"
#include "kernel/mount.h"
#include "oci/runtime_spec.h"
#include "runtime/channel.h"
#include "runtime/log.h"
#include "runtime/namespace_plan.h"
#include "runtime/rootfs.h"
#include "runtime/seccomp_filter.h"

namespace gantry::runtime {

// Everything is prepared by the parent and shared by being its copy.
struct InitPlan {
  const oci::Spec& spec;
  const std::string& id;
  std::string bundle;
  std::string root_path;
  const NamespacePlan& namespaces;
  kernel::Cgroup* cgroup;  // to join; null: it is put where it belongs, or stays in the runtime's own groups
  std::vector<CgroupView> cgroup_views;
  std::vector<std::optional<kernel::DetachedMount>> bind_sources;
  oci::State state;                     // for hooks; the pid is filled in by whom it concerns
  UniqueFd console_socket;              // receives the terminal's master
  UniqueFd start_socket;                // listens for `start`; empty: `run`, which does not wait
  std::optional<SeccompFilter> filter;  // of linux.seccomp
  UniqueFd seccomp_socket;              // connected to linux.seccomp.listenerPath
  bool waits_for_scope = false;         // systemd makes the groups around the process
  bool no_pivot = false;
  bool new_keyring = true;
  int preserve_fds = 0;
  const Log& log;

  // Whether nothing happens before the parent's Go, because it does something to the process from outside.
  bool begins_held() const { return waits_for_scope || namespaces.creates(CLONE_NEWUSER); }
};

// Never returns. `in_stage` says that an intermediate process has entered the user namespace already.
[[noreturn]] void run_container_init(InitPlan& plan, const Channel& parent, bool in_stage);

// The intermediate process (NamespacePlan::needs_stage()): never returns.
[[noreturn]] void run_stage(InitPlan& plan, const Channel& parent, std::uint64_t clone_flags);

}  // namespace gantry::runtime
