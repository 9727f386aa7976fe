// SPDX-License-Identifier: Apache-2.0
//
// The user's terminal: its size, and raw mode while a container's terminal is shown on it.
#pragma once

#include <termios.h>

#include <cstdint>
#include <optional>
#include <vector>

#include "base/error.h"

namespace gantry::cli::docker {

struct WindowSize {
  std::uint16_t rows = 0;
  std::uint16_t columns = 0;
};

bool is_terminal(int fd);
// Nullopt: no terminal.
std::optional<WindowSize> window_size(int fd);

// Of standard output, as the daemon wants to know it from the beginning: {rows, columns}, or nothing.
std::vector<std::uint32_t> console_size();

// Passes keys on as they are, also those that would otherwise be signals, until it goes.
class RawMode {
 public:
  static Result<RawMode> enter(int fd);
  RawMode(RawMode&& other) noexcept;
  RawMode& operator=(RawMode&&) = delete;
  ~RawMode();

 private:
  RawMode(int fd, const termios& before) : fd_(fd), before_(before) {}
  int fd_;  // borrowed; -1: moved from
  termios before_;
};

}  // namespace gantry::cli::docker
