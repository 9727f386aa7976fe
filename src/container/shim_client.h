// SPDX-License-Identifier: Apache-2.0
//
// A connection to a container's gantry-shim, on an event loop: requests with answers that come later, and
// what the shim tells of the container. One thread, the loop's; nothing blocks. (For a thread that may wait
// there is blocking_shim_client.h.) The protocol: docs/formats/shim-protocol.md.
//
//   class Monitor final : public ShimListener {
//     void on_exit(std::uint32_t session, const shim::ExitStatus& exit) override;
//     void on_closed(const Error& why) override;      // no Exited came: look for exit.json
//   };
//   std::unique_ptr<ShimClient> client = TRY(ShimClient::connect(loop, socket_path, monitor));
//   client->wait(shim::kContainerSession);
//
// A connection attaches to one session. Standard input that the process does not take holds up every request
// behind it, so who attaches with it signals and resizes over another connection.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/event_loop.h"
#include "base/unique_fd.h"
#include "runtime/shim/client_frames.h"

namespace gantry::container {

// What a shim tells without being asked each time. Any of these may destroy the client.
class ShimListener {
 public:
  // The bytes are the caller's again after the call.
  virtual void on_output(std::uint32_t /*session*/, shim::Stream, std::string_view /*bytes*/) {}
  // So many bytes are missing here: this client, attached without kLossless, was too slow.
  virtual void on_lost(std::uint32_t /*session*/, shim::Stream, std::uint64_t /*bytes*/) {}
  // Of a session that was attached to or waited for. Output may still follow where another process holds
  // the pipe.
  virtual void on_exit(std::uint32_t /*session*/, const shim::ExitStatus&) {}
  // send_stdin() takes bytes again.
  virtual void on_writable() {}
  // The connection has ended, or the shim does not speak the protocol (DataLoss); called once, last, after
  // every request without an answer got this error as its answer. Later requests get one, too.
  virtual void on_closed(const Error& why) = 0;

 protected:
  ~ShimListener() = default;
};

class ShimClient {
 public:
  template <class T>
  using Answer = std::move_only_function<void(Result<T>)>;

  struct Exec {
    std::uint32_t session = 0;
    std::uint32_t pid = 0;  // in the host's numbers
  };

  // NotFound or Unavailable when no shim listens: then exit.json tells how the container ended, or the shim
  // was killed. `listener` outlives the client.
  static Result<std::unique_ptr<ShimClient>> connect(EventLoop& loop, const std::string& socket,
                                                     ShimListener& listener);
  // From a connected SOCK_SEQPACKET socket.
  ShimClient(EventLoop& loop, UniqueFd socket, ShimListener& listener);
  ShimClient(const ShimClient&) = delete;
  ShimClient& operator=(const ShimClient&) = delete;
  // Hangs up: an attached session goes on. Answers still expected are not given.
  ~ShimClient();

  // `answer` may be empty: then an error is nobody's.
  void status(Answer<shim::Status> answer);
  void start(Answer<void> answer);
  // `flags`: shim::kAttach* | kLossless | kStdinOnce.
  void attach(std::uint32_t session, std::uint16_t flags, Answer<void> answer);
  void close_stdin(std::uint32_t session, Answer<void> answer);
  void resize(std::uint32_t session, shim::WindowSize size, Answer<void> answer);
  // `flags`: shim::kSignalAll.
  void signal(std::uint32_t session, int number, std::uint16_t flags, Answer<void> answer);
  // `process_file` (exec_process.h) may be removed once the answer is there. Attach flags attach this
  // connection to the new session; on_output() may come before its answer has been looked at, never before it
  // was given.
  void exec(const std::string& process_file, std::uint16_t flags, shim::WindowSize size, Answer<Exec> answer);
  // Asks for on_exit(); an error comes to `failed`.
  void wait(std::uint32_t session, Answer<void> failed = {});
  void reopen_log(Answer<void> answer);
  // Session 0: deletes the container, its exit record, and ends the shim.
  void remove(std::uint32_t session, bool force, Answer<void> answer);

  // How many of the bytes were taken: fewer than all when the shim has not caught up. The rest is to be
  // offered again after on_writable().
  std::size_t send_stdin(std::uint32_t session, std::string_view bytes);
  // Called with the shim's error when it cannot deliver them: the process is gone, its input closed.
  void on_stdin_error(Answer<void> failed) { stdin_failed_ = std::move(failed); }
  // Every byte that send_stdin() took has reached the socket.
  bool is_writable() const { return unsent_.empty(); }

  // For a consumer that has no room: nothing is read, so answers and exits wait, too. With kLossless the
  // process waits in the end, without it output is lost and on_lost() says how much.
  void pause_reading();
  void resume_reading();

 private:
  // What is to be done with the Ok or Error of a request.
  using Deliver = std::move_only_function<void(Result<shim::Answer>)>;

  shim::Address new_address(std::uint32_t session);
  void request(std::string frame, Deliver deliver);
  void on_ready(std::uint32_t events);
  void read_frames(const bool& is_destroyed);
  void dispatch(std::string_view frame);
  void answer(const shim::Answer& answer);
  void flush();
  void update_watch();
  void fail_later(Error why);
  void on_failed();
  void end(Error why);

  UniqueFd socket_;
  ShimListener& listener_;
  Watch watch_;
  Timer failed_;  // at once, but not inside of a call of the owner's
  std::optional<Error> failure_;
  std::uint32_t last_tag_ = 0;
  std::map<std::uint32_t, Deliver> pending_;  // by tag
  Answer<void> stdin_failed_;
  std::deque<std::string> unsent_;
  bool is_paused_ = false;
  bool wants_room_ = false;       // somebody was told that not all bytes were taken
  bool is_closed_ = false;        // on_closed() was called
  bool* is_destroyed_ = nullptr;  // of a callback that runs now
};

}  // namespace gantry::container
