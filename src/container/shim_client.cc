// SPDX-License-Identifier: Apache-2.0
#include "container/shim_client.h"

#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <utility>

#include "container/shim_socket.h"

namespace gantry::container {
namespace {

constexpr int kFramesPerTurn = 16;  // so that one container cannot keep the loop from the others
// Of Stdin frames, which are not answered unless they fail.
constexpr std::uint32_t kStdinTag = 0xffffffff;

enum class Sent : std::uint8_t { Yes, Full, Never };

Sent send_frame(const UniqueFd& socket, std::string_view header, std::string_view body = {}) {
  iovec parts[2] = {{.iov_base = const_cast<char*>(header.data()), .iov_len = header.size()},
                    {.iov_base = const_cast<char*>(body.data()), .iov_len = body.size()}};
  const msghdr message{.msg_iov = parts, .msg_iovlen = body.empty() ? 1U : 2U};
  for (;;) {
    if (::sendmsg(socket.get(), &message, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0) return Sent::Yes;
    if (errno == EINTR) continue;
    return errno == EAGAIN || errno == ENOBUFS || errno == ENOMEM ? Sent::Full : Sent::Never;
  }
}

// An Error for several.
Error copy_of(const Error& why) { return Error(why.code(), why.errno_value(), why.message()); }

}  // namespace

Result<std::unique_ptr<ShimClient>> ShimClient::connect(EventLoop& loop, const std::string& socket,
                                                        ShimListener& listener) {
  UniqueFd connected = TRY(connect_to_shim(socket));
  return std::make_unique<ShimClient>(loop, std::move(connected), listener);
}

ShimClient::ShimClient(EventLoop& loop, UniqueFd socket, ShimListener& listener)
    : socket_(std::move(socket)),
      listener_(listener),
      watch_(loop, Callback::to<&ShimClient::on_ready>(*this)),
      failed_(loop, Callback::to<&ShimClient::on_failed>(*this)) {
  update_watch();
}

ShimClient::~ShimClient() {
  if (is_destroyed_ != nullptr) *is_destroyed_ = true;
}

// ---- requests

void ShimClient::status(Answer<shim::Status> answer) {
  request(make_request(shim::RequestType::Status, new_address(shim::kContainerSession)),
          [answer = std::move(answer)](Result<shim::Answer> ok) mutable {
            if (!answer) return;
            ok ? answer(shim::parse_status(ok->body)) : answer(std::move(ok).error());
          });
}

namespace {

// For requests whose Ok says nothing else.
auto without_body(ShimClient::Answer<void> answer) {
  return [answer = std::move(answer)](Result<shim::Answer> ok) mutable {
    if (!answer) return;
    ok ? answer({}) : answer(std::move(ok).error());
  };
}

}  // namespace

void ShimClient::start(Answer<void> answer) {
  request(make_request(shim::RequestType::Start, new_address(shim::kContainerSession)),
          without_body(std::move(answer)));
}

void ShimClient::attach(std::uint32_t session, std::uint16_t flags, Answer<void> answer) {
  request(make_request(shim::RequestType::Attach, new_address(session), flags),
          without_body(std::move(answer)));
}

void ShimClient::close_stdin(std::uint32_t session, Answer<void> answer) {
  request(make_request(shim::RequestType::CloseStdin, new_address(session)), without_body(std::move(answer)));
}

void ShimClient::resize(std::uint32_t session, shim::WindowSize size, Answer<void> answer) {
  request(make_resize(new_address(session), size), without_body(std::move(answer)));
}

void ShimClient::signal(std::uint32_t session, int number, std::uint16_t flags, Answer<void> answer) {
  request(make_signal(new_address(session), number, flags), without_body(std::move(answer)));
}

void ShimClient::exec(const std::string& process_file, std::uint16_t flags, shim::WindowSize size,
                      Answer<Exec> answer) {
  request(make_exec(new_address(shim::kContainerSession), process_file, flags, size),
          [answer = std::move(answer)](Result<shim::Answer> ok) mutable {
            if (!answer) return;
            if (!ok) return answer(std::move(ok).error());
            const auto pid = shim::parse_pid(ok->body);
            if (!pid) return answer(copy_of(pid.error()));
            answer(Exec{.session = ok->to.session, .pid = *pid});
          });
}

void ShimClient::wait(std::uint32_t session, Answer<void> failed) {
  // Answered by Exited, which needs no help from here.
  request(make_request(shim::RequestType::Wait, new_address(session)), without_body(std::move(failed)));
}

void ShimClient::reopen_log(Answer<void> answer) {
  request(make_request(shim::RequestType::ReopenLog, new_address(shim::kContainerSession)),
          without_body(std::move(answer)));
}

void ShimClient::remove(std::uint32_t session, bool force, Answer<void> answer) {
  request(make_request(shim::RequestType::Delete, new_address(session), force ? shim::kDeleteForce : 0),
          without_body(std::move(answer)));
}

std::size_t ShimClient::send_stdin(std::uint32_t session, std::string_view bytes) {
  const shim::OutputHeader header = shim::make_stdin_header({.tag = kStdinTag, .session = session});
  std::size_t taken = 0;
  while (taken < bytes.size()) {
    const std::string_view chunk = bytes.substr(taken, shim::kMaxBody);
    const Sent sent =
        unsent_.empty() ? send_frame(socket_, {header.bytes, shim::kHeaderSize}, chunk) : Sent::Full;
    if (sent == Sent::Full) {
      wants_room_ = true;
      update_watch();
      break;
    }
    // To a shim that has gone they can be given as well as not; the connection's end says so.
    taken += chunk.size();
  }
  return taken;
}

shim::Address ShimClient::new_address(std::uint32_t session) {
  do {
    ++last_tag_;
  } while (last_tag_ == 0 || last_tag_ == kStdinTag || pending_.contains(last_tag_));
  return {.tag = last_tag_, .session = session};
}

void ShimClient::request(std::string frame, Deliver deliver) {
  pending_.emplace(shim::tag_of(frame), std::move(deliver));
  if (!socket_)
    return fail_later(error(Code::Unavailable, "the connection to the container's shim has ended"));
  unsent_.push_back(std::move(frame));
  flush();
  update_watch();
}

void ShimClient::flush() {
  while (!unsent_.empty()) {
    if (send_frame(socket_, unsent_.front()) == Sent::Full) return;
    unsent_.pop_front();  // a shim that has gone takes nothing: the connection's end answers
  }
}

// ---- what comes

void ShimClient::pause_reading() {
  is_paused_ = true;
  update_watch();
}

void ShimClient::resume_reading() {
  is_paused_ = false;
  update_watch();
}

void ShimClient::update_watch() {
  const bool needs_room = !unsent_.empty() || wants_room_;
  const std::uint32_t events = (is_paused_ ? 0U : EPOLLIN) | (needs_room ? EPOLLOUT : 0U);
  if (!socket_) return;
  if (watch_.is_started())
    watch_.wait_for(events);
  else if (auto started = watch_.start(socket_.get(), events); !started)
    fail_later(std::move(started).error());
}

void ShimClient::on_ready(std::uint32_t events) {
  bool is_destroyed = false;
  is_destroyed_ = &is_destroyed;
  if ((events & EPOLLOUT) != 0) {
    flush();
    if (unsent_.empty() && std::exchange(wants_room_, false)) listener_.on_writable();
  }
  // One that hung up is said to be ready again and again; who does not read looks away until he does.
  if (!is_destroyed && is_paused_ && (events & (EPOLLHUP | EPOLLERR)) != 0) {
    watch_.stop();
    is_destroyed_ = nullptr;
    return;
  }
  if (!is_destroyed) read_frames(is_destroyed);
  if (is_destroyed) return;
  is_destroyed_ = nullptr;
  update_watch();
}

void ShimClient::read_frames(const bool& is_destroyed) {
  std::array<char, shim::kHeaderSize + shim::kMaxBody + 1> buffer;
  for (int frames = 0; frames < kFramesPerTurn && socket_ && !is_paused_; ++frames) {
    const ssize_t n = ::recv(socket_.get(), buffer.data(), buffer.size(), MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
    // Said once, when the shim closed with frames of ours unread; its own still count.
    if (n < 0 && errno == ECONNRESET) continue;
    if (n <= 0) return end(error(Code::Unavailable, "the container's shim has closed the connection"));
    dispatch({buffer.data(), static_cast<std::size_t>(n)});
    if (is_destroyed) return;
  }
}

void ShimClient::dispatch(std::string_view frame) {
  auto parsed = shim::parse_answer(frame);
  if (!parsed) {
    // What a newer shim tells besides is not for us.
    if (parsed.error().code() != Code::Unsupported) end(std::move(parsed).error());
    return;
  }
  const std::uint32_t session = parsed->to.session;
  switch (parsed->type) {
    case shim::FrameType::Ok:
    case shim::FrameType::Error: return answer(*parsed);
    case shim::FrameType::Output: return listener_.on_output(session, parsed->stream, parsed->body);
    case shim::FrameType::Lost: return listener_.on_lost(session, parsed->stream, parsed->lost);
    case shim::FrameType::Exited:
      pending_.erase(parsed->to.tag);  // of a Wait
      return listener_.on_exit(session, parsed->exit);
  }
}

void ShimClient::answer(const shim::Answer& answer) {
  const bool is_ok = answer.type == shim::FrameType::Ok;
  const auto refused = [&] { return error(answer.code, "{}", answer.body); };
  if (answer.to.tag == kStdinTag) {
    if (is_ok || !stdin_failed_) return;
    // Not in its place while it is called, which may end this client.
    const bool& is_destroyed = *is_destroyed_;
    Answer<void> failed = std::move(stdin_failed_);
    failed(refused());
    if (!is_destroyed) stdin_failed_ = std::move(failed);
    return;
  }
  auto found = pending_.extract(answer.to.tag);
  if (found.empty()) {
    // Not about a request: why the connection ends.
    if (!is_ok) failure_ = refused();
    return;
  }
  // Out of the map before it is called, which may end this client.
  Deliver deliver = std::move(found.mapped());
  is_ok ? deliver(answer) : deliver(refused());
}

// ---- the end

void ShimClient::fail_later(Error why) {
  failure_ = std::move(why);
  failed_.start(std::chrono::milliseconds(0));
}

void ShimClient::on_failed() {
  bool is_destroyed = false;
  is_destroyed_ = &is_destroyed;
  end(error(Code::Unavailable, "the connection to the container's shim has ended"));
  if (!is_destroyed) is_destroyed_ = nullptr;
}

void ShimClient::end(Error why) {
  if (failure_) why = *std::exchange(failure_, std::nullopt);
  watch_.stop();
  socket_.reset();
  unsent_.clear();
  const bool& is_destroyed = *is_destroyed_;
  for (auto& [tag, deliver] : std::exchange(pending_, {})) {
    deliver(copy_of(why));
    if (is_destroyed) return;
  }
  if (!std::exchange(is_closed_, true)) listener_.on_closed(why);
}

}  // namespace gantry::container
