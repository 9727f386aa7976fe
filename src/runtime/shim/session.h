// SPDX-License-Identifier: Apache-2.0
//
// One process of the container that has standard streams of its own: the
// container's first process or one made by exec. Holds the shim's ends of its
// pipes or its terminal, and knows when everything it wrote has been read.
//
// The process writes into a pipe that the shim reads only while the log and
// those clients that asked for it can take more; that is the back-pressure.
//
// When the process has ended, its output is complete once the shim has read
// what the kernel held at that moment, or end of file. Other processes may
// still hold the pipe: what they write later is passed on too, but nobody
// waits for it.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>

#include "base/event_loop.h"
#include "base/unique_fd.h"
#include "runtime/shim/protocol.h"
#include "runtime/shim/runtime_command.h"

namespace gantry::shim {

class Shim;

class Session {
 public:
  enum class Stdin : std::uint8_t { Null, Open };

  // Destroyed sessions close their streams; they do not end the process.
  Session(Shim& shim, EventLoop& loop, std::uint32_t id);

  // Either of these, before the runtime is called.
  Result<void> open_pipes(Stdin mode);
  // Listens for the runtime to send the terminal's master (--console-socket). `directory` is open for
  // as long as the session lives; the result is a path to the socket that is short enough for any runtime.
  Result<std::string> open_console(int directory, WindowSize size);

  // The process's ends of the pipes, for the runtime to inherit; close them when it has been started.
  ChildStdio child_stdio() const { return {child_[0].get(), child_[1].get(), child_[2].get()}; }
  void close_child_stdio();

  // The runtime has made the process. It is a child of the shim.
  Result<void> set_process(pid_t pid);
  // It has ended and was reaped. The caller then has the rest of its output read: update_reading().
  void set_exit(const ExitStatus& status);

  std::uint32_t id() const { return id_; }
  pid_t pid() const { return pid_; }
  bool has_process() const { return pid_ > 0; }
  bool is_live() const { return has_process() && !exit_; }
  const std::optional<ExitStatus>& exit() const { return exit_; }
  // The process has ended and nothing of its output is left in the kernel.
  bool is_drained() const;
  // End of file on every stream: nobody can write any more.
  bool is_silent() const { return !outputs_[0].fd && !outputs_[1].fd; }

  // Its exit has been told to whom it concerns.
  bool is_reported() const { return is_reported_; }
  void set_reported();

  Result<void> resize(WindowSize size);
  Result<void> signal(int number);

  // How many bytes were taken: fewer when the process does not read as fast, and then
  // Shim::on_stdin_ready() says when to go on.
  Result<std::size_t> write_stdin(std::string_view bytes);
  Result<void> close_stdin();

  // Starts, stops or finishes reading, after Shim::can_take_output() has changed.
  void update_reading();

  // For a runtime that failed: what it wrote to standard error, which nobody has read before.
  std::string read_stderr();

 private:
  struct Output {
    Output(EventLoop& loop, Callback callback) : watch(loop, callback) {}
    UniqueFd fd;
    std::size_t left = 0;  // bytes that have to be read before the session is drained, at most
    Watch watch;
  };

  void on_stdout(std::uint32_t) { on_output(Stream::Stdout); }
  void on_stderr(std::uint32_t) { on_output(Stream::Stderr); }
  void on_output(Stream stream);
  void on_stdin_ready();
  void on_console_connection();
  void on_overdue();
  bool read_some(Stream stream);
  void drain();
  Result<void> take_terminal(UniqueFd master);
  void close_console();
  void drop_stdin();

  Shim& shim_;
  const std::uint32_t id_;
  pid_t pid_ = 0;
  UniqueFd pidfd_;
  std::optional<ExitStatus> exit_;
  bool is_reported_ = false;
  bool is_terminal_ = false;
  WindowSize size_;
  UniqueFd slave_;     // kept open while the process lives, so that it may close and open its terminal
  UniqueFd child_[3];  // until the runtime has been started
  UniqueFd console_;
  int console_directory_ = -1;
  std::string console_name_;
  UniqueFd stdin_;
  Output outputs_[kStreams];
  Watch stdin_watch_;
  Watch console_watch_;
  Timer overdue_;
};

}  // namespace gantry::shim
