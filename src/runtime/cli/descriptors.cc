// SPDX-License-Identifier: Apache-2.0
#include "runtime/cli/descriptors.h"

#include <fcntl.h>

#include <charconv>
#include <cstdlib>
#include <string_view>

namespace gantry::runtime::cli {

namespace {

// sd_listen_fds(3); what is no such number is taken for none, as there.
int listen_fds() {
  const char* value = std::getenv("LISTEN_FDS");
  if (value == nullptr) return 0;
  const std::string_view text = value;
  int count = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), count);
  return failed == std::errc() && end == text.data() + text.size() && count > 0 ? count : 0;
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
