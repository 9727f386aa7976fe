// SPDX-License-Identifier: Apache-2.0
//
// Where streams of clients live that last: logs that are followed, events, stats, waits, attached terminals.
// One thread for all of them, so that none holds a thread of the HTTP server.
//
//   streams.add(std::make_unique<WaitStream>(streams, TRY(hijack(call))));
//
//   // in a callback of the engine, on any thread:
//   streams.post_to<WaitStream>(id, [result](WaitStream& stream) { stream.finish(result); });
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <unordered_map>
#include <utility>

#include "base/error.h"
#include "base/log.h"
#include "base/loop_thread.h"
#include "docker/client_connection.h"
#include "docker/hijack.h"
#include "engine/log_changes.h"

namespace gantry::docker {

class StreamLoop;

// One client's stream. Made on any thread; from StreamLoop::add() on it belongs to the loop's, which destroys
// it after end().
class ClientStream : protected ClientConnection::Listener {
 public:
  using Id = std::uint64_t;

  ClientStream(StreamLoop& streams, Hijacked client);
  ClientStream(const ClientStream&) = delete;
  ClientStream& operator=(const ClientStream&) = delete;
  virtual ~ClientStream() = default;

  Id id() const { return id_; }  // of no other stream, ever

 protected:
  // Once, first. An error is logged and ends the stream.
  virtual Result<void> begin() = 0;
  void on_gone() override { end(); }
  // Nothing is called any more; destroyed soon.
  void end();

  StreamLoop& streams_;
  ClientConnection connection_;

 private:
  friend class StreamLoop;
  const Id id_;
};

class StreamLoop {
 public:
  static Result<std::unique_ptr<StreamLoop>> start(const Logger& log);
  StreamLoop(const StreamLoop&) = delete;
  StreamLoop& operator=(const StreamLoop&) = delete;
  ~StreamLoop();  // cuts all streams

  // From any thread.
  void add(std::unique_ptr<ClientStream> stream);
  // The same; then the task runs with it, before it hears of its client.
  template <class T, class Task>
  void add(std::unique_ptr<T> stream, Task task) {
    thread_->post([this, stream = std::move(stream), task = std::move(task)]() mutable {
      T& started = *stream;
      begin(std::move(stream));
      task(started);  // one that could not begin is destroyed later
    });
  }
  // Runs the task with that stream, a T, on the loop's thread; drops it when the stream has ended by then.
  template <class T, class Task>
  void post_to(ClientStream::Id id, Task task) {
    thread_->post([this, id, task = std::move(task)]() mutable {
      if (ClientStream* stream = find(id)) task(static_cast<T&>(*stream));
    });
  }

  // For the streams, on the loop's thread.
  EventLoop& loop() { return thread_->loop(); }
  engine::LogChanges& log_changes() { return *log_changes_; }

 private:
  friend class ClientStream;
  StreamLoop(std::unique_ptr<LoopThread> thread, const Logger& log);
  ClientStream* find(ClientStream::Id id);
  void begin(std::unique_ptr<ClientStream> stream);
  void remove(ClientStream::Id id);

  const Logger& log_;
  const std::unique_ptr<LoopThread> thread_;
  std::atomic<ClientStream::Id> last_id_ = 0;
  // Of the loop's thread.
  std::unique_ptr<engine::LogChanges> log_changes_;
  std::unordered_map<ClientStream::Id, std::unique_ptr<ClientStream>> streams_;
};

}  // namespace gantry::docker
