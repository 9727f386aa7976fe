// SPDX-License-Identifier: Apache-2.0
#include "runtime/channel.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstring>

namespace gantry::runtime {
namespace {

// Longer errors are cut: they are for people.
constexpr std::size_t kLongestError = 16 << 10;

struct Header {
  Signal signal;
  Code code;  // of a failure
  std::int32_t errno_value;
};

Result<void> send_message(int fd, const Header& header, std::string_view payload) {
  iovec parts[2] = {{.iov_base = const_cast<Header*>(&header), .iov_len = sizeof header},
                    {.iov_base = const_cast<char*>(payload.data()), .iov_len = payload.size()}};
  const msghdr message{.msg_iov = parts, .msg_iovlen = 2};
  while (::sendmsg(fd, &message, MSG_NOSIGNAL) < 0)
    if (errno != EINTR) return sys_error("tell the other half of the runtime");
  return {};
}

}  // namespace

Result<std::pair<Channel, Channel>> Channel::make_pair() {
  int fds[2];
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) < 0) return sys_error("make socket pair");
  return std::pair(Channel(UniqueFd(fds[0])), Channel(UniqueFd(fds[1])));
}

Result<void> Channel::send(Signal signal, std::string_view payload) const {
  return send_message(fd_.get(), {.signal = signal}, payload);
}

Result<void> Channel::send_failure(const Error& error) const {
  return send_message(fd_.get(),
                      {.signal = Signal::Failed, .code = error.code(), .errno_value = error.errno_value()},
                      std::string_view(error.message()).substr(0, kLongestError));
}

// Nothing: the other side has closed its end.
Result<std::optional<Message>> Channel::receive_or_end() const {
  // ECONNRESET says, once, that the other side ended without reading all of ours; what it said is still
  // there.
  ssize_t size = 0;
  while ((size = ::recv(fd_.get(), nullptr, 0, MSG_PEEK | MSG_TRUNC)) < 0)
    if (errno != EINTR && errno != ECONNRESET) return sys_error("listen to the other half of the runtime");
  if (size < static_cast<ssize_t>(sizeof(Header))) return std::nullopt;
  Header header{};
  std::string payload(static_cast<std::size_t>(size) - sizeof header, '\0');
  iovec parts[2] = {{.iov_base = &header, .iov_len = sizeof header},
                    {.iov_base = payload.data(), .iov_len = payload.size()}};
  msghdr message{.msg_iov = parts, .msg_iovlen = 2};
  while (::recvmsg(fd_.get(), &message, MSG_CMSG_CLOEXEC) < 0)
    if (errno != EINTR && errno != ECONNRESET) return sys_error("listen to the other half of the runtime");
  if (header.signal == Signal::Failed) return Error(header.code, header.errno_value, std::move(payload));
  return Message{header.signal, std::move(payload)};
}

Result<Message> Channel::receive() const {
  auto message = TRY(receive_or_end());
  if (!message) return error(Code::Unavailable, "the container's first process ended before it was ready");
  return std::move(*message);
}

Result<void> Channel::wait_for_end() const {
  if (TRY(receive_or_end())) return error(Code::Internal, "unexpected message instead of the end");
  return {};
}

Result<std::string> Channel::expect(Signal expected) const {
  Message message = TRY(receive());
  if (message.signal != expected)
    return error(Code::Internal, "unexpected message {} instead of {}", static_cast<int>(message.signal),
                 static_cast<int>(expected));
  return std::move(message.payload);
}

Result<Gate> Gate::make() {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) < 0) return sys_error("make pipe");
  return Gate(UniqueFd(ends[0]), UniqueFd(ends[1]));
}

void Gate::wait_as_child() {
  writer_.reset();
  char byte;
  while (::read(reader_.get(), &byte, 1) < 0 && errno == EINTR) {
  }
  reader_.reset();
}

}  // namespace gantry::runtime
