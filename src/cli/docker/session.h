// SPDX-License-Identifier: Apache-2.0
//
// The user at the streams of a process in a container: what is typed goes there, what it says comes here,
// until it ends or the user leaves with the detach keys. Signals are passed on, and the terminal's size.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "base/detach_keys.h"
#include "base/error.h"
#include "cli/docker/terminal.h"
#include "http/stream.h"

namespace gantry::cli::docker {

struct SessionOptions {
  bool tty = false;        // of the process: its output has no frames
  bool has_input = false;  // our standard input goes there
  DetachKeys detach_keys;  // looked for where a terminal is typed on
  // Called for each signal that would end us; empty: it does end us.
  std::function<void(int signal)> on_signal;
  // Called at the beginning and when the window changes; empty: never.
  std::function<void(WindowSize)> on_resize;
};

enum class SessionEnd : std::uint8_t { Closed, Detached };

// From its making on, signals wait for the session (they stay blocked in this process), so that none is lost
// between the start of a container and run().
class Session {
 public:
  // Sets the terminal to raw mode where the process has one as well.
  static Result<Session> prepare(SessionOptions options);
  Result<SessionEnd> run(http::Stream stream);

 private:
  Session(SessionOptions options, UniqueFd signals, std::optional<RawMode> raw)
      : options_(std::move(options)), signals_(std::move(signals)), raw_(std::move(raw)) {}

  struct Streams;
  Result<void> read_input(Streams& streams);
  Result<void> send_input(Streams& streams);
  Result<void> receive(Streams& streams);
  void take_signal();

  SessionOptions options_;
  UniqueFd signals_;
  std::optional<RawMode> raw_;
};

}  // namespace gantry::cli::docker
