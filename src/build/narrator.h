// SPDX-License-Identifier: Apache-2.0
//
// Tells a build's progress: gives vertexes their ids, and sees to it that each one that was begun is
// finished, also on the way of an error.
#pragma once

#include <atomic>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "base/error.h"
#include "build/progress.h"

namespace gantry::build {

// One vertex that was announced. One thread at a time.
class Telling {
 public:
  Telling(ProgressSink& sink, const Vertex& vertex) : sink_(sink), id_(vertex.id) { sink_.on_vertex(vertex); }
  Telling(const Telling&) = delete;
  Telling& operator=(const Telling&) = delete;
  ~Telling() {
    if (!is_finished_) finish("");
  }

  const VertexId& id() const { return id_; }
  ProgressSink& sink() { return sink_; }
  void start() {
    if (!std::exchange(is_started_, true)) sink_.on_started(id_);
  }
  void cached() { sink_.on_cached(id_); }
  void finish(std::string_view result) {
    is_finished_ = true;
    sink_.on_finished(id_, nullptr, result);
  }
  void fail(const Error& failure) {
    start();
    is_finished_ = true;
    sink_.on_finished(id_, &failure, "");
  }
  // Runs `work`, and tells how it went.
  template <class Work>
  auto tell(Work work) {
    start();
    auto result = work();
    if (result)
      finish("");
    else
      fail(result.error());
    return result;
  }

 private:
  ProgressSink& sink_;
  const VertexId id_;
  bool is_started_ = false;
  bool is_finished_ = false;
};

// Thread-safe.
class Narrator {
 public:
  // `build` makes ids unlike those of other builds.
  Narrator(std::string build, ProgressSink& sink) : build_(std::move(build)), sink_(sink) {}

  VertexId new_id();
  ProgressSink& sink() { return sink_; }

 private:
  const std::string build_;
  ProgressSink& sink_;
  std::atomic<unsigned> count_ = 0;
};

}  // namespace gantry::build
