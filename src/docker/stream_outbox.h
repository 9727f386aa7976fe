// SPDX-License-Identifier: Apache-2.0
//
// Tasks for a stream that is not there yet. Who waits or attaches is subscribed before the head of the answer
// goes out: the client takes that head for leave to start the container, which may run and end before this
// thread gets on.
//
//   auto outbox = std::make_shared<StreamOutbox<WaitStream>>(streams);
//   auto subscription = engine.wait(..., [outbox](auto& result) {
//     outbox->post([result](WaitStream& s) { s.finish(result); });
//   });
//   auto stream = std::make_unique<WaitStream>(streams, TRY(hijack_answer(call)));  // the head
//   outbox->add(std::move(stream));
#pragma once

#include <functional>
#include <memory>
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

  // Once: to the loop, with what has been posted by now. A client that has sent all and left already is heard
  // of after that: else an attached process that is there would seem not to be.
  void add(std::unique_ptr<T> stream) {
    MutexLock lock(mutex_);
    id_ = stream->id();
    streams_.add(std::move(stream), [tasks = std::exchange(waiting_, {})](T& started) mutable {
      for (Task& task : tasks) task(started);
    });
  }

 private:
  StreamLoop& streams_;
  Mutex mutex_;  // guards what follows
  std::optional<ClientStream::Id> id_ GUARDED_BY(mutex_);
  std::vector<Task> waiting_ GUARDED_BY(mutex_);
};

}  // namespace gantry::docker
