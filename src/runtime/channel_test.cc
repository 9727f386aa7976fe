// SPDX-License-Identifier: Apache-2.0
#include "runtime/channel.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <optional>

#include "testing/child.h"
#include "testing/must.h"

namespace gantry::runtime {
namespace {

class ChannelTest : public ::testing::Test {
 protected:
  ChannelTest() {
    auto [one, other] = MUST(Channel::make_pair());
    parent_.emplace(std::move(one));
    child_.emplace(std::move(other));
  }
  std::optional<Channel> parent_, child_;
};

TEST_F(ChannelTest, messages_arrive_whole_and_in_order) {
  const std::string strange("a\0b\nc\xff", 6);
  MUST(child_->send(Signal::Pid, "1234"));
  MUST(child_->send(Signal::Hooks));
  MUST(child_->send(Signal::Ready, strange));
  const Message pid = MUST(parent_->receive());
  EXPECT_EQ(pid.signal, Signal::Pid);
  EXPECT_EQ(pid.payload, "1234");
  EXPECT_EQ(MUST(parent_->expect(Signal::Hooks)), "");
  EXPECT_EQ(MUST(parent_->expect(Signal::Ready)), strange);
  MUST(parent_->send(Signal::Go));
  EXPECT_EQ(MUST(child_->expect(Signal::Go)), "");
}

TEST_F(ChannelTest, an_error_travels_whole) {
  const Error sent = sys_error_of(ENOSPC, "mounts[3] '/x': make directory").with_code(Code::Unsupported);
  MUST(child_->send_failure(sent));
  const auto received = parent_->receive();
  ASSERT_FALSE(received);
  EXPECT_EQ(received.error().message(), sent.message());
  EXPECT_EQ(received.error().code(), Code::Unsupported);
  EXPECT_EQ(received.error().errno_value(), ENOSPC);
}

TEST_F(ChannelTest, an_error_arrives_from_who_left_messages_unread) {
  MUST(parent_->send(Signal::Go));
  MUST(child_->send_failure(error(Code::NotFound, "no such program")));
  child_.reset();
  EXPECT_EQ(parent_->receive().error().message(), "no such program");
  EXPECT_EQ(parent_->receive().error().code(), Code::Unavailable);
}

TEST_F(ChannelTest, an_error_is_what_every_way_of_listening_answers) {
  for (int i = 0; i < 3; ++i) MUST(child_->send_failure(error(Code::Conflict, "no")));
  EXPECT_EQ(parent_->receive().error().message(), "no");
  EXPECT_EQ(parent_->expect(Signal::Ready).error().message(), "no");
  EXPECT_EQ(parent_->wait_for_end().error().message(), "no");
}

TEST_F(ChannelTest, the_end_of_the_other_side_is_an_error_where_a_message_was_due) {
  child_.reset();
  const auto received = parent_->receive();
  ASSERT_FALSE(received);
  EXPECT_EQ(received.error().code(), Code::Unavailable);
  EXPECT_FALSE(parent_->expect(Signal::Ready));
}

TEST_F(ChannelTest, the_end_is_good_news_where_it_was_waited_for) {
  child_.reset();
  MUST(parent_->wait_for_end());
}

TEST_F(ChannelTest, a_message_before_the_end_still_arrives) {
  MUST(child_->send_failure(error(Code::Internal, "last words")));
  child_.reset();
  EXPECT_EQ(parent_->wait_for_end().error().message(), "last words");
  MUST(parent_->wait_for_end());
}

TEST_F(ChannelTest, what_was_not_expected_is_an_error) {
  MUST(child_->send(Signal::Hooks));
  const auto received = parent_->expect(Signal::Ready);
  ASSERT_FALSE(received);
  EXPECT_EQ(received.error().message(), "unexpected message 2 instead of 3");
  MUST(child_->send(Signal::Ready));
  EXPECT_FALSE(parent_->wait_for_end());
}

TEST_F(ChannelTest, sending_to_who_is_gone_is_an_error_and_no_signal) {
  child_.reset();
  const auto sent = parent_->send(Signal::Go);
  ASSERT_FALSE(sent);
  EXPECT_EQ(sent.error().errno_value(), EPIPE);
}

TEST_F(ChannelTest, the_other_side_may_end_without_having_read) {
  MUST(parent_->send(Signal::Go));
  child_.reset();
  MUST(parent_->wait_for_end());  // not "connection reset"
}

TEST_F(ChannelTest, huge_errors_are_cut) {
  MUST(child_->send_failure(Error(Code::Internal, 0, std::string(1 << 20, 'x'))));
  const auto received = parent_->receive();
  ASSERT_FALSE(received);
  EXPECT_EQ(received.error().message(), std::string(16 << 10, 'x'));
  MUST(child_->send(Signal::Ready));
  EXPECT_EQ(MUST(parent_->expect(Signal::Ready)), "") << "and what follows is not disturbed";
}

TEST_F(ChannelTest, a_child_that_is_killed_is_noticed) {
  const int status = testing::status_of_child([&] {
    parent_.reset();
    ::kill(::getpid(), SIGKILL);
  });
  EXPECT_EQ(WTERMSIG(status), SIGKILL);
  child_.reset();
  EXPECT_EQ(parent_->receive().error().code(), Code::Unavailable);
}

TEST_F(ChannelTest, is_closed_on_exec) {
  EXPECT_EQ(::fcntl(parent_->fd(), F_GETFD), FD_CLOEXEC);
  EXPECT_EQ(::fcntl(child_->fd(), F_GETFD), FD_CLOEXEC);
}

// The other half is a process that a hostile container may have taken over by then.
TEST_F(ChannelTest, descriptors_that_are_sent_along_do_not_stay_open) {
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
  char byte = 4;
  iovec data{.iov_base = &byte, .iov_len = 1};
  msghdr message{.msg_iov = &data, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
  cmsghdr* header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(sizeof(int));
  const int next = ::dup(0);
  ::close(next);
  ASSERT_EQ(::sendmsg(child_->fd(), &message, 0), 1);
  EXPECT_FALSE(parent_->receive()) << "shorter than any message";
  const int after = ::dup(0);
  ::close(after);
  EXPECT_EQ(after, next);
}

}  // namespace
}  // namespace gantry::runtime
