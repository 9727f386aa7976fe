// SPDX-License-Identifier: Apache-2.0
#include "engine/shim_launches.h"

#include <fcntl.h>

#include <algorithm>
#include <chrono>
#include <string_view>
#include <thread>

#include "base/file.h"
#include "container/launch.h"
#include "container/shim_socket.h"

namespace gantry::engine {

namespace {

// There is nothing to wait on: the socket has no name yet, and the process is not ours.
constexpr std::chrono::milliseconds kInterval{5};

bool is_pid(const std::string& name) {
  return std::ranges::all_of(name, [](char c) { return c >= '0' && c <= '9'; });
}

// /proc/PID/cmdline: the arguments, each with a NUL at its end.
bool has_argument(std::string_view command_line, std::string_view argument) {
  while (!command_line.empty()) {
    const std::size_t end = command_line.find('\0');
    if (command_line.substr(0, end) == argument) return true;
    if (end == command_line.npos) return false;
    command_line.remove_prefix(end + 1);
  }
  return false;
}

bool has_process(const std::string& state_dir) {
  const auto names = names_in(AT_FDCWD, "/proc");
  if (!names) return false;
  return std::ranges::any_of(*names, [&](const std::string& name) {
    if (!is_pid(name)) return false;
    const auto command_line = read_file("/proc/" + name + "/cmdline");
    return command_line && has_argument(*command_line, state_dir);
  });
}

bool listens(const std::string& state_dir) {
  return container::connect_to_shim(container::shim_socket(state_dir)).has_value();
}

}  // namespace

void wait_for_shim_launch(const std::string& state_dir) {
  while (!listens(state_dir) && has_process(state_dir)) std::this_thread::sleep_for(kInterval);
}

}  // namespace gantry::engine
