// SPDX-License-Identifier: Apache-2.0
//
// One connection to the shim's socket. The kernel's socket buffers are the only
// buffers of output: when a client does not read, its Output frames are counted
// as lost (or the process waits, if it asked for that), while answers are kept
// and no further request is read from it. So a client costs the shim a bounded
// amount of memory whatever it does.
//
// Bytes for a standard input stay in the socket until the process has taken
// them, in the order of the frames.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "base/event_loop.h"
#include "base/unique_fd.h"
#include "runtime/shim/protocol.h"

namespace gantry::shim {

class Shim;

// What a client that attached wants of its session.
struct Attachment {
  std::uint32_t session = 0;
  std::uint32_t tag = 0;
  std::uint16_t flags = 0;
  std::uint64_t lost[kStreams] = {};  // bytes that could not be sent and were not reported yet

  Address address() const { return {tag, session}; }
  bool wants(Stream stream) const {
    return (flags & (stream == Stream::Stdout ? kAttachStdout : kAttachStderr)) != 0;
  }
};

class Client {
 public:
  Client(Shim& shim, EventLoop& loop, UniqueFd socket, std::uint32_t id);
  Result<void> start() { return watch_.start(socket_.get(), EPOLLIN); }

  std::uint32_t id() const { return id_; }
  // The connection has ended; the owner destroys the client after the current callback.
  bool is_gone() const { return is_gone_; }

  std::optional<Attachment> attachment;
  // Wait requests that have no answer yet.
  std::vector<Address> waits;
  // Requests whose answer comes later.
  unsigned unanswered = 0;

  // An answer or event: kept until the client reads it.
  void send(std::string frame);
  // Output of the session it is attached to.
  void send_output(Stream stream, std::string_view bytes);
  // A whole Output frame can be sent without waiting; otherwise Shim::on_client_room() says when.
  bool has_room();
  // A standard input that it may have waited for takes bytes again.
  void resume();
  bool is_waiting_for_stdin() const { return is_waiting_for_stdin_; }

 private:
  void on_ready(std::uint32_t events);
  void read_requests();
  bool handle_frame(std::string_view frame);
  void discard_requests();
  bool take_stdin(const Request& request);
  void flush();
  void report_losses();
  void update_watch();
  void hang_up();

  Shim& shim_;
  const std::uint32_t id_;
  UniqueFd socket_;
  Watch watch_;
  std::deque<std::string> unsent_;  // bounded: no request is read while there is any
  std::size_t stdin_taken_ = 0;     // bytes of the Stdin frame at the head of the socket
  bool is_waiting_for_stdin_ = false;
  bool is_waiting_for_room_ = false;
  bool is_deaf_ = false;     // the other side takes nothing any more; what it sent still counts
  bool is_hung_up_ = false;  // epoll says so again and again
  bool is_gone_ = false;
};

}  // namespace gantry::shim
