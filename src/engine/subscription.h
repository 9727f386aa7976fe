// SPDX-License-Identifier: Apache-2.0
//
// Interest in something that happens later: while a Subscription lives its callback may be called, and after
// its destructor has returned it is not called any more and does not run. So a callback must not destroy its
// own subscription, and must not wait for a thread that does.
//
//   Subscription wait = TRY(engine.wait("web", WaitCondition::NotRunning, [&](const WaitResult& r) { … }));
#pragma once

#include <functional>
#include <utility>

namespace gantry::engine {

class Subscription {
 public:
  Subscription() = default;
  explicit Subscription(std::move_only_function<void()> cancel) : cancel_(std::move(cancel)) {}
  Subscription(Subscription&& other) noexcept : cancel_(std::exchange(other.cancel_, nullptr)) {}
  Subscription& operator=(Subscription&& other) noexcept {
    reset();
    cancel_ = std::exchange(other.cancel_, nullptr);
    return *this;
  }
  ~Subscription() { reset(); }

  void reset() {
    if (cancel_) std::exchange(cancel_, nullptr)();
  }

 private:
  std::move_only_function<void()> cancel_;
};

}  // namespace gantry::engine
