// SPDX-License-Identifier: Apache-2.0
#include "daemon/notify.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstddef>
#include <cstdlib>
#include <cstring>

#include <fmt/format.h>

#include "base/unique_fd.h"
#include "testing/must.h"
#include "testing/temp_dir.h"

namespace gantry::daemon {
namespace {

// What arrives at a socket of that name (sun_path) when "READY=1" is said to `variable`.
std::string heard(std::string_view path, const std::string& variable) {
  sockaddr_un address{.sun_family = AF_UNIX};
  std::memcpy(address.sun_path, path.data(), path.size());
  const UniqueFd socket(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size());
  EXPECT_EQ(::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), length), 0) << errno;
  ::setenv("NOTIFY_SOCKET", variable.c_str(), 1);
  MUST(notify_service_manager("READY=1"));
  ::unsetenv("NOTIFY_SOCKET");
  char text[64];
  const ssize_t got = ::recv(socket.get(), text, sizeof text, 0);
  return got < 0 ? "nothing" : std::string(text, static_cast<std::size_t>(got));
}

TEST(Notify, reaches_a_socket_with_a_path_and_an_abstract_one) {
  const testing::TempDir directory;
  const std::string path = directory.path() + "/socket";
  EXPECT_EQ(heard(path, path), "READY=1");
  const std::string name = fmt::format("gantry-test-{}", ::getpid());
  EXPECT_EQ(heard(std::string(1, '\0') + name, "@" + name), "READY=1");
}

TEST(Notify, is_silent_where_nobody_asks_and_says_what_is_wrong) {
  ::unsetenv("NOTIFY_SOCKET");
  MUST(notify_service_manager("READY=1"));
  ::setenv("NOTIFY_SOCKET", "/nonexistent/socket", 1);
  EXPECT_FALSE(notify_service_manager("READY=1"));
  ::setenv("NOTIFY_SOCKET", "relative", 1);
  EXPECT_FALSE(notify_service_manager("READY=1"));
  ::unsetenv("NOTIFY_SOCKET");
}

}  // namespace
}  // namespace gantry::daemon
