// SPDX-License-Identifier: Apache-2.0
//
// Pseudo-terminals, and passing descriptors over unix sockets.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/unique_fd.h"

namespace gantry::kernel {

struct Pty {
  UniqueFd master;
  UniqueFd slave;
};

// A new pair from the devpts instance that `ptmx` (an open descriptor of a ptmx device) belongs to.
// The slave is opened through the master (TIOCGPTPEER), so no path can lead elsewhere.
Result<Pty> open_pty(UniqueFd ptmx);

Result<void> set_window_size(int terminal, std::uint16_t rows, std::uint16_t columns);

// Makes `slave` the controlling terminal of this new session leader and its standard streams.
Result<void> become_terminal_owner(int slave);

// Connects a socket of that type (SOCK_STREAM, SOCK_SEQPACKET) to a path of any length.
Result<UniqueFd> connect_unix(const std::string& path, int type);

// Sends `payload` (not empty) with one descriptor (SCM_RIGHTS).
Result<void> send_descriptor(int socket, int fd, std::string_view payload);

}  // namespace gantry::kernel
