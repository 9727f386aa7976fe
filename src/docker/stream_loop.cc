// SPDX-License-Identifier: Apache-2.0
#include "docker/stream_loop.h"

namespace gantry::docker {

ClientStream::ClientStream(StreamLoop& streams, Hijacked client)
    : streams_(streams),
      connection_(streams.loop(), std::move(client.stream), client.kind, *this),
      id_(++streams.last_id_) {}

void ClientStream::end() {
  connection_.close();
  streams_.remove(id_);
}

StreamLoop::StreamLoop(std::unique_ptr<LoopThread> thread, const Logger& log)
    : log_(log),
      thread_(std::move(thread)),
      log_changes_(std::make_unique<engine::LogChanges>(thread_->loop())) {}

Result<std::unique_ptr<StreamLoop>> StreamLoop::start(const Logger& log) {
  std::unique_ptr<LoopThread> thread = TRY(LoopThread::start("client-streams"));
  std::unique_ptr<StreamLoop> streams(new StreamLoop(std::move(thread), log));
  TRY(streams->thread_->call([&] { return streams->log_changes_->open(); }));
  return streams;
}

StreamLoop::~StreamLoop() {
  thread_->call([this] {
    streams_.clear();
    log_changes_.reset();
  });
}

void StreamLoop::add(std::unique_ptr<ClientStream> stream) {
  thread_->post([this, stream = std::move(stream)]() mutable { begin(std::move(stream)); });
}

void StreamLoop::begin(std::unique_ptr<ClientStream> stream) {
  ClientStream& started = *stream;
  streams_.emplace(started.id_, std::move(stream));
  Result<void> begun = started.connection_.open();
  if (begun) begun = started.begin();
  if (begun) return;
  log_.warn("a client's stream could not begin", {{"error", begun.error().message()}});
  started.end();
}

ClientStream* StreamLoop::find(ClientStream::Id id) {
  const auto found = streams_.find(id);
  return found == streams_.end() ? nullptr : found->second.get();
}

// Later, because the stream may be the one that runs.
void StreamLoop::remove(ClientStream::Id id) {
  thread_->post([this, id] { streams_.erase(id); });
}

}  // namespace gantry::docker
