// SPDX-License-Identifier: Apache-2.0
#include "build/agent_listener.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <string>

#include "testing/must.h"
#include "testing/temp_dir.h"

namespace gantry::build {
namespace {

using testing::TempDir;

UniqueFd connect_to(const std::string& path) {
  sockaddr_un address{.sun_family = AF_UNIX};
  std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
  UniqueFd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  EXPECT_EQ(::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  return socket;
}

std::string exchange(int socket, const std::string& text) {
  EXPECT_EQ(::write(socket, text.data(), text.size()), static_cast<ssize_t>(text.size()));
  char answer[64];
  const ssize_t size = ::read(socket, answer, sizeof answer);
  return {answer, size < 0 ? 0 : static_cast<std::size_t>(size)};
}

// An agent that answers what it is told.
void echo(int socket) {
  char text[64];
  for (ssize_t size; (size = ::read(socket, text, sizeof text)) > 0;)
    if (::write(socket, text, static_cast<std::size_t>(size)) != size) return;
}

TEST(AgentListener, ItsSocketHasTheModeThatWasAskedFor) {
  const TempDir directory;
  const auto listener = MUST(AgentListener::open(directory.path() + "/a",
                                                 {.uid = ::getuid(), .gid = ::getgid(), .mode = 0640}, echo));
  struct stat st{};
  ASSERT_EQ(::stat(listener->path().c_str(), &st), 0);
  EXPECT_TRUE(S_ISSOCK(st.st_mode));
  EXPECT_EQ(st.st_mode & 07777, 0640u);
}

TEST(AgentListener, WhatIsSaidReachesTheAgentAndComesBack) {
  const TempDir directory;
  const AgentListener::Access own{.uid = ::getuid(), .gid = ::getgid()};
  const auto agent = MUST(AgentListener::open(directory.path() + "/agent", own, echo));
  const auto relay =
      MUST(AgentListener::open(directory.path() + "/relay", own, relay_to_agent(agent->path())));
  const UniqueFd first = connect_to(relay->path()), second = connect_to(relay->path());
  EXPECT_EQ(exchange(first.get(), "one"), "one");
  EXPECT_EQ(exchange(second.get(), "two"), "two");
}

TEST(AgentListener, EndsItsConnectionsAndLeavesNothing) {
  const TempDir directory;
  auto listener =
      MUST(AgentListener::open(directory.path() + "/a", {.uid = ::getuid(), .gid = ::getgid()}, echo));
  const std::string path = listener->path();
  const UniqueFd socket = connect_to(path);
  EXPECT_EQ(exchange(socket.get(), "x"), "x");
  listener.reset();
  char byte;
  EXPECT_EQ(::read(socket.get(), &byte, 1), 0);
  EXPECT_NE(::access(path.c_str(), F_OK), 0);
}

TEST(AgentListener, AnAgentThatIsNotThereIsAnEnd) {
  const TempDir directory;
  const auto relay =
      MUST(AgentListener::open(directory.path() + "/relay", {.uid = ::getuid(), .gid = ::getgid()},
                               relay_to_agent(directory.path() + "/absent")));
  const UniqueFd socket = connect_to(relay->path());
  char byte;
  EXPECT_EQ(::read(socket.get(), &byte, 1), 0);
}

}  // namespace
}  // namespace gantry::build
