// SPDX-License-Identifier: Apache-2.0
#include "runtime/shim/oom_counter.h"

#include <fcntl.h>

#include <fmt/format.h>

#include "base/file.h"

namespace gantry::shim {
namespace {

// "4:cpu,memory:/path" (cgroups(7)): is memory among the controllers?
bool has_memory(std::string_view controllers) {
  return fmt::format(",{},", controllers).find(",memory,") != std::string::npos;
}

}  // namespace

OomCounter OomCounter::of_process(pid_t pid) {
  const auto table = read_file(fmt::format("/proc/{}/cgroup", pid));
  if (!table) return {};
  std::string file;
  for (std::string_view rest = *table; !rest.empty();) {
    const std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(rest.size(), line.size() + 1));
    const std::size_t first = line.find(':'), second = line.find(':', first + 1);
    if (first == line.npos || second == line.npos) continue;
    const std::string_view controllers = line.substr(first + 1, second - first - 1);
    const std::string_view path = line.substr(second + 1);
    if (has_memory(controllers)) {
      file = fmt::format("/sys/fs/cgroup/memory{}/memory.oom_control", path);
      break;  // on a mixed host the controller is in one hierarchy only, and v1 says so
    }
    if (controllers.empty()) file = fmt::format("/sys/fs/cgroup{}/memory.events", path);
  }
  auto fd = open_at(AT_FDCWD, file, O_RDONLY);
  return fd ? OomCounter(std::move(*fd)) : OomCounter();
}

bool OomCounter::has_killed() const {
  char text[1024];
  const ssize_t n = file_ ? ::pread(file_.get(), text, sizeof text, 0) : 0;
  if (n <= 0) return false;
  constexpr std::string_view kKey = "oom_kill ";
  std::string_view rest(text, static_cast<std::size_t>(n));
  // At the start of a line: memory.events also has "oom_group_kill", memory.oom_control "oom_kill_disable".
  for (; !rest.empty();
       rest.remove_prefix(std::min(rest.size(), rest.find('\n')) + (rest.find('\n') != rest.npos)))
    if (rest.starts_with(kKey)) return !rest.substr(kKey.size()).starts_with("0\n");
  return false;
}

}  // namespace gantry::shim
