// SPDX-License-Identifier: Apache-2.0
//
// What the `features` command prints (features.md of the runtime specification): what the runtime knows,
// whatever the host can do. Engines read it to decide what they may ask for.
//
//   Features features = known_features();           // what this folder's parser takes
//   features.mount_options = ...;                   // the runtime adds what it implements
//   std::string text = to_json(features);
#pragma once

#include <string>
#include <vector>

#include "base/json.h"
#include "oci/runtime_spec.h"

namespace gantry::oci {

struct Support {
  bool enabled = false;
};

struct CgroupFeatures {
  bool v1 = false;
  bool v2 = false;
  bool systemd = false;       // the systemd manager, for the system
  bool systemd_user = false;  // ... and for users
  bool rdma = false;
};

struct SeccompFeatures {
  bool enabled = false;
  std::vector<std::string> actions;
  std::vector<std::string> operators;
  std::vector<std::string> archs;
  std::vector<std::string> known_flags;
  std::vector<std::string> supported_flags;  // those of the known that this kernel takes
};

struct IntelRdtFeatures {
  bool enabled = false;
  bool schemata = false;
  bool monitoring = false;
};

struct MemoryPolicyFeatures {
  std::vector<std::string> modes;
  std::vector<std::string> flags;
};

struct MountExtensions {
  Support idmap;
};

struct LinuxFeatures {
  std::vector<std::string> namespaces;
  std::vector<std::string> capabilities;
  CgroupFeatures cgroup;
  SeccompFeatures seccomp;
  Support apparmor;
  Support selinux;
  IntelRdtFeatures intel_rdt;
  MemoryPolicyFeatures memory_policy;
  MountExtensions mount_extensions;
  Support net_devices;
};

struct Features {
  std::string oci_version_min{kSpecVersionMin};
  std::string oci_version_max{kSpecVersionMax};
  std::vector<std::string> hooks;
  std::vector<std::string> mount_options;
  LinuxFeatures linux_;  // key "linux"
  StringMap annotations;
  // Annotations in config.json that change what the runtime does, so that an engine does not let its users
  // set them. One that ends in "." is a prefix.
  std::vector<std::string> potentially_unsafe_config_annotations;
};

// Engines look for this one, "true" or "false", whoever's runtime it is.
inline constexpr std::string_view kCheckpointAnnotation = "org.opencontainers.runc.checkpoint.enabled";

// Versions, hooks, namespaces and the words of seccomp and memory policies that parse_spec() takes. The rest
// is empty or false.
Features known_features();

std::string to_json(const Features& features, json::Style style = json::Style::Indented);

}  // namespace gantry::oci
