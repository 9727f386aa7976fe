// SPDX-License-Identifier: Apache-2.0
//
// What a build tells, kept as messages for those who follow it: from its beginning, however late they come.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "base/mutex.h"
#include "build/progress.h"
#include "grpc/call.h"

namespace gantry::buildkit {

class BuildLog final : public build::ProgressSink, public std::enable_shared_from_this<BuildLog> {
 public:
  BuildLog();
  ~BuildLog() override;

  // Writes StatusResponse messages until the build ends or the caller gives up.
  Result<void> follow(grpc::ServerCall& call);
  // Hands each on as it is on the wire, until the build ends or one cannot be sent.
  using Send = std::function<Result<void>(std::string_view message)>;
  Result<void> follow(const Send& send);
  void end();

  struct Counts {
    std::int32_t steps = 0;  // that were begun, as the others
    std::int32_t cached = 0;
    std::int32_t completed = 0;
  };
  Counts counts() const;

  void on_vertex(const build::Vertex& vertex) override;
  void on_started(const build::VertexId& id) override;
  void on_cached(const build::VertexId& id) override;
  void on_finished(const build::VertexId& id, const Error* failure, std::string_view result) override;
  void on_log(const build::VertexId& id, build::LogStream stream, std::string_view text) override;
  void on_transfer(const build::VertexId& id, std::string_view what, std::uint64_t done,
                   std::uint64_t total) override;
  void on_warning(std::string_view rule, std::string_view sentence, dockerfile::LineRange lines) override;
  void on_failure(const build::FailurePlace& place) override;

 private:
  struct Vertexes;  // by id, as they stand
  Result<void> follow(const Send& send, const std::function<bool()>& is_over);
  void add(std::string message) REQUIRES(mutex_);
  void add_vertex(const build::VertexId& id) REQUIRES(mutex_);

  mutable Mutex mutex_;  // guards what follows
  const std::unique_ptr<Vertexes> vertexes_;
  std::deque<std::string> messages_ GUARDED_BY(mutex_);
  std::size_t dropped_ GUARDED_BY(mutex_) = 0;  // messages before the first one that is kept
  std::size_t bytes_ GUARDED_BY(mutex_) = 0;    // of the messages
  bool has_ended_ GUARDED_BY(mutex_) = false;
  Counts counts_ GUARDED_BY(mutex_);
  CondVar changed_;
};

}  // namespace gantry::buildkit
