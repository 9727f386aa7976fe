// SPDX-License-Identifier: Apache-2.0
//
// Tasks for a stream that is not there yet. Who waits or attaches is subscribed before the head of the answer
// goes out: the client takes that head for leave to start the container, which may run and end before this
// thread gets on.
//
//   auto outbox = std::make_shared<StreamOutbox<WaitStream>>(streams);
//   auto subscription = engine.wait(..., [outbox](auto& result) { outbox->post([result](WaitStream& s)
//   {...}); }); auto stream = std::make_unique<WaitStream>(streams, TRY(hijack_answer(call)));     // the
//   head const auto id = stream->id(); streams.add(std::move(stream)); outbox->deliver_to(id);
#pragma once

#include <functional>
#include <optional>
#include <utility>
#include <vector>

#include "base/mutex.h"
#include "docker/stream_loop.h"

namespace gantry::docker {

// Any thread. `T` is the stream's type.
template <class T>
class StreamOutbox {
 public:
  using Task = std::move_only_function<void(T&)>;

  explicit StreamOutbox(StreamLoop& streams) : streams_(streams) {}

  // In the order of posting.
  void post(Task task) {
    MutexLock lock(mutex_);
    if (id_)
      streams_.post_to<T>(*id_, std::move(task));
    else
      waiting_.push_back(std::move(task));
  }

  // Once, after StreamLoop::add().
  void deliver_to(ClientStream::Id id) {
    MutexLock lock(mutex_);
    id_ = id;
    for (Task& task : std::exchange(waiting_, {})) streams_.post_to<T>(id, std::move(task));
  }

 private:
  StreamLoop& streams_;
  Mutex mutex_;  // guards what follows
  std::optional<ClientStream::Id> id_ GUARDED_BY(mutex_);
  std::vector<Task> waiting_ GUARDED_BY(mutex_);
};

}  // namespace gantry::docker
