// SPDX-License-Identifier: Apache-2.0
#include "docker/attach_stream.h"

#include <utility>

namespace gantry::docker {
namespace {

// More than this waits for the client: then the process has to.
constexpr std::size_t kEnough = 256 << 10;  // bytes

}  // namespace

std::string frame_header(shim::Stream stream, std::size_t size) {
  std::string header(8, '\0');
  header[0] = stream == shim::Stream::Stdout ? 1 : 2;
  for (int i = 0; i < 4; ++i)
    header[static_cast<std::size_t>(4 + i)] = static_cast<char>(size >> (24 - 8 * i));
  return header;
}

AttachStream::AttachStream(StreamLoop& streams, Hijacked client, Options options)
    : ClientStream(streams, std::move(client)), options_(std::move(options)) {
  connection_.pause_input();  // until there is a process
}

Result<void> AttachStream::begin() {
  const std::string history = std::exchange(options_.history, {});
  options_.websocket ? write_message(history) : connection_.write(history);
  return {};
}

void AttachStream::attached(engine::Attachment attachment) {
  session_ = attachment.session;
  container::ShimListener& listener = *this;
  shim_ =
      std::make_unique<container::ShimClient>(streams_.loop(), std::move(attachment.connection), listener);
  connection_.resume_input();
}

void AttachStream::give_up(std::string_view reason) {
  if (!reason.empty()) write_output(shim::Stream::Stdout, reason);
  finish();
}

// ---- from the client

void AttachStream::on_input(std::string_view bytes) {
  options_.websocket ? take_messages(bytes) : take_input(bytes);
}

void AttachStream::take_messages(std::string_view bytes) {
  websocket_.feed(bytes);
  for (;;) {
    const auto message = websocket_.next();
    if (!message || !*message) break;
    if ((*message)->kind == http::WebSocket::Kind::Close) on_input_end();
    if ((*message)->kind == http::WebSocket::Kind::Text || (*message)->kind == http::WebSocket::Kind::Binary)
      take_input((*message)->data);
  }
  connection_.write(websocket_.take_output());
  if (websocket_.is_over()) connection_.finish();
}

void AttachStream::take_input(std::string_view bytes) {
  if (!options_.has_stdin || !shim_) return;
  if (!options_.detach_keys) return send_to_process(bytes);
  const DetachKeys::Fed fed = options_.detach_keys->feed(bytes);
  send_to_process(fed.forward);
  if (!fed.is_detached) return;
  if (options_.on_detach) options_.on_detach();
  shim_.reset();
  finish();
}

void AttachStream::send_to_process(std::string_view bytes) {
  if (!held_input_.empty()) {  // of an earlier message of the same read
    held_input_ += bytes;
    return;
  }
  const std::size_t taken = shim_->send_stdin(session_, bytes);
  if (taken == bytes.size()) return;
  held_input_ = bytes.substr(taken);
  connection_.pause_input();
}

void AttachStream::on_writable() {
  if (!held_input_.empty()) {
    held_input_.erase(0, shim_->send_stdin(session_, held_input_));
    if (!held_input_.empty()) return;
  }
  if (has_input_ended_) return end_process_input();
  connection_.resume_input();
}

void AttachStream::on_input_end() {
  if (std::exchange(has_input_ended_, true)) return;  // a WebSocket has said so before its connection did
  if (held_input_.empty()) end_process_input();
}

void AttachStream::end_process_input() {
  if (!shim_ || !options_.has_stdin || !options_.closes_stdin || options_.is_terminal) return;
  shim_->close_stdin(session_, {});
}

// A client that leaves before somebody starts the process waits for nothing; later, its last input is still
// to be delivered.
void AttachStream::on_hung_up() {
  if (!shim_) end();
}

// ---- from the process

void AttachStream::write_message(std::string_view bytes) {
  if (!bytes.empty()) websocket_.send(*options_.websocket, bytes);
  connection_.write(websocket_.take_output());
}

void AttachStream::finish() {
  if (options_.websocket) {
    websocket_.close();
    connection_.write(websocket_.take_output());
  }
  connection_.finish();
}

void AttachStream::write_output(shim::Stream stream, std::string_view bytes) {
  if (options_.websocket)
    write_message(bytes);
  else if (options_.is_terminal)
    connection_.write(bytes);
  else
    connection_.write(frame_header(stream, bytes.size()), bytes);
}

void AttachStream::on_output(std::uint32_t, shim::Stream stream, std::string_view bytes) {
  write_output(stream, bytes);
  if (connection_.unsent() > kEnough) shim_->pause_reading();
}

void AttachStream::on_drained() {
  if (shim_) shim_->resume_reading();
}

void AttachStream::on_exit(std::uint32_t, const shim::ExitStatus&) {
  has_output_ended_ = true;
  if (!options_.awaits_end) finish();
}

void AttachStream::ended() {
  options_.awaits_end = false;
  if (has_output_ended_) finish();
}

void AttachStream::on_closed(const Error&) { finish(); }

}  // namespace gantry::docker
