// SPDX-License-Identifier: Apache-2.0
#include "oci/features.h"

#include <algorithm>
#include <span>

#include "base/json_codec.h"
#include "oci/words.h"

namespace gantry::oci {

using json::Fields;
using enum json::Presence;

static void fields(Fields& f, Support& support) { f("enabled", support.enabled, Always); }

static void fields(Fields& f, CgroupFeatures& cgroup) {
  f("v1", cgroup.v1, Always);
  f("v2", cgroup.v2, Always);
  f("systemd", cgroup.systemd, Always);
  f("systemdUser", cgroup.systemd_user, Always);
  f("rdma", cgroup.rdma, Always);
}

static void fields(Fields& f, SeccompFeatures& seccomp) {
  f("enabled", seccomp.enabled, Always);
  f("actions", seccomp.actions);
  f("operators", seccomp.operators);
  f("archs", seccomp.archs);
  f("knownFlags", seccomp.known_flags);
  f("supportedFlags", seccomp.supported_flags);
}

static void fields(Fields& f, IntelRdtFeatures& rdt) {
  f("enabled", rdt.enabled, Always);
  f("schemata", rdt.schemata, Always);
  f("monitoring", rdt.monitoring, Always);
}

static void fields(Fields& f, MemoryPolicyFeatures& policy) {
  f("modes", policy.modes);
  f("flags", policy.flags);
}

static void fields(Fields& f, MountExtensions& extensions) { f("idmap", extensions.idmap, Always); }

static void fields(Fields& f, LinuxFeatures& linux_) {
  f("namespaces", linux_.namespaces);
  f("capabilities", linux_.capabilities);
  f("cgroup", linux_.cgroup, Always);
  f("seccomp", linux_.seccomp, Always);
  f("apparmor", linux_.apparmor, Always);
  f("selinux", linux_.selinux, Always);
  f("intelRdt", linux_.intel_rdt, Always);
  f("memoryPolicy", linux_.memory_policy);
  f("mountExtensions", linux_.mount_extensions, Always);
  f("netDevices", linux_.net_devices, Always);
}

static void fields(Fields& f, Features& features) {
  f("ociVersionMin", features.oci_version_min, Required);
  f("ociVersionMax", features.oci_version_max, Required);
  f("hooks", features.hooks);
  f("mountOptions", features.mount_options);
  f("linux", features.linux_, Always);
  f("annotations", features.annotations);
  f("potentiallyUnsafeConfigAnnotations", features.potentially_unsafe_config_annotations);
}

Features known_features() {
  const auto list = [](std::span<const std::string_view> words) {
    return std::vector<std::string>(words.begin(), words.end());
  };
  Features features;
  features.hooks = json::keys_of<Hooks>();
  LinuxFeatures& linux_ = features.linux_;
  linux_.namespaces = list(names_of(NamespaceType{}));
  std::ranges::sort(linux_.namespaces);
  linux_.seccomp.actions = list(kSeccompActions);
  linux_.seccomp.operators = list(kSeccompOperators);
  linux_.seccomp.archs = list(kSeccompArchitectures);
  linux_.seccomp.known_flags = list(kSeccompFlags);
  linux_.memory_policy.modes = list(kMemoryPolicyModes);
  linux_.memory_policy.flags = list(kMemoryPolicyFlags);
  return features;
}

std::string to_json(const Features& features, json::Style style) { return json::encode(features, style); }

}  // namespace gantry::oci
