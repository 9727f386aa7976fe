// SPDX-License-Identifier: Apache-2.0
//
// What a trace has found so far (networks.h): steps, and whether the packet has come to its end.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "network/networks.h"

namespace gantry::network {

class TraceLog {
 public:
  // Where the steps from now on are: "host", "sandbox 'web'".
  void enter(std::string where) { where_ = std::move(where); }

  void pass(std::string what) { add(TraceStep::Verdict::Passes, std::move(what)); }
  // It goes on, as far as is known here.
  void doubt(std::string what) { add(TraceStep::Verdict::Unknown, std::move(what)); }
  // The last step.
  void end(TraceStep::Verdict verdict, std::string what) {
    add(verdict, std::move(what));
    is_over_ = true;
  }
  void drop(std::string what) { end(TraceStep::Verdict::Drops, std::move(what)); }

  bool is_over() const { return is_over_; }
  std::vector<TraceStep> take() && { return std::move(steps_); }

 private:
  void add(TraceStep::Verdict verdict, std::string what) {
    steps_.push_back({.verdict = verdict, .where = where_, .what = std::move(what)});
  }

  std::string where_;
  std::vector<TraceStep> steps_;
  bool is_over_ = false;
};

}  // namespace gantry::network
