// SPDX-License-Identifier: Apache-2.0
//
// What the runtime and the process that becomes the container's first say to
// each other while a container is made: short messages over a socket pair. An
// Error travels whole, so the caller reads the same sentence as if everything
// had happened in one process. When one side dies, the other sees end of file.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "base/error.h"
#include "base/unique_fd.h"

namespace gantry::runtime {

enum class Signal : std::uint8_t {
  Failed,  // child: what went wrong; nothing follows
  Pid,     // stage: the payload is the pid of the container's first process
  Hooks,   // child: mounts are in place; run the runtime's hooks now
  Ready,   // child: everything is done but the program itself
  Go,      // parent: continue
};

struct Message {
  Signal signal = Signal::Failed;
  std::string payload;
};

class Channel {
 public:
  static Result<std::pair<Channel, Channel>> make_pair();
  explicit Channel(UniqueFd fd) : fd_(std::move(fd)) {}

  Result<void> send(Signal signal, std::string_view payload = {}) const;
  Result<void> send_failure(const Error& error) const;

  // The other side's next message. A failure that it reports becomes the error here, and so does
  // its end (Code::Unavailable).
  Result<Message> receive() const;
  // End of file is the good news: the other side went on to the user's program.
  Result<void> wait_for_end() const;
  // The payload of a message that has to be `expected`.
  Result<std::string> expect(Signal expected) const;

  int fd() const { return fd_.get(); }

 private:
  Result<std::optional<Message>> receive_or_end() const;
  UniqueFd fd_;
};

// Keeps a child from speaking before its maker has: both write to the same channel, and who listens there
// wants to hear of the child first. It opens when the maker ends, however that happens.
class Gate {
 public:
  static Result<Gate> make();
  void wait_as_child();

 private:
  Gate(UniqueFd reader, UniqueFd writer) : reader_(std::move(reader)), writer_(std::move(writer)) {}
  UniqueFd reader_, writer_;  // of a pipe
};

}  // namespace gantry::runtime
