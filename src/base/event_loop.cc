// SPDX-License-Identifier: Apache-2.0
#include "base/event_loop.h"

#include <algorithm>
#include <cstdlib>

namespace gantry {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

// -1 waits for ever. Rounded up, or the last millisecond would be spent spinning.
int milliseconds_until(std::optional<EventLoop::Time> deadline) {
  if (!deadline) return -1;
  const auto left = std::chrono::ceil<milliseconds>(*deadline - steady_clock::now()).count();
  return static_cast<int>(std::clamp<decltype(left)>(left, 0, 1 << 30));
}

}  // namespace

Result<EventLoop> EventLoop::make() {
  UniqueFd epoll(::epoll_create1(EPOLL_CLOEXEC));
  if (!epoll) return sys_error("make epoll descriptor");
  return EventLoop(std::move(epoll));
}

Result<void> EventLoop::run_once(std::optional<Time> deadline) {
  if (!timers_.empty()) {
    const Time next = timers_.begin()->first;
    deadline = deadline ? std::min(*deadline, next) : next;
  }
  epoll_event events[32];
  const int n = ::epoll_wait(epoll_.get(), events, std::size(events), milliseconds_until(deadline));
  if (n < 0 && errno != EINTR) return sys_error("wait for events");
  batch_ = std::span(events, n > 0 ? static_cast<std::size_t>(n) : 0);
  while (!batch_.empty()) {
    const epoll_event event = batch_.front();
    batch_ = batch_.subspan(1);
    // A watch that an earlier callback of this round stopped has left its event empty.
    if (auto* watch = static_cast<Watch*>(event.data.ptr)) watch->callback_(event.events);
  }
  run_timers();
  return {};
}

void EventLoop::run_timers() {
  if (timers_.empty()) return;
  const Time now = steady_clock::now();
  while (!timers_.empty() && timers_.begin()->first <= now) {
    Timer& timer = *timers_.begin()->second;
    timer.stop();
    timer.callback_(0);
  }
}

void EventLoop::forget(const Watch& watch) {
  for (epoll_event& event : batch_)
    if (event.data.ptr == &watch) event.data.ptr = nullptr;
}

Result<void> Watch::start(int fd, std::uint32_t events) {
  stop();
  epoll_event event{.events = events, .data = {.ptr = this}};
  if (::epoll_ctl(loop_.epoll_.get(), EPOLL_CTL_ADD, fd, &event) < 0)
    return sys_error("watch descriptor {}", fd);
  fd_ = fd;
  events_ = events;
  return {};
}

void Watch::wait_for(std::uint32_t events) {
  if (events == events_) return;
  epoll_event event{.events = events, .data = {.ptr = this}};
  // It can fail only for a descriptor that was closed while watched: a broken invariant.
  if (::epoll_ctl(loop_.epoll_.get(), EPOLL_CTL_MOD, fd_, &event) < 0) std::abort();
  events_ = events;
}

void Watch::stop() {
  if (!is_started()) return;
  if (::epoll_ctl(loop_.epoll_.get(), EPOLL_CTL_DEL, fd_, nullptr) < 0) std::abort();
  loop_.forget(*this);
  fd_ = -1;
}

void Timer::start(milliseconds delay) {
  stop();
  deadline_ = steady_clock::now() + delay;
  loop_.timers_.emplace(*deadline_, this);
}

void Timer::stop() {
  if (!deadline_) return;
  loop_.timers_.erase({*deadline_, this});
  deadline_.reset();
}

}  // namespace gantry
