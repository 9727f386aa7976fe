// SPDX-License-Identifier: Apache-2.0
#include "runtime/shim/client.h"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "runtime/shim/shim.h"

namespace gantry::shim {
namespace {

constexpr unsigned kMaxUnanswered = 64;
constexpr int kFramesPerTurn = 16;  // so that one client cannot keep the loop from the others

enum class Sent : std::uint8_t { Yes, Full, Never };

Sent send_frame(const UniqueFd& socket, std::string_view header, std::string_view body) {
  iovec parts[2] = {{.iov_base = const_cast<char*>(header.data()), .iov_len = header.size()},
                    {.iov_base = const_cast<char*>(body.data()), .iov_len = body.size()}};
  const msghdr message{.msg_iov = parts, .msg_iovlen = 2};
  for (;;) {
    if (::sendmsg(socket.get(), &message, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0) return Sent::Yes;
    if (errno == EINTR) continue;
    return errno == EAGAIN || errno == ENOBUFS || errno == ENOMEM ? Sent::Full : Sent::Never;
  }
}

}  // namespace

Client::Client(Shim& shim, EventLoop& loop, UniqueFd socket, std::uint32_t id)
    : shim_(shim),
      id_(id),
      socket_(std::move(socket)),
      watch_(loop, Callback::to<&Client::on_ready>(*this)) {}

void Client::on_ready(std::uint32_t events) {
  if ((events & (EPOLLHUP | EPOLLERR)) != 0) is_hung_up_ = true;
  if ((events & EPOLLOUT) != 0) {
    flush();
    if (std::exchange(is_waiting_for_room_, false)) shim_.on_client_room();
  }
  read_requests();
  update_watch();
}

void Client::resume() {
  is_waiting_for_stdin_ = false;
  read_requests();
  update_watch();
}

void Client::read_requests() {
  const std::span<char> buffer = shim_.frame_buffer();
  for (int frames = 0; frames < kFramesPerTurn; ++frames) {
    if (is_gone_ || is_waiting_for_stdin_ || !unsent_.empty() || unanswered >= kMaxUnanswered) return;
    // Only looked at: it leaves the socket when it has been dealt with. The size is the whole frame's.
    const ssize_t n =
        ::recv(socket_.get(), buffer.data(), buffer.size(), MSG_PEEK | MSG_TRUNC | MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
    // Said once, when the other side closed with frames of ours unread; its own still count.
    if (n < 0 && errno == ECONNRESET) continue;
    if (n <= 0) return hang_up();
    const auto size = static_cast<std::size_t>(n);
    const std::string_view frame(buffer.data(), std::min(size, buffer.size()));
    if (!handle_frame(frame)) return;
    (void)::recv(socket_.get(), nullptr, 0, MSG_TRUNC | MSG_DONTWAIT);
  }
}

// False: the frame stays in the socket.
bool Client::handle_frame(std::string_view frame) {
  const auto request = parse_request(frame);
  if (!request) {
    send(make_error({tag_of(frame), 0}, request.error()));
    if (request.error().code() == Code::Unsupported) return true;
    discard_requests();
    hang_up();
    return false;
  }
  if (request->type == RequestType::Stdin) return take_stdin(*request);
  shim_.handle(*this, *request);
  return !is_gone_;
}

// Closing a socket with frames unread would reset the connection, and the answer with it.
void Client::discard_requests() {
  (void)::shutdown(socket_.get(), SHUT_RD);  // and no more come
  while (::recv(socket_.get(), nullptr, 0, MSG_TRUNC | MSG_DONTWAIT) > 0) {
  }
}

bool Client::take_stdin(const Request& request) {
  const auto taken = shim_.write_stdin(request.session, request.payload.substr(stdin_taken_));
  if (!taken) {
    stdin_taken_ = 0;
    send(make_error({request.tag, request.session}, taken.error()));
    return true;
  }
  stdin_taken_ += *taken;
  if (stdin_taken_ < request.payload.size()) {
    is_waiting_for_stdin_ = true;
    return false;
  }
  stdin_taken_ = 0;
  return true;
}

void Client::send(std::string frame) {
  if (is_deaf_) return;
  report_losses();
  unsent_.push_back(std::move(frame));
  flush();
  update_watch();
}

void Client::flush() {
  while (!unsent_.empty() && !is_deaf_) {
    const Sent sent = send_frame(socket_, unsent_.front(), {});
    if (sent == Sent::Full) return;
    if (sent == Sent::Never) is_deaf_ = true;
    unsent_.pop_front();
  }
  if (is_deaf_) {
    unsent_.clear();
    return;
  }
  if (attachment && (attachment->lost[0] | attachment->lost[1]) != 0) {
    report_losses();
    flush();
  }
}

// Queues the frames that stand where output is missing.
void Client::report_losses() {
  if (!attachment) return;
  for (const Stream stream : {Stream::Stdout, Stream::Stderr}) {
    std::uint64_t& lost = attachment->lost[static_cast<std::size_t>(stream)];
    if (lost > 0) unsent_.push_back(make_lost(attachment->address(), stream, lost));
    lost = 0;
  }
}

void Client::send_output(Stream stream, std::string_view bytes) {
  if (is_deaf_ || is_gone_) return;
  std::uint64_t& lost = attachment->lost[static_cast<std::size_t>(stream)];
  const OutputHeader header = make_output_header(attachment->address(), stream);
  const bool must_wait = !unsent_.empty() || lost > 0;
  const Sent sent = must_wait ? Sent::Full : send_frame(socket_, {header.bytes, kHeaderSize}, bytes);
  if (sent == Sent::Yes) return;
  if (sent == Sent::Never)
    is_deaf_ = true;
  else
    lost += bytes.size();
  update_watch();
}

// poll(2) says so while no more than a quarter of the socket's buffer is in use (net/unix/af_unix.c), and
// the shim made that buffer bigger than two frames.
bool Client::has_room() {
  if (is_deaf_ || is_gone_) return true;
  pollfd entry{.fd = socket_.get(), .events = POLLOUT};
  if (unsent_.empty() && ::poll(&entry, 1, 0) == 1) return true;
  is_waiting_for_room_ = true;
  update_watch();
  return false;
}

void Client::update_watch() {
  if (is_gone_) return;
  const bool reads = !is_waiting_for_stdin_ && unsent_.empty() && unanswered < kMaxUnanswered;
  const bool has_losses = attachment && (attachment->lost[0] | attachment->lost[1]) != 0;
  const bool writes = !is_deaf_ && (!unsent_.empty() || has_losses || is_waiting_for_room_);
  // Once the other side has gone, epoll repeats it for ever: look again only when it helps.
  if (is_hung_up_ && !reads && !writes) return watch_.stop();
  const std::uint32_t events = (reads ? EPOLLIN : 0u) | (writes ? EPOLLOUT : 0u);
  if (watch_.is_started())
    watch_.wait_for(events);
  else if (!watch_.start(socket_.get(), events))
    hang_up();
}

void Client::hang_up() {
  is_gone_ = true;
  watch_.stop();
  shim_.on_client_gone(*this);  // it is destroyed later, not under our feet
}

}  // namespace gantry::shim
