// SPDX-License-Identifier: Apache-2.0
#include "daemon/activation.h"

#include <fcntl.h>
#include <unistd.h>

#include <charconv>
#include <cstdlib>
#include <string_view>

namespace gantry::daemon {
namespace {

constexpr int kFirst = 3;  // SD_LISTEN_FDS_START
constexpr int kMost = 1024;

std::string_view variable(const char* name) {
  const char* value = std::getenv(name);  // NOLINT(concurrency-mt-unsafe): nobody sets variables
  return value == nullptr ? std::string_view() : std::string_view(value);
}

int number_in(const char* name) {
  const std::string_view text = variable(name);
  int number = 0;
  const char* end = text.data() + text.size();
  return std::from_chars(text.data(), end, number).ptr == end && !text.empty() ? number : -1;
}

// Takes the first of the names off.
std::string take_name(std::string_view& names) {
  const std::string_view name = names.substr(0, names.find(':'));
  names.remove_prefix(std::min(names.size(), name.size() + 1));
  return name.empty() ? "unknown" : std::string(name);
}

}  // namespace

Result<std::vector<ActivatedSocket>> take_activated_sockets() {
  std::vector<ActivatedSocket> sockets;
  if (number_in("LISTEN_PID") != ::getpid()) return sockets;
  const int count = number_in("LISTEN_FDS");
  if (count < 0 || count > kMost)
    return error(Code::InvalidArgument, "LISTEN_FDS is not a number of sockets: '{}'",
                 variable("LISTEN_FDS"));
  std::string_view names = variable("LISTEN_FDNAMES");
  for (int fd = kFirst; fd < kFirst + count; ++fd) {
    sockets.push_back({take_name(names), UniqueFd(fd)});
    if (::fcntl(fd, F_SETFD, FD_CLOEXEC) < 0) return sys_error("take the socket with number {}", fd);
  }
  // Children must not take them for theirs.
  for (const char* name : {"LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"})
    ::unsetenv(name);  // NOLINT(concurrency-mt-unsafe): before there are threads
  return sockets;
}

}  // namespace gantry::daemon
