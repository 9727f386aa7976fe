// SPDX-License-Identifier: Apache-2.0
//
// One connection of a server. While it waits, for a handshake or for a head, it
// belongs to the loop; from a whole head to the end of the answer to a thread
// of the pool, which keeps it as long as further requests come at once.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <optional>

#include "base/event_loop.h"
#include "base/inbox.h"
#include "base/mutex.h"
#include "base/thread_pool.h"
#include "http/buffer.h"
#include "http/exchange.h"
#include "http/frame_loop.h"
#include "http/parser.h"
#include "http/server.h"
#include "http/stream.h"

namespace gantry::http {

class Connection;

// What all connections of a server share.
struct ServerParts {
  ServerParts(ServerOptions server_options, Handler server_handler, EventLoop event_loop);

  ServerOptions options;
  Handler handler;
  EventLoop loop;
  Inbox inbox;
  ThreadPool pool;
  FrameLoop frames;
  std::list<std::unique_ptr<Connection>> connections;  // of the loop's thread
  std::atomic<std::size_t> connection_count = 0;
  std::atomic<bool> is_stopping = false;
  // Called on the loop's thread when a connection is gone.
  std::move_only_function<void()> on_gone;
};

class Connection {
 public:
  Connection(ServerParts& server, Stream stream, Peer peer);

  // ---- On the loop's thread

  // `self` is where the server's list has it. Without a context, a head is expected at once.
  void open(std::list<std::unique_ptr<Connection>>::iterator self, const TlsContext* tls);
  // Ends it unless a handler runs.
  void close_if_waiting();
  // A handler that runs finds its connection broken.
  void cut();

  // ---- On the thread that serves it

  Stream& stream() { return stream_; }
  Buffer& buffer() { return buffer_; }
  const Peer& peer() const { return peer_; }
  // The rest of the answer is the source's; the connection is over.
  Result<void> stream_from(std::shared_ptr<FrameSource> source, bool is_chunked);
  // All of it, with what was read and not used; the connection is over.
  Stream hand_over();

 private:
  enum class State : std::uint8_t {
    Handshaking,
    Waiting,      // for the first byte of a request
    ReadingHead,  // has a part of one
    Serving,      // belongs to a thread of the pool
    Draining,     // answered for the last time; the peer may still be sending
  };
  enum class Head : std::uint8_t { Complete, Incomplete, EndOfStream };

  void on_ready();
  void on_timer();
  void shake_hands();
  void advance();
  void drain();
  void wait_in(State state, Stream::Wants wants, std::chrono::milliseconds timeout);
  void wait_for(Stream::Wants wants);
  void dispatch();
  void refuse(int status, const Error& reason);
  void begin_draining();
  void on_served(Exchange::Next next);
  void close();

  Result<Head> read_head();
  Result<bool> find_head();
  void serve();
  Exchange::Next serve_one();
  bool next_head_comes_at_once();

  ServerParts& server_;
  std::list<std::unique_ptr<Connection>>::iterator self_;
  Mutex cut_mutex_;  // guards what follows, and stream_ against cut() while it is handed over
  bool is_handed_over_ GUARDED_BY(cut_mutex_) = false;
  Stream stream_;
  Buffer buffer_;
  HeadFinder finder_;
  std::size_t head_size_ = 0;  // once it is complete
  State state_ = State::Waiting;
  Peer peer_;
  std::size_t drained_ = 0;
  Watch watch_;  // after the stream, so that it stops before the descriptor closes
  Timer timer_;
};

}  // namespace gantry::http
