// SPDX-License-Identifier: Apache-2.0
#include "kernel/pty.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>

#include "base/file.h"
#include "testing/child.h"
#include "testing/must.h"
#include "testing/temp_dir.h"

namespace gantry::kernel {
namespace {

class PtyTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto ptmx = open_at(AT_FDCWD, "/dev/ptmx", O_RDWR | O_NOCTTY);
    if (!ptmx) GTEST_SKIP() << ptmx.error().message();
    pty_ = MUST(open_pty(std::move(*ptmx)));
  }
  Pty pty_;
};

TEST_F(PtyTest, what_one_end_writes_the_other_reads) {
  EXPECT_EQ(::isatty(pty_.slave.get()), 1);
  MUST(write_all(pty_.master.get(), "typed\n", "master"));
  char text[16] = {};
  EXPECT_EQ(::read(pty_.slave.get(), text, sizeof text), 6);
  EXPECT_STREQ(text, "typed\n");
  EXPECT_EQ(::fcntl(pty_.slave.get(), F_GETFD), FD_CLOEXEC);
}

TEST_F(PtyTest, has_the_size_it_is_given) {
  MUST(set_window_size(pty_.master.get(), 24, 65'535));
  winsize size{};
  ASSERT_EQ(::ioctl(pty_.slave.get(), TIOCGWINSZ, &size), 0);
  EXPECT_EQ(size.ws_row, 24);
  EXPECT_EQ(size.ws_col, 65'535);
}

TEST_F(PtyTest, becomes_the_controlling_terminal_of_a_session_leader) {
  // Not in_child(): what the child prints would go to the terminal.
  const int status = testing::status_of_child([&] {
    ::setsid();
    if (!become_terminal_owner(pty_.slave.get())) ::_exit(2);
    for (int fd = 0; fd <= 2; ++fd)
      if (::isatty(fd) != 1) ::_exit(3);
    const int terminal = ::open("/dev/tty", O_RDWR | O_CLOEXEC);
    ::_exit(terminal >= 0 && ::tcgetpgrp(0) == ::getpid() ? 0 : 4);
  });
  EXPECT_EQ(status, 0);
}

TEST_F(PtyTest, is_not_taken_by_who_leads_no_session) {
  testing::in_child([&] {
    ::setsid();
    // The leader's child is none.
    testing::in_child([&] {
      const auto taken = become_terminal_owner(pty_.slave.get());
      ASSERT_FALSE(taken);
      EXPECT_EQ(taken.error().errno_value(), EPERM);
    });
  });
}

TEST(OpenPty, takes_nothing_but_the_multiplexer) {
  testing::TempDir dir;
  MUST(replace_file_at(dir.fd(), "ptmx", "", 0644));
  ASSERT_EQ(::mkfifo((dir / "fifo").c_str(), 0600), 0);
  for (const std::string& path :
       {dir / "ptmx", dir / "fifo", std::string("/dev/null"), std::string("/dev/zero")}) {
    const auto pty = open_pty(MUST(open_at(AT_FDCWD, path, O_RDWR | O_NONBLOCK)));
    ASSERT_FALSE(pty) << path;
    EXPECT_EQ(pty.error().code(), Code::InvalidArgument);
  }
  EXPECT_FALSE(open_pty(UniqueFd()));
}

TEST(WindowSize, is_nothing_that_a_file_has) {
  UniqueFd null = MUST(open_at(AT_FDCWD, "/dev/null", O_RDWR));
  const auto set = set_window_size(null.get(), 1, 1);
  ASSERT_FALSE(set);
  EXPECT_EQ(set.error().errno_value(), ENOTTY);
}

// ---- sockets

UniqueFd listen_at(int dir, const std::string& name, int type) {
  UniqueFd socket(::socket(AF_UNIX, type | SOCK_CLOEXEC, 0));
  sockaddr_un address{.sun_family = AF_UNIX};
  const std::string path = fmt::format("/proc/self/fd/{}/{}", dir, name);
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  EXPECT_EQ(::bind(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  EXPECT_EQ(::listen(socket.get(), 1), 0);
  return socket;
}

TEST(ConnectUnix, reaches_a_socket_however_long_its_path_is) {
  testing::TempDir dir;
  const std::string deep = dir / std::string(100, 'a') + "/" + std::string(100, 'b');
  MUST(make_directories(deep, 0700));
  UniqueFd at = MUST(open_at(AT_FDCWD, deep, O_PATH));
  for (const int type : {SOCK_STREAM, SOCK_SEQPACKET}) {
    const std::string name = "socket" + std::to_string(type);
    UniqueFd server = listen_at(at.get(), name, type);
    UniqueFd client = MUST(connect_unix(deep + "/" + name, type));
    UniqueFd accepted(::accept4(server.get(), nullptr, nullptr, SOCK_CLOEXEC));
    EXPECT_TRUE(accepted);
    EXPECT_EQ(::fcntl(client.get(), F_GETFD), FD_CLOEXEC);
  }
}

TEST(ConnectUnix, says_what_it_could_not_reach) {
  testing::TempDir dir;
  const auto missing = connect_unix(dir / "missing", SOCK_STREAM);
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code(), Code::NotFound);
  MUST(replace_file_at(dir.fd(), "file", "", 0644));
  const auto file = connect_unix(dir / "file", SOCK_STREAM);
  ASSERT_FALSE(file);
  EXPECT_EQ(file.error().message(),
            "connect to socket '" + (dir / "file") + "': Connection refused (ECONNREFUSED)");
  listen_at(dir.fd(), "deserted", SOCK_STREAM).reset();
  EXPECT_FALSE(connect_unix(dir / "deserted", SOCK_STREAM));
  UniqueFd server = listen_at(dir.fd(), "stream", SOCK_STREAM);
  const auto other = connect_unix(dir / "stream", SOCK_SEQPACKET);
  ASSERT_FALSE(other);
  EXPECT_EQ(other.error().errno_value(), EPROTOTYPE);
}

TEST(SendDescriptor, arrives_with_its_payload) {
  int fds[2];
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
  UniqueFd ours(fds[0]), theirs(fds[1]);
  testing::TempDir dir;
  MUST(send_descriptor(ours.get(), dir.fd(), "/dev/pts/7"));

  char text[32] = {};
  iovec data{.iov_base = text, .iov_len = sizeof text};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))];
  msghdr message{.msg_iov = &data, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
  ASSERT_EQ(::recvmsg(theirs.get(), &message, MSG_CMSG_CLOEXEC), 10);
  EXPECT_STREQ(text, "/dev/pts/7");
  const cmsghdr* header = CMSG_FIRSTHDR(&message);
  ASSERT_NE(header, nullptr);
  ASSERT_EQ(header->cmsg_type, SCM_RIGHTS);
  int received = -1;
  std::memcpy(&received, CMSG_DATA(header), sizeof received);
  UniqueFd owned(received);
  struct stat sent{}, got{};
  ASSERT_EQ(::fstat(dir.fd(), &sent), 0);
  ASSERT_EQ(::fstat(received, &got), 0);
  EXPECT_EQ(sent.st_ino, got.st_ino);
}

TEST(SendDescriptor, a_receiver_that_is_gone_is_an_error_and_no_signal) {
  int fds[2];
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
  UniqueFd ours(fds[0]);
  UniqueFd(fds[1]).reset();
  const auto sent = send_descriptor(ours.get(), 0, "x");
  ASSERT_FALSE(sent);
  EXPECT_EQ(sent.error().message(), "send descriptor: Broken pipe (EPIPE)");
  EXPECT_FALSE(send_descriptor(ours.get(), -1, "x")) << "a descriptor that is none";
}

}  // namespace
}  // namespace gantry::kernel
