// SPDX-License-Identifier: Apache-2.0
//
// Whether settings make sense, before anything is made of them: what cannot be done is refused by its name,
// in Docker's words where people know them, and what is ignored is a warning. Nothing is dropped silently.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/error.h"
#include "container/settings.h"

namespace gantry::container {

// What the daemon gives to settings that a container does not have.
struct HostDefaults {
  std::string log_driver = "json-file";
  StringMap log_options;
  std::string runtime = "gantry-runtime";
  std::string ipc_mode = "private";  // or "shareable"
  std::string cgroupns_mode;         // empty: "private" with cgroup v2, else "host"
  std::string cgroup_parent;         // empty: the engine's own
  std::int64_t shm_size = 64 << 20;  // bytes
  bool init = false;
  bool no_new_privileges = false;
  std::vector<Ulimit> ulimits;
  std::string seccomp_profile;  // a path, "unconfined"; empty: the built-in one
};

// Of this host: what resources can be given.
struct HostFacts {
  bool has_cgroup_v2 = true;  // alone, without hierarchies of v1
  unsigned cpus = 1;
  std::vector<std::uint16_t> online_cpus = {0};
  std::vector<std::uint16_t> memory_nodes = {0};
  bool has_swap_limit = true;
  bool has_oom_kill_disable = false;  // cgroup v1 alone
  bool has_swappiness = false;        // cgroup v1 alone
  bool has_realtime = false;
  static Result<HostFacts> read();
};

// Fills in what is not given, as POST /containers/create does before it stores a container.
void apply_defaults(const Config& config, HostConfig& host, const HostDefaults& defaults,
                    const HostFacts& facts);

// What this host cannot do and Docker does without (swap limits, swappiness, ...) is taken out of `host`, and
// said. InvalidArgument with Docker's sentence, or the name of the field.
Result<Warnings> check_settings(const Config& config, HostConfig& host, const HostFacts& facts);

// The part of it that is about resources.
Result<Warnings> check_resources(Resources& resources, const HostFacts& facts);

// POST /containers/{id}/update: `current` with what is given in `changes`, checked. What an update cannot
// change is a warning. What goes to the running container is make_update(changes) (make_spec.h).
Result<Warnings> update_resources(Resources& current, const Resources& changes, const HostFacts& facts);

}  // namespace gantry::container
