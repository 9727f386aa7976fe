// SPDX-License-Identifier: Apache-2.0
//
// How long the steps of a job took, for people who make it faster.
//
//   StepTimes times;
//   ... times.done("mounts"); ... times.done("network");
//   log.debug("container started", {{"container", id}, {"steps", times.text()}});   // "mounts=0.1ms …"
#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include <fmt/format.h>

namespace gantry::engine {

class StepTimes {
 public:
  // The step that began with the end of the one before.
  void done(std::string_view step) {
    const auto now = Clock::now();
    using Milliseconds = std::chrono::duration<double, std::milli>;
    text_ += fmt::format("{}{}={:.2f}ms", text_.empty() ? "" : " ", step, Milliseconds(now - last_).count());
    last_ = now;
  }
  const std::string& text() const { return text_; }

 private:
  using Clock = std::chrono::steady_clock;
  Clock::time_point last_ = Clock::now();
  std::string text_;
};

}  // namespace gantry::engine
