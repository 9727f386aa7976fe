// SPDX-License-Identifier: Apache-2.0
#include "base/event_loop.h"

#include <fcntl.h>
#include <gtest/gtest.h>

#include <memory>
#include <vector>

#include "testing/must.h"

namespace gantry {
namespace {

using std::chrono::milliseconds;

struct Pipe {
  Pipe() {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0) std::abort();
    read_end.reset(ends[0]);
    write_end.reset(ends[1]);
  }
  void fill() const { ASSERT_EQ(::write(write_end.get(), "x", 1), 1); }
  UniqueFd read_end, write_end;
};

struct Counter {
  explicit Counter(EventLoop& loop)
      : watch(loop, Callback::to<&Counter::on_ready>(*this)),
        timer(loop, Callback::to<&Counter::on_time>(*this)) {}
  void on_ready(std::uint32_t events) {
    ++calls;
    last_events = events;
    if (victim != nullptr) victim->reset();
  }
  void on_time() { rung->push_back(this); }

  int calls = 0;
  std::uint32_t last_events = 0;
  std::unique_ptr<Counter>* victim = nullptr;   // destroyed by the callback
  std::vector<const Counter*>* rung = nullptr;  // whose timers went off, one after the other
  Watch watch;
  Timer timer;
};

TEST(EventLoop, calls_the_owner_of_a_ready_descriptor) {
  EventLoop loop = MUST(EventLoop::make());
  Pipe quiet, ready;
  Counter a(loop), b(loop);
  MUST(a.watch.start(quiet.read_end.get(), EPOLLIN));
  MUST(b.watch.start(ready.read_end.get(), EPOLLIN));
  ready.fill();
  MUST(loop.run_once());
  EXPECT_EQ(a.calls, 0);
  EXPECT_EQ(b.calls, 1);
  EXPECT_EQ(b.last_events, static_cast<std::uint32_t>(EPOLLIN));
}

TEST(EventLoop, says_nothing_more_to_a_watch_that_waits_for_nothing) {
  EventLoop loop = MUST(EventLoop::make());
  Pipe pipe;
  Counter counter(loop);
  MUST(counter.watch.start(pipe.read_end.get(), EPOLLIN));
  pipe.fill();
  counter.watch.wait_for(0);
  MUST(loop.run_once(std::chrono::steady_clock::now()));
  EXPECT_EQ(counter.calls, 0);
  counter.watch.wait_for(EPOLLIN);
  MUST(loop.run_once());
  EXPECT_EQ(counter.calls, 1);
}

TEST(EventLoop, forgets_events_of_an_owner_that_another_callback_destroyed) {
  EventLoop loop = MUST(EventLoop::make());
  Pipe p, q;
  // Whichever is called first destroys the other, whose event is already in the same batch.
  auto a = std::make_unique<Counter>(loop), b = std::make_unique<Counter>(loop);
  MUST(a->watch.start(p.read_end.get(), EPOLLIN));
  MUST(b->watch.start(q.read_end.get(), EPOLLIN));
  a->victim = &b;
  b->victim = &a;
  p.fill();
  q.fill();
  MUST(loop.run_once());
  ASSERT_NE(a == nullptr, b == nullptr);
  EXPECT_EQ((a ? a : b)->calls, 1);
}

TEST(EventLoop, runs_timers_in_the_order_of_their_deadlines) {
  EventLoop loop = MUST(EventLoop::make());
  Counter late(loop), soon(loop), stopped(loop);
  std::vector<const Counter*> rung;
  for (Counter* counter : {&late, &soon, &stopped}) counter->rung = &rung;
  late.timer.start(milliseconds(3));
  soon.timer.start(milliseconds(1));
  stopped.timer.start(milliseconds(1));
  stopped.timer.stop();
  while (rung.size() < 2) MUST(loop.run_once());
  EXPECT_EQ(rung, (std::vector<const Counter*>{&soon, &late}));
}

TEST(EventLoop, returns_at_its_deadline_when_nothing_happens) {
  EventLoop loop = MUST(EventLoop::make());
  const auto begin = std::chrono::steady_clock::now();
  MUST(loop.run_once(begin + milliseconds(5)));
  EXPECT_GE(std::chrono::steady_clock::now() - begin, milliseconds(5));
}

}  // namespace
}  // namespace gantry
