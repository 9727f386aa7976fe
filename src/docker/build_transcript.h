// SPDX-License-Identifier: Apache-2.0
//
// A build as docker's classic builder tells it: step by step.
//
//   Step 2/3 : RUN make
//    ---> Using cache
//    ---> 3f2a61c0b1de
//
// Steps of several stages run side by side; they are told one after the other all the same, in the order of
// their numbers: what comes early is kept until its turn.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "base/mutex.h"
#include "build/progress.h"
#include "docker/message_stream.h"

namespace gantry::docker {

enum class Verbosity : std::uint8_t { Full, Quiet };

class BuildTranscript final : public build::ProgressSink {
 public:
  BuildTranscript(MessageStream& messages, Verbosity verbosity)
      : messages_(messages), verbosity_(verbosity) {}

  void on_vertex(const build::Vertex& vertex) override;
  void on_started(const build::VertexId& id) override;
  void on_cached(const build::VertexId& id) override;
  void on_finished(const build::VertexId& id, const Error* failure, std::string_view result) override;
  void on_log(const build::VertexId& id, build::LogStream stream, std::string_view text) override;
  void on_transfer(const build::VertexId& id, std::string_view what, std::uint64_t done,
                   std::uint64_t total) override;
  void on_warning(std::string_view rule, std::string_view sentence, dockerfile::LineRange lines) override;
  void on_failure(const build::FailurePlace& place) override;

  // Tells what is still kept, of a build that ended early, and where it did.
  void end();

 private:
  struct Step {
    std::string title;  // "Step 2/3 : RUN make"; told when its turn comes or it starts
    std::string kept;   // text that waits for its turn
    bool has_started = false;
    bool is_done = false;
  };

  Step* step_of(const build::VertexId& id) REQUIRES(mutex_);
  void start(Step& step) REQUIRES(mutex_);
  void tell(Step& step, std::string_view text) REQUIRES(mutex_);
  void advance() REQUIRES(mutex_);
  bool has_turn(const Step& step) const REQUIRES(mutex_);
  void send(std::string_view text) REQUIRES(mutex_);

  MessageStream& messages_;
  const Verbosity verbosity_;
  Mutex mutex_;  // guards what follows
  std::map<build::VertexId, std::size_t> numbers_ GUARDED_BY(mutex_);
  std::map<std::size_t, Step> steps_ GUARDED_BY(mutex_);  // by their numbers
  std::size_t turn_ GUARDED_BY(mutex_) = 1;
  std::string place_ GUARDED_BY(mutex_);  // of the failure, with the lines around it
};

}  // namespace gantry::docker
