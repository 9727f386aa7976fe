// SPDX-License-Identifier: Apache-2.0
//
// From settings to the config.json of a bundle: everything that a container is isolated by, in one value.
// Nothing is made or mounted here; what is looked at is the user files inside of the root, devices of the
// host that are named, and a seccomp profile that the settings name.
//
//   oci::Spec spec = TRY(make_spec({.id = id, .config = config, .host_config = host, .rootfs = ..., ...}));
//   TRY(replace_file_at(bundle, "config.json", oci::to_json(spec), 0600));
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/error.h"
#include "container/check.h"
#include "container/settings.h"
#include "oci/runtime_spec.h"

namespace gantry::container {

// Paths of namespaces that are joined (/proc/PID/ns/..., a bind mount of one). Empty: by the mode in
// HostConfig, the host's or a new one.
struct JoinedNamespaces {
  std::string network;
  std::string ipc;
  std::string pid;
  std::string uts;
  std::string user;
  std::string cgroup;
};

struct SpecInputs {
  std::string id;
  const Config& config;           // with its image's (merge_image.h)
  const HostConfig& host_config;  // with defaults, checked (check.h)
  const HostDefaults& defaults;
  std::string rootfs;  // where the container's root is mounted
  JoinedNamespaces joined = {};
  std::vector<oci::IdMapping> uid_mappings = {};  // of its user namespace: a new one, or that of joined.user
  std::vector<oci::IdMapping> gid_mappings = {};
  // Binds, volumes and tmpfs of Binds, Mounts and VolumesFrom, resolved to paths of the host, in any order;
  // what HostConfig.Tmpfs asks for is added here.
  std::vector<oci::Mount> mounts = {};
  std::string hosts = {};  // files for /etc/..., empty: the image's own
  std::string hostname_file = {};
  std::string resolv_conf = {};
  std::string shm = {};                    // a tmpfs that others share as /dev/shm; empty: one of its own
  std::string init_program = {};           // gantry-init on the host, for HostConfig.Init
  std::string cgroup_path = {};            // below the hierarchies' mounts; empty: as the runtime names it
  std::vector<std::string> link_env = {};  // of links: before the container's own, which win
};

Result<oci::Spec> make_spec(const SpecInputs& inputs);

// The resources of a running container after POST /containers/{id}/update: what `gantry-runtime update`
// takes. Only what is given in `resources`.
Result<oci::Resources> make_update(const Resources& resources);

}  // namespace gantry::container
