// SPDX-License-Identifier: Apache-2.0
//
// The words of `mounts[].options` (runtime-spec, config.md "Mounts"), sorted by what
// the kernel does with them. One table serves parsing and `features`.
#pragma once

#include <string>
#include <vector>

#include "kernel/mount.h"

namespace gantry::runtime {

struct MountOptions {
  bool bind = false;
  bool bind_recursive = false;         // rbind
  kernel::MountAttributes attributes;  // of the mount alone; propagation is among them
  kernel::MountAttributes recursive;   // of everything below it too: "rro", ...
  bool recursive_propagation = false;  // "rprivate" rather than "private"
  bool copy_up = false;                // tmpcopyup
  bool id_map = false;                 // idmap or ridmap
  bool id_map_recursive = false;
  std::vector<std::string> data;  // for the file system itself
};

MountOptions parse_mount_options(const std::vector<std::string>& options);

// Every word that parse_mount_options() gives a meaning of its own.
std::vector<std::string> known_mount_options();

// "private", "rslave", ... as an MS_ flag with MS_REC for the recursive ones; 0 for another word.
unsigned long propagation_flag(std::string_view word);

}  // namespace gantry::runtime
