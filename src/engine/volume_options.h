// SPDX-License-Identifier: Apache-2.0
//
// The options of Docker's volume driver "local": what mount(8) would be given as -t, -o and the device.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/error.h"
#include "kernel/mount.h"

namespace gantry::engine {

struct VolumeMount {
  std::string type;    // of the file system; empty for a bind
  std::string device;  // its source, or the directory to bind
  bool is_bind = false;
  kernel::Depth depth = kernel::Depth::One;  // of a bind
  kernel::MountAttributes attributes;
  std::vector<std::string> data;  // options of the file system itself
};

// InvalidArgument in Docker's words: "missing device in volume options", "invalid option: \"x\"". Unsupported
// for "size", a quota.
Result<VolumeMount> parse_volume_options(const std::map<std::string, std::string>& options);

// May take as long as a server does. A name in "addr=" is looked up, as mount.nfs(8) does.
Result<kernel::DetachedMount> make_volume_mount(const VolumeMount& wanted);

}  // namespace gantry::engine
