// SPDX-License-Identifier: Apache-2.0
#include "cli/docker/terminal.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <utility>

namespace gantry::cli::docker {

bool is_terminal(int fd) { return ::isatty(fd) == 1; }

std::optional<WindowSize> window_size(int fd) {
  winsize size{};
  if (::ioctl(fd, TIOCGWINSZ, &size) < 0) return std::nullopt;
  return WindowSize{.rows = size.ws_row, .columns = size.ws_col};
}

std::vector<std::uint32_t> console_size() {
  const auto size = window_size(STDOUT_FILENO);
  if (!size) return {};
  return {size->rows, size->columns};
}

Result<RawMode> RawMode::enter(int fd) {
  termios before{};
  if (::tcgetattr(fd, &before) < 0) return sys_error("read the terminal's settings");
  termios raw = before;
  ::cfmakeraw(&raw);
  if (::tcsetattr(fd, TCSANOW, &raw) < 0) return sys_error("set the terminal to raw mode");
  return RawMode(fd, before);
}

RawMode::RawMode(RawMode&& other) noexcept : fd_(std::exchange(other.fd_, -1)), before_(other.before_) {}

RawMode::~RawMode() {
  // Nothing could be done about a terminal that has gone.
  if (fd_ >= 0) (void)::tcsetattr(fd_, TCSANOW, &before_);
}

}  // namespace gantry::cli::docker
