// SPDX-License-Identifier: Apache-2.0
//
// Waits for many descriptors and timers in one thread (epoll(7), level
// triggered) and calls their owners back. Nothing here allocates per event,
// and a watch or timer may be stopped or destroyed at any time, also from a
// callback: what was stopped is not called any more.
//
//   class Connection {
//     Connection(EventLoop& loop, UniqueFd fd)
//         : fd_(std::move(fd)), watch_(loop, Callback::to<&Connection::on_ready>(*this)) {}
//     Result<void> open() { return watch_.start(fd_.get(), EPOLLIN); }
//     void on_ready(std::uint32_t events);
//     UniqueFd fd_;
//     Watch watch_;  // after fd_, so that it stops before the descriptor closes
//   };
#pragma once

#include <sys/epoll.h>

#include <chrono>
#include <cstdint>
#include <optional>
#include <set>
#include <span>

#include "base/error.h"
#include "base/unique_fd.h"

namespace gantry {

// A member function and the object it is called on; the object outlives the callback.
class Callback {
 public:
  template <auto Method, class T>
  static Callback to(T& object) {
    return Callback(&object, [](void* self, std::uint32_t events) {
      if constexpr (requires(T& t) { (t.*Method)(events); })
        (static_cast<T*>(self)->*Method)(events);
      else
        (static_cast<T*>(self)->*Method)();
    });
  }
  void operator()(std::uint32_t events) const { call_(object_, events); }

 private:
  using Function = void (*)(void*, std::uint32_t);
  Callback(void* object, Function call) : object_(object), call_(call) {}
  void* object_;
  Function call_;
};

class Timer;
class Watch;

class EventLoop {
 public:
  using Time = std::chrono::steady_clock::time_point;

  static Result<EventLoop> make();
  EventLoop(EventLoop&&) = default;

  // Waits for the next events or timer, at most until `deadline`, and runs their callbacks.
  Result<void> run_once(std::optional<Time> deadline = std::nullopt);

 private:
  friend class Watch;
  friend class Timer;
  explicit EventLoop(UniqueFd epoll) : epoll_(std::move(epoll)) {}
  void forget(const Watch& watch);
  void run_timers();

  UniqueFd epoll_;
  std::set<std::pair<Time, Timer*>> timers_;
  std::span<epoll_event> batch_;  // events of this round whose callbacks have not run yet
};

// Interest in one descriptor. Neither copied nor moved: the loop knows its address.
class Watch {
 public:
  Watch(EventLoop& loop, Callback callback) : loop_(loop), callback_(callback) {}
  Watch(const Watch&) = delete;
  Watch& operator=(const Watch&) = delete;
  ~Watch() { stop(); }

  // `events` as for epoll_ctl(2); EPOLLHUP and EPOLLERR are always reported. The descriptor is
  // borrowed until stop().
  Result<void> start(int fd, std::uint32_t events);
  // Changes what a started watch waits for.
  void wait_for(std::uint32_t events);
  void stop();
  bool is_started() const { return fd_ >= 0; }

 private:
  friend class EventLoop;
  EventLoop& loop_;
  Callback callback_;
  int fd_ = -1;
  std::uint32_t events_ = 0;
};

// Calls back once, some time from now (CLOCK_MONOTONIC).
class Timer {
 public:
  Timer(EventLoop& loop, Callback callback) : loop_(loop), callback_(callback) {}
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;
  ~Timer() { stop(); }

  // Replaces an earlier start.
  void start(std::chrono::milliseconds delay);
  void stop();
  bool is_started() const { return deadline_.has_value(); }

 private:
  friend class EventLoop;
  EventLoop& loop_;
  Callback callback_;
  std::optional<EventLoop::Time> deadline_;
};

}  // namespace gantry
