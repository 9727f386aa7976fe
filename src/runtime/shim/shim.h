// SPDX-License-Identifier: Apache-2.0
//
// The monitor of one container: parent of its processes, reader of its output,
// writer of its log, and server of docs/formats/shim-protocol.md. One thread;
// everything happens in callbacks of the loop.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/event_loop.h"
#include "base/unique_fd.h"
#include "runtime/shim/client.h"
#include "runtime/shim/log_writer.h"
#include "runtime/shim/oom_counter.h"
#include "runtime/shim/options.h"
#include "runtime/shim/protocol.h"
#include "runtime/shim/runtime_command.h"
#include "runtime/shim/scratch_memory.h"
#include "runtime/shim/session.h"

namespace gantry::shim {

// The program gantry-shim. Returns its exit status.
int shim_main(int argc, char** argv);

class Shim {
 public:
  static Result<std::unique_ptr<Shim>> make(const Options& options);
  Shim(const Shim&) = delete;
  Shim& operator=(const Shim&) = delete;
  // Removes its files but the exit record.
  ~Shim();

  // Has the runtime create the container. Afterwards the socket answers.
  Result<void> create();
  pid_t container_pid() const { return container().pid(); }
  // Serves until the container has ended and nobody needs this process any more.
  Result<void> serve();

  // What sessions ask and tell.
  std::span<char> output_buffer() { return {output_memory_.data(), output_memory_.size()}; }
  bool can_take_output(const Session& session);
  void take_output(Session& session, Stream stream, std::string_view bytes);
  void on_progress(Session& session);  // something was read, or there was nothing to read
  void on_overdue(Session& session);   // its output could not be taken for a long time after its exit
  void on_stdin_ready() { has_stdin_news_ = true; }

  // What clients ask and tell.
  std::span<char> frame_buffer() { return {frame_memory_.data(), frame_memory_.size()}; }
  void handle(Client& client, const Request& request);
  Result<std::size_t> write_stdin(std::uint32_t session, std::string_view bytes);
  void on_client_room() { has_reading_news_ = true; }
  void on_client_gone(const Client& client);

 private:
  enum class CallKind : std::uint8_t { Create, Start, Exec, SignalAll, Delete };
  struct PendingCall {
    CallKind kind;
    RuntimeCall call;
    std::uint32_t client;
    Address address;  // of the request; for Exec, the session is the new one
  };

  Shim(const Options& options, EventLoop loop, UniqueFd state, ScratchMemory output, ScratchMemory frame);
  Result<void> listen();
  void on_connection();
  void on_child();
  void on_retry();
  void on_idle();
  void settle();
  bool is_finished() const;

  Result<void> answer(Client& client, const Request& request);
  Result<void> attach(Client& client, const Request& request);
  Result<void> exec(Client& client, const Request& request);
  Result<void> wait(Client& client, const Request& request);
  Result<void> delete_session(Client& client, const Request& request);
  Result<void> call_runtime(Client& client, CallKind kind, Address address, const std::string& verb,
                            std::vector<std::string> arguments, std::vector<std::string> trailing = {});
  Status status() const;

  void finish_call(const PendingCall& call, WaitStatus status);
  void finish_create(const PendingCall& call, WaitStatus status);
  void finish_exec(const PendingCall& call, WaitStatus status);
  void answer_call(const PendingCall& call, std::string frame);
  void discard_container();
  Result<void> adopt(Session& session, const std::string& pid_file);
  void on_exit(Session& session, WaitStatus how);
  void report_exit(Session& session, bool is_log_incomplete);
  void mark_busy();
  void write_log();
  void write_record();
  Result<void> make_room_for_exec();

  Result<Session*> find_session(std::uint32_t id);
  Client* find_client(std::uint32_t id);
  Session& container() { return *sessions_.at(kContainerSession); }
  const Session& container() const { return *sessions_.at(kContainerSession); }
  std::string state_path(const std::string& name) const;

  const Options options_;
  EventLoop loop_;
  UniqueFd state_;
  ScratchMemory output_memory_;
  ScratchMemory frame_memory_;
  RuntimeCommand runtime_;
  std::optional<LogWriter> log_;
  OomCounter oom_;
  std::optional<Error> create_failure_;

  std::map<std::uint32_t, std::unique_ptr<Session>> sessions_;
  std::uint32_t next_session_ = kContainerSession + 1;
  std::vector<std::unique_ptr<Client>> clients_;
  std::uint32_t next_client_ = 1;
  std::vector<PendingCall> calls_;

  bool is_deleted_ = false;
  bool owes_record_ = false;       // the exit is known and not on disk yet
  bool has_reading_news_ = false;  // can_take_output() may have become true
  bool has_stdin_news_ = false;
  bool has_been_busy_ = false;  // output came since the idle timer was last looked at

  UniqueFd children_;  // signalfd(2) of SIGCHLD
  UniqueFd socket_;
  Watch children_watch_;
  Watch socket_watch_;
  Timer retry_;
  Timer idle_;
};

}  // namespace gantry::shim
