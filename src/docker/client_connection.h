// SPDX-License-Identifier: Apache-2.0
//
// A connection that was taken out of the HTTP server (ResponseWriter::hijack), on an event loop: what it is
// given goes out as fast as the client takes it, and the client's bytes and its leaving are told to a
// listener.
//
//   connection_.write(frame);
//   if (connection_.unsent() > kEnough) pause();   // on_drained() tells when there is room again
//   connection_.finish();                          // on_gone() is the last call
//
// Everything on the loop's thread.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/event_loop.h"
#include "http/stream.h"

namespace gantry::docker {

class ClientConnection {
 public:
  enum class Kind : std::uint8_t {
    Upgraded,    // bytes both ways; each side ends its own
    Chunked,     // the body of an answer: a client that sends its end has left
    UntilClose,  // the same for HTTP/1.0, without framing
  };

  // A callback must not destroy the connection.
  class Listener {
   public:
    virtual void on_input(std::string_view /*bytes*/) {}
    // The client sends no more, and may still read. Upgraded only.
    virtual void on_input_end() {}
    // All that was written has gone out.
    virtual void on_drained() {}
    // The client is gone, while its input is paused. What it has sent before can be read by resume_input().
    virtual void on_hung_up() {}
    // Broken, left by the client, or finished. Called once, last.
    virtual void on_gone() = 0;

   protected:
    ~Listener() = default;
  };

  // `listener` outlives it.
  ClientConnection(EventLoop& loop, http::Stream stream, Kind kind, Listener& listener);
  ClientConnection(const ClientConnection&) = delete;
  ClientConnection& operator=(const ClientConnection&) = delete;

  Result<void> open();

  // Takes all of it, as one. After finish(), and once the client is gone, bytes are dropped.
  void write(std::string_view bytes, std::string_view more = {});
  std::size_t unsent() const { return unsent_.size() - sent_; }
  // Sends what was written, and the end; waits a little for the client to take it.
  void finish();
  // At once; on_gone() is not called.
  void close();

  // While paused no input is read.
  void pause_input();
  void resume_input();

 private:
  enum class State : std::uint8_t {
    New,
    Open,
    Finishing,  // the end is written and not yet sent
    Lingering,  // sent: waits for the client to close, so that nothing on its way is cut off
    Gone,
  };

  void on_ready(std::uint32_t events);
  void on_linger_timer();
  void flush();
  void read_input();
  void take_input(std::string_view bytes);
  void input_ended();
  void linger();
  void gone();
  void update_watch();
  bool is_answer() const { return kind_ != Kind::Upgraded; }

  http::Stream stream_;
  const Kind kind_;
  Listener& listener_;
  Watch watch_;  // after stream_, so that it stops before the descriptor closes
  Timer linger_timer_;
  std::string unsent_;
  std::size_t sent_ = 0;  // of unsent_
  State state_ = State::New;
  bool is_output_broken_ = false;
  bool has_input_ended_ = false;
  bool is_input_paused_ = false;
  bool has_hung_up_ = false;         // seen while input was paused
  bool reading_wants_room_ = false;  // TLS has to write before it can read
};

}  // namespace gantry::docker
