// SPDX-License-Identifier: Apache-2.0
#include "runtime/cli/descriptors.h"

#include <fcntl.h>

#include <cstdlib>

namespace gantry::runtime::cli {

Result<int> count_preserved(int asked) {
  if (asked < 0) return error(Code::InvalidArgument, "--preserve-fds is negative");
  const char* listen_fds = std::getenv("LISTEN_FDS");
  const int count = asked + (listen_fds == nullptr ? 0 : std::max(0, std::atoi(listen_fds)));
  for (int fd = 3; fd < 3 + count; ++fd)
    if (::fcntl(fd, F_GETFD) < 0)
      return error(Code::InvalidArgument, "descriptor {} is to be preserved, but is not open", fd);
  return count;
}

void announce_listen_fds(oci::Process& process) {
  const char* listen_fds = std::getenv("LISTEN_FDS");
  if (listen_fds == nullptr) return;
  process.env.push_back(fmt::format("LISTEN_FDS={}", listen_fds));
  process.env.emplace_back("LISTEN_PID=1");
}

}  // namespace gantry::runtime::cli
