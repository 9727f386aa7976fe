// SPDX-License-Identifier: Apache-2.0
#include "runtime/cli/descriptors.h"

#include <fcntl.h>
#include <unistd.h>

#include <charconv>
#include <cstdlib>
#include <string_view>

namespace gantry::runtime::cli {

namespace {

// 0 for what is no positive number.
int number_in_environment(const char* variable) {
  const char* value = std::getenv(variable);
  if (value == nullptr) return 0;
  const std::string_view text = value;
  int number = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), number);
  return failed == std::errc() && end == text.data() + text.size() && number > 0 ? number : 0;
}

// sd_listen_fds(3): descriptors that were passed to another process, of which we only inherited the
// environment, are none of ours.
int listen_fds() {
  return number_in_environment("LISTEN_PID") == ::getpid() ? number_in_environment("LISTEN_FDS") : 0;
}

}  // namespace

Result<int> count_preserved(int asked) {
  if (asked < 0) return error(Code::InvalidArgument, "--preserve-fds is negative");
  const std::int64_t end = std::int64_t{3} + asked + listen_fds();
  for (int fd = 3; fd < end; ++fd)
    if (::fcntl(fd, F_GETFD) < 0)
      return error(Code::InvalidArgument, "descriptor {} is to be preserved, but is not open", fd);
  return static_cast<int>(end - 3);
}

void announce_listen_fds(oci::Process& process) {
  const int count = listen_fds();
  if (count == 0) return;
  process.env.push_back(fmt::format("LISTEN_FDS={}", count));
  process.env.emplace_back("LISTEN_PID=1");
}

}  // namespace gantry::runtime::cli
