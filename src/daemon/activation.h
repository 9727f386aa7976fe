// SPDX-License-Identifier: Apache-2.0
//
// Sockets that the service manager made and hands over (sd_listen_fds(3)): LISTEN_PID, LISTEN_FDS,
// LISTEN_FDNAMES.
#pragma once

#include <string>
#include <vector>

#include "base/error.h"
#include "base/unique_fd.h"

namespace gantry::daemon {

struct ActivatedSocket {
  std::string name;  // FileDescriptorName= of the unit; "unknown" where it has none
  UniqueFd socket;
};

// Once in a process: the sockets are the caller's afterwards. None when this process was not started that
// way.
Result<std::vector<ActivatedSocket>> take_activated_sockets();

}  // namespace gantry::daemon
