// SPDX-License-Identifier: Apache-2.0
#include "buildkit/build_log.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/timestamp.h"
#include "buildkit/message.h"
#include "dockerfile/lint.h"

namespace gantry::buildkit {
namespace {

// What is kept of a build for those who come later; the oldest goes first. Clients follow from the beginning.
constexpr std::size_t kMostBytes = 16 << 20;

}  // namespace

struct BuildLog::Vertexes {
  std::map<build::VertexId, pb::Vertex> by_id;
  // When what moves within a vertex was seen first, by vertex and name.
  std::map<std::pair<build::VertexId, std::string>, std::int64_t> transfers;
};

BuildLog::BuildLog() : vertexes_(std::make_unique<Vertexes>()) {}
BuildLog::~BuildLog() = default;

Result<void> BuildLog::follow(grpc::ServerCall& call) {
  call.on_over([weak = weak_from_this()] {
    if (const auto self = weak.lock()) {
      const MutexLock lock(self->mutex_);
      self->changed_.notify_all();
    }
  });
  return follow([&call](std::string_view message) { return call.write(message); },
                [&call] { return call.is_over(); });
}

Result<void> BuildLog::follow(const Send& send) {
  return follow(send, [] { return false; });
}

Result<void> BuildLog::follow(const Send& send, const std::function<bool()>& is_over) {
  std::size_t next = 0;
  for (;;) {
    std::string message;
    {
      const MutexLock lock(mutex_);
      next = std::max(next, dropped_);
      while (next - dropped_ == messages_.size() && !has_ended_ && !is_over()) changed_.wait(mutex_);
      if (is_over() || next - dropped_ == messages_.size()) return {};
      message = messages_[next++ - dropped_];
    }
    TRY(send(message));
  }
}

void BuildLog::end() {
  const MutexLock lock(mutex_);
  has_ended_ = true;
  changed_.notify_all();
}

BuildLog::Counts BuildLog::counts() const {
  const MutexLock lock(mutex_);
  return counts_;
}

void BuildLog::add(std::string message) {
  bytes_ += message.size();
  messages_.push_back(std::move(message));
  while (bytes_ > kMostBytes && messages_.size() > 1) {
    bytes_ -= messages_.front().size();
    messages_.pop_front();
    ++dropped_;
  }
  changed_.notify_all();
}

void BuildLog::add_vertex(const build::VertexId& id) {
  pb::StatusResponse response;
  *response.add_vertexes() = vertexes_->by_id[id];
  add(response.SerializeAsString());
}

void BuildLog::on_vertex(const build::Vertex& vertex) {
  // Clients show these as steps of no duration; the config is no work.
  if (vertex.kind == build::VertexKind::Setting) return;
  const MutexLock lock(mutex_);
  pb::Vertex& message = vertexes_->by_id[vertex.id];
  message.set_digest(vertex.id);
  message.set_name(vertex.name);
  for (const build::VertexId& input : vertex.inputs) message.add_inputs(input);
  add_vertex(vertex.id);
}

void BuildLog::on_started(const build::VertexId& id) {
  const MutexLock lock(mutex_);
  if (!vertexes_->by_id.contains(id)) return;
  ++counts_.steps;
  set_time(*vertexes_->by_id[id].mutable_started(), wall_clock_ns());
  add_vertex(id);
}

void BuildLog::on_cached(const build::VertexId& id) {
  const MutexLock lock(mutex_);
  if (!vertexes_->by_id.contains(id)) return;
  ++counts_.cached;
  vertexes_->by_id[id].set_cached(true);
}

void BuildLog::on_finished(const build::VertexId& id, const Error* failure, std::string_view) {
  const MutexLock lock(mutex_);
  if (!vertexes_->by_id.contains(id)) return;
  pb::Vertex& vertex = vertexes_->by_id[id];
  const std::int64_t now = wall_clock_ns();
  if (!vertex.has_started()) {
    ++counts_.steps;
    set_time(*vertex.mutable_started(), now);
  }
  set_time(*vertex.mutable_completed(), now);
  if (failure != nullptr)
    vertex.set_error(failure->message());
  else
    ++counts_.completed;
  add_vertex(id);
}

void BuildLog::on_log(const build::VertexId& id, build::LogStream stream, std::string_view text) {
  pb::StatusResponse response;
  pb::VertexLog& log = *response.add_logs();
  log.set_vertex(id);
  set_time(*log.mutable_timestamp(), wall_clock_ns());
  log.set_stream(static_cast<std::int64_t>(stream));
  log.set_msg(text.data(), text.size());
  const MutexLock lock(mutex_);
  add(response.SerializeAsString());
}

void BuildLog::on_transfer(const build::VertexId& id, std::string_view what, std::uint64_t done,
                           std::uint64_t total) {
  const std::int64_t now = wall_clock_ns();
  pb::StatusResponse response;
  pb::VertexStatus& status = *response.add_statuses();
  status.set_id(std::string(what));
  status.set_vertex(id);
  status.set_name(std::string(what));
  status.set_current(static_cast<std::int64_t>(done));
  status.set_total(static_cast<std::int64_t>(total));
  set_time(*status.mutable_timestamp(), now);
  const MutexLock lock(mutex_);
  set_time(*status.mutable_started(), vertexes_->transfers.emplace(std::pair(id, what), now).first->second);
  if (total != 0 && done >= total) set_time(*status.mutable_completed(), now);
  add(response.SerializeAsString());
}

void BuildLog::on_warning(std::string_view rule, std::string_view sentence, dockerfile::LineRange lines) {
  pb::StatusResponse response;
  pb::VertexWarning& warning = *response.add_warnings();
  warning.set_level(1);
  if (rule.empty()) {
    warning.set_short_(std::string(sentence));
  } else {
    warning.set_short_(fmt::format("{}: {} (line {})", rule, sentence, lines.first));
    warning.set_url(dockerfile::rule_url(rule));
  }
  pb::Range& range = *warning.add_ranges();
  range.mutable_start()->set_line(static_cast<std::int32_t>(lines.first));
  range.mutable_end()->set_line(static_cast<std::int32_t>(lines.last));
  const MutexLock lock(mutex_);
  // Belongs to some vertex; what reads the Dockerfile is the first.
  if (!vertexes_->by_id.empty()) warning.set_vertex(vertexes_->by_id.begin()->first);
  add(response.SerializeAsString());
}

void BuildLog::on_failure(const build::FailurePlace&) {
  // The error itself names file and line; who builds here has the file.
}

}  // namespace gantry::buildkit
