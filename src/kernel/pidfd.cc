// SPDX-License-Identifier: Apache-2.0
#include "kernel/pidfd.h"

#include <fcntl.h>
extern "C" {  // glibc 2.36 forgot to say so
#include <sys/pidfd.h>
}

#include <cstdlib>
#include <cstring>

namespace gantry::kernel {

std::optional<ProcessStat> read_process_stat(pid_t pid) {
  const std::string path = fmt::format("/proc/{}/stat", pid);
  UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) return std::nullopt;
  char text[1024];
  const ssize_t n = ::read(fd.get(), text, sizeof text - 1);
  if (n <= 0) return std::nullopt;
  text[n] = '\0';
  // The second field is the command in parentheses and may itself hold ")" and spaces.
  const char* field = std::strrchr(text, ')');
  if (field == nullptr || field[1] != ' ') return std::nullopt;
  field += 2;
  ProcessStat stat{.state = *field};
  constexpr int kStateField = 3;
  constexpr int kStartTimeField = 22;
  for (int i = kStateField; i < kStartTimeField; ++i) {
    field = std::strchr(field, ' ');
    if (field == nullptr) return std::nullopt;
    ++field;
  }
  stat.start_time = std::strtoull(field, nullptr, 10);
  return stat;
}

Result<UniqueFd> open_pidfd(pid_t pid) {
  UniqueFd fd(::pidfd_open(pid, 0));
  if (!fd) return sys_error("open process {}", pid);
  return fd;
}

Result<UniqueFd> open_pidfd(pid_t pid, std::uint64_t start_time) {
  UniqueFd fd = TRY(open_pidfd(pid));
  // The descriptor holds whoever has the pid now; only then is it worth asking who that is.
  const std::optional<ProcessStat> stat = read_process_stat(pid);
  if (!stat || stat->start_time != start_time) return sys_error_of(ESRCH, "open process {}", pid);
  return fd;
}

Result<void> send_signal(int pidfd, int signal) {
  if (::pidfd_send_signal(pidfd, signal, nullptr, 0) < 0) return sys_error("send signal {}", signal);
  return {};
}

}  // namespace gantry::kernel
