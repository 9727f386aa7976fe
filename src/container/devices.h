// SPDX-License-Identifier: Apache-2.0
//
// Devices of the host that a container gets: nodes for its /dev, and leave to use them.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "container/settings.h"
#include "oci/runtime_spec.h"

namespace gantry::container {

struct GrantedDevices {
  std::vector<oci::Device> nodes;
  std::vector<oci::DeviceRule> rules;  // in this order: the last that matches decides
};

// Nothing but what the runtime always allows, then HostConfig.Devices and DeviceCgroupRules; for a privileged
// container everything, with a node for every device of the host. A mapping of a directory gives the devices
// in it, a link on the host the device behind it. InvalidArgument: the sentence names the path.
// `host_root` stands in front of paths of the host, for tests with a tree of their own.
Result<GrantedDevices> grant_devices(const HostConfig& host, const std::string& host_root = "");

// "c 13:* rwm": type, numbers, access.
Result<oci::DeviceRule> parse_device_rule(std::string_view text);

// "a block device" by path, for io limits.
struct DeviceNumber {
  std::int64_t major = 0;
  std::int64_t minor = 0;
};
Result<DeviceNumber> block_device_number(const std::string& path);

}  // namespace gantry::container
