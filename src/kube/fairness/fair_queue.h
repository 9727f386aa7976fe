// SPDX-License-Identifier: Apache-2.0
//
// Lines of waiting requests. Each flow is dealt a hand of a fixed number of lines by its hash and stands in
// the shortest of them, so that a flow with very many requests fills its own hand only (shuffle sharding);
// lines are served in turn. Not for several threads.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>

namespace gantry::kube {

struct FairQueueOptions {
  std::uint32_t lines = 0;  // 0: nobody can wait
  std::uint32_t hand = 1;
  std::size_t max_length = 50;  // of one line
};

template <class Waiter>
class FairQueue {
 public:
  explicit FairQueue(FairQueueOptions options = {}) : options_(options) {}

  bool empty() const { return lines_.empty(); }
  std::size_t size() const { return size_; }

  // False: the line is full.
  bool push(std::uint64_t flow, Waiter* waiter) {
    if (options_.lines == 0) return false;
    const std::uint32_t line = shortest_of(flow);
    std::deque<Waiter*>& waiting = lines_[line];
    if (waiting.size() >= options_.max_length) return false;
    waiting.push_back(waiter);
    ++size_;
    return true;
  }

  // The next one; null: nobody waits.
  Waiter* pop() {
    if (lines_.empty()) return nullptr;
    auto line = lines_.upper_bound(last_);
    if (line == lines_.end()) line = lines_.begin();
    last_ = line->first;
    Waiter* waiter = line->second.front();
    line->second.pop_front();
    if (line->second.empty()) lines_.erase(line);
    --size_;
    return waiter;
  }

  // Somebody who does not want to wait any longer.
  void remove(Waiter* waiter) {
    for (auto line = lines_.begin(); line != lines_.end(); ++line) {
      if (std::erase(line->second, waiter) == 0) continue;
      --size_;
      if (line->second.empty()) lines_.erase(line);
      return;
    }
  }

 private:
  // Of as many different lines as the hand has; each is drawn from those that are left.
  std::uint32_t shortest_of(std::uint64_t flow) const {
    std::uint32_t best = 0;
    std::size_t best_length = SIZE_MAX;
    std::map<std::uint32_t, std::uint32_t> moved;  // a shuffle of all lines, as far as it was begun
    for (std::uint32_t i = 0; i < options_.hand && i < options_.lines; ++i) {
      const std::uint32_t place = i + static_cast<std::uint32_t>(flow % (options_.lines - i));
      flow /= options_.lines - i;
      const auto at = [&](std::uint32_t index) {
        const auto found = moved.find(index);
        return found == moved.end() ? index : found->second;
      };
      const std::uint32_t line = at(place);
      moved[place] = at(i);
      const auto waiting = lines_.find(line);
      const std::size_t length = waiting == lines_.end() ? 0 : waiting->second.size();
      if (length < best_length) {
        best = line;
        best_length = length;
      }
    }
    return best;
  }

  FairQueueOptions options_;
  std::map<std::uint32_t, std::deque<Waiter*>> lines_;  // those in which somebody stands
  std::uint32_t last_ = 0;                              // line that was served
  std::size_t size_ = 0;
};

}  // namespace gantry::kube
