// SPDX-License-Identifier: Apache-2.0
//
// How far a container is kept from its host: capabilities, paths of /proc and /sys that it must not see or
// change, and what --security-opt says. The defaults are those that Docker's users know.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "container/settings.h"
#include "oci/runtime_spec.h"

namespace gantry::container {

// "CAP_CHOWN", ...: what a container may do unless told otherwise.
const std::vector<std::string>& default_capabilities();

// Every capability there is, less those that this process has lost and cannot pass on.
std::vector<std::string> available_capabilities();

// The capabilities of a container, in the order of their numbers. Names may lack "CAP_" and be in lower
// case; "ALL" is every one that this process could give. InvalidArgument: "invalid CapAdd: unknown
// capability: \"CAP_X\"".
Result<std::vector<std::string>> capabilities_of(const HostConfig& host);

// As a process gets them. An ordinary user gets them only in the bounding set, as execve(2) would leave them.
oci::Capabilities capability_sets(const std::vector<std::string>& names, bool is_root);

const std::vector<std::string>& default_masked_paths();
const std::vector<std::string>& default_readonly_paths();

// HostConfig.SecurityOpt, read.
struct SecurityOptions {
  bool no_new_privileges = false;
  std::optional<std::string> seccomp;   // "unconfined", "builtin", or a profile as JSON
  std::optional<std::string> apparmor;  // "unconfined" or a profile's name
  bool is_label_disabled = false;
  std::vector<std::string> labels;    // "type:svirt_lxc_net_t", ...
  bool has_unconfined_paths = false;  // systempaths=unconfined
  bool has_writable_cgroups = false;
};

// `no_new_privileges` is the daemon's default. InvalidArgument names the option.
Result<SecurityOptions> parse_security_options(const std::vector<std::string>& options,
                                               bool no_new_privileges = false);

}  // namespace gantry::container
