// SPDX-License-Identifier: Apache-2.0
#include "container/blocking_shim_client.h"

#include <poll.h>
#include <sys/socket.h>

#include <algorithm>

#include "container/shim_socket.h"

namespace gantry::container {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

Result<BlockingShimClient> BlockingShimClient::connect(const std::string& socket, milliseconds patience) {
  return BlockingShimClient(TRY(connect_to_shim(socket)), patience);
}

Result<shim::Status> BlockingShimClient::status() {
  const shim::Answer ok =
      TRY(ask(make_request(shim::RequestType::Status, new_address(shim::kContainerSession))));
  return shim::parse_status(ok.body);
}

Result<void> BlockingShimClient::start() {
  TRY(ask(make_request(shim::RequestType::Start, new_address(shim::kContainerSession))));
  return {};
}

Result<void> BlockingShimClient::attach(std::uint32_t session, std::uint16_t flags) {
  TRY(ask(make_request(shim::RequestType::Attach, new_address(session), flags)));
  return {};
}

Result<ShimClient::Exec> BlockingShimClient::exec(const std::string& process_file, std::uint16_t flags,
                                                  shim::WindowSize size) {
  const shim::Answer ok =
      TRY(ask(make_exec(new_address(shim::kContainerSession), process_file, flags, size)));
  const std::uint32_t pid = TRY(shim::parse_pid(ok.body));
  return ShimClient::Exec{.session = ok.to.session, .pid = pid};
}

Result<void> BlockingShimClient::close_stdin(std::uint32_t session) {
  TRY(ask(make_request(shim::RequestType::CloseStdin, new_address(session))));
  return {};
}

Result<void> BlockingShimClient::signal(std::uint32_t session, int number, std::uint16_t flags) {
  TRY(ask(make_signal(new_address(session), number, flags)));
  return {};
}

Result<void> BlockingShimClient::resize(std::uint32_t session, shim::WindowSize size) {
  TRY(ask(make_resize(new_address(session), size)));
  return {};
}

Result<void> BlockingShimClient::remove(std::uint32_t session, bool force) {
  TRY(ask(make_request(shim::RequestType::Delete, new_address(session), force ? shim::kDeleteForce : 0)));
  return {};
}

Result<shim::ExitStatus> BlockingShimClient::wait_exit(std::uint32_t session, milliseconds limit) {
  const Time deadline = steady_clock::now() + limit;
  const shim::Address address = new_address(session);
  TRY(send(make_request(shim::RequestType::Wait, address), deadline));
  for (;;) {
    const shim::Answer next = TRY(receive(deadline));
    if (next.type == shim::FrameType::Exited && next.to.session == session) return next.exit;
    if (next.type == shim::FrameType::Error && next.to.tag == address.tag)
      return error(next.code, "{}", next.body);
  }
}

Result<shim::Answer> BlockingShimClient::ask(const std::string& frame) {
  const Time deadline = steady_clock::now() + patience_;
  const std::uint32_t tag = shim::tag_of(frame);
  TRY(send(frame, deadline));
  for (;;) {
    const shim::Answer next = TRY(receive(deadline));
    // What comes besides belongs to an earlier request that was not waited for long enough.
    if (next.to.tag != tag) continue;
    if (next.type == shim::FrameType::Ok) return next;
    if (next.type == shim::FrameType::Error) return error(next.code, "{}", next.body);
  }
}

Result<void> BlockingShimClient::send(const std::string& frame, Time deadline) {
  for (;;) {
    if (::send(socket_.get(), frame.data(), frame.size(), MSG_DONTWAIT | MSG_NOSIGNAL) >= 0) return {};
    if (errno == EAGAIN)
      TRY(wait_for(POLLOUT, deadline));
    else if (errno != EINTR)
      return sys_error("send to the container's shim").with_code(Code::Unavailable);
  }
}

Result<shim::Answer> BlockingShimClient::receive(Time deadline) {
  buffer_.resize(shim::kHeaderSize + shim::kMaxBody + 1);
  for (;;) {
    const ssize_t n = ::recv(socket_.get(), buffer_.data(), buffer_.size(), MSG_DONTWAIT);
    // An error is said once, when the shim closed with frames of ours unread; its own still count.
    if (n < 0 && (errno == EINTR || errno == ECONNRESET)) continue;
    if (n < 0 && errno == EAGAIN) {
      TRY(wait_for(POLLIN, deadline));
      continue;
    }
    if (n < 0) return sys_error("receive from the container's shim").with_code(Code::Unavailable);
    if (n == 0) return error(Code::Unavailable, "the container's shim has closed the connection");
    auto answer = shim::parse_answer({buffer_.data(), static_cast<std::size_t>(n)});
    if (!answer && answer.error().code() == Code::Unsupported) continue;
    return answer;
  }
}

Result<void> BlockingShimClient::wait_for(short events, Time deadline) {
  for (;;) {
    const auto left = std::chrono::ceil<milliseconds>(deadline - steady_clock::now()).count();
    pollfd fd{.fd = socket_.get(), .events = events};
    const int ready = ::poll(&fd, 1, static_cast<int>(std::clamp<std::int64_t>(left, 0, 1 << 30)));
    if (ready > 0) return {};
    if (ready == 0) return error(Code::TimedOut, "the container's shim has not answered in time");
    if (errno != EINTR) return sys_error("wait for the container's shim");
  }
}

}  // namespace gantry::container
