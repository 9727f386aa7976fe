// SPDX-License-Identifier: Apache-2.0
//
// What a build tells while it runs. The work is a graph of vertexes, one for each step and one for each thing
// besides (contexts, exports); each is announced, started, perhaps found in the cache, and finished, in this
// order. Texts, colours and protocols are made by who shows them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "dockerfile/position.h"

namespace gantry::build {

using VertexId = std::string;  // "sha256:…"; one build's own

enum class VertexKind : std::uint8_t {
  Internal,  // loading the context or the Dockerfile
  From,      // a stage's base
  Layer,     // an instruction that may change files
  Setting,   // one that only changes the config; never takes time
  Export,
};

struct Vertex {
  VertexId id;
  VertexKind kind = VertexKind::Internal;
  std::string name;              // "[build 2/5] RUN make"
  std::vector<VertexId> inputs;  // what it waits for
  // Of a step: its stage, and its place among all steps that will be made, counting from 1 (0: none).
  std::string stage;
  std::string instruction;  // "RUN make"
  std::size_t step = 0;
  std::size_t steps = 0;
  dockerfile::LineRange lines;  // in the Dockerfile
};

enum class LogStream : std::uint8_t { Out = 1, Err = 2 };

// Where a build failed: for who shows the Dockerfile's lines.
struct FailurePlace {
  std::string file_name;
  std::string text;  // of the whole file
  dockerfile::LineRange lines;
};

// Called from several threads at once; what is handed in lives as long as the call.
class ProgressSink {
 public:
  virtual ~ProgressSink() = default;

  virtual void on_vertex(const Vertex& vertex) = 0;
  virtual void on_started(const VertexId& id) = 0;
  // Instead of on_started(), or after it.
  virtual void on_cached(const VertexId& id) = 0;
  // `failure` is null if it went well. `result` is a digest of what there is now (classic docker's
  // " ---> 0123456789ab"), empty if there is none.
  virtual void on_finished(const VertexId& id, const Error* failure, std::string_view result) = 0;
  // What a RUN writes, as it comes: pieces, not lines.
  virtual void on_log(const VertexId& id, LogStream stream, std::string_view text) = 0;
  // Something that moves within a vertex (a layer that is pulled): bytes, `total` 0 if unknown. `done` equal
  // to `total` is its end.
  virtual void on_transfer(const VertexId& id, std::string_view what, std::uint64_t done,
                           std::uint64_t total) = 0;
  // `rule`: what the linter calls it ("StageNameCasing", dockerfile/lint.h); empty: it is none of the
  // linter's.
  virtual void on_warning(std::string_view rule, std::string_view sentence, dockerfile::LineRange lines) = 0;
  // At most once, before build() answers its error.
  virtual void on_failure(const FailurePlace& place) = 0;
};

// For who does not look.
class NoProgress final : public ProgressSink {
 public:
  void on_vertex(const Vertex&) override {}
  void on_started(const VertexId&) override {}
  void on_cached(const VertexId&) override {}
  void on_finished(const VertexId&, const Error*, std::string_view) override {}
  void on_log(const VertexId&, LogStream, std::string_view) override {}
  void on_transfer(const VertexId&, std::string_view, std::uint64_t, std::uint64_t) override {}
  void on_warning(std::string_view, std::string_view, dockerfile::LineRange) override {}
  void on_failure(const FailurePlace&) override {}
};

}  // namespace gantry::build
