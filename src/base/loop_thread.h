// SPDX-License-Identifier: Apache-2.0
//
// A thread that runs an event loop, for what lives long and waits: connections, timers, pidfds. What
// belongs to the loop is made, used and destroyed on its thread; others reach it by post() and call().
//
//   std::unique_ptr<LoopThread> loop = TRY(LoopThread::start("shims"));
//   loop->post([this] { timer_.start(5s); });
//   Status status = loop->call([&] { return monitor.status(); });   // waits for the answer
#pragma once

#include <pthread.h>

#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>

#include "base/error.h"
#include "base/event_loop.h"
#include "base/inbox.h"

namespace gantry {

class LoopThread {
 public:
  // `name` is what ps(1) shows of the thread: at most 15 bytes.
  static Result<std::unique_ptr<LoopThread>> start(const std::string& name);
  LoopThread(const LoopThread&) = delete;
  LoopThread& operator=(const LoopThread&) = delete;
  // Runs what was posted before, then ends the thread; not to be called on it. Whoever has watches or timers
  // on the loop has destroyed them by then.
  ~LoopThread();

  // For Watch, Timer and what is made of them: to be used on this thread only.
  EventLoop& loop() { return loop_; }
  bool is_current() const { return ::pthread_equal(thread_, ::pthread_self()) != 0; }

  // From any thread; in the order of posting, never inside of post().
  void post(Inbox::Task task) { inbox_.post(std::move(task)); }

  // Runs it on the thread and waits; at once, if this is that thread. The caller must hold nothing that a
  // task before it waits for.
  template <class Function>
  auto call(Function function) {
    using Answer = std::invoke_result_t<Function&>;
    if constexpr (std::is_void_v<Answer>) {
      run_and_wait([&] { function(); });
    } else {
      std::optional<Answer> answer;
      run_and_wait([&] { answer.emplace(function()); });
      return std::move(*answer);
    }
  }

 private:
  explicit LoopThread(EventLoop loop) : loop_(std::move(loop)), inbox_(loop_) {}
  static void* thread_main(void* self);
  void run_and_wait(Inbox::Task task);

  EventLoop loop_;
  Inbox inbox_;
  pthread_t thread_{};
  bool is_started_ = false;
  bool is_stopping_ = false;  // of the thread
};

}  // namespace gantry
