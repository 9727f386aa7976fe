// SPDX-License-Identifier: Apache-2.0
//
// What GET /info and /version say of the host.
#pragma once

#include <cstdint>
#include <string>

namespace gantry::docker {

struct HostFacts {
  std::string name;              // of the host
  std::string kernel;            // "6.1.0-13-amd64"
  std::string machine;           // "x86_64"
  std::string operating_system;  // "Debian GNU/Linux 12 (bookworm)"
  std::string os_version;        // "12"
  std::uint64_t memory = 0;      // bytes
  unsigned cpus = 0;

  static HostFacts read();
};

// As Go calls it: "amd64" for "x86_64".
// What kind of file system a path is on, in Docker's words ("extfs"); "unknown" for one without a word.
std::string file_system_of(const std::string& path);

std::string go_architecture(const std::string& machine);

}  // namespace gantry::docker
