// SPDX-License-Identifier: Apache-2.0
//
// Two connections become one: what a proxy does with streams that it passes on, as they are or in the words
// of another protocol.
//
//   TRY(relay(loop, std::move(client), std::move(server)));                                // as they are
//   TRY(relay(loop, std::move(client), std::move(server), websocket_tunnel(most)));        // returns at once
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/error.h"
#include "http/stream.h"
#include "http/stream_loop.h"

namespace gantry::http {

// What stands between the two and hears both. Of the loop's thread; never waits.
class Interpreter {
 public:
  enum class Side : std::uint8_t { Client, Server };
  static Side other(Side side) { return side == Side::Client ? Side::Server : Side::Client; }

  Interpreter() = default;
  Interpreter(const Interpreter&) = delete;
  Interpreter& operator=(const Interpreter&) = delete;
  virtual ~Interpreter() = default;

  // They are connected.
  virtual void begin() {}
  // What `from` has sent; after an error both are cut.
  virtual Result<void> hear(Side from, std::string_view bytes) = 0;
  // `from` has ended its stream. Once.
  virtual void hear_end(Side from) = 0;
  // Whether it can do with more of that side now. Where it cannot, something that the other sends changes
  // that.
  virtual bool has_room_for(Side from) const {
    (void)from;
    return true;
  }

  // What that side is to be sent, each byte once.
  std::string take_output(Side to);
  // Nothing follows what was sent to that side.
  bool has_finished(Side to) const { return end_of(to).is_finished; }
  // Nothing that this side sends is heard any more.
  bool is_deaf_to(Side from) const { return end_of(from).is_unheard; }

 protected:
  void send(Side to, std::string_view bytes) { end_of(to).output += bytes; }
  void finish(Side to) { end_of(to).is_finished = true; }
  void stop_hearing(Side from) { end_of(from).is_unheard = true; }

 private:
  struct End {
    std::string output;
    bool is_finished = false;
    bool is_unheard = false;
  };
  End& end_of(Side side) { return ends_[static_cast<std::size_t>(side)]; }
  const End& end_of(Side side) const { return ends_[static_cast<std::size_t>(side)]; }
  std::array<End, 2> ends_;
};

// Passes on until one side has ended, and the other for a few seconds more; the end of one is passed on as
// that. Without a limit before: streams of terminals may be silent for days, and peers that vanish are found
// out by TCP. What one side sends waits with it until the other takes it.
Result<void> relay(StreamLoop& loop, Stream client, Stream server, std::unique_ptr<Interpreter> between);
// Bytes as they are.
Result<void> relay(StreamLoop& loop, Stream client, Stream server);

}  // namespace gantry::http
