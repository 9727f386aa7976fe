// SPDX-License-Identifier: Apache-2.0
//
// GET /containers/{id}/stats: once, or every second until the client or the container goes.
#include <chrono>
#include <optional>
#include <string>
#include <utility>

#include "docker/endpoints.h"
#include "docker/hijack.h"
#include "docker/stream_loop.h"
#include "engine/engine.h"
#include "engine/stats.h"

namespace gantry::docker {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kMostUnsent = 1 << 20;  // bytes

// Whose network interfaces are the container's own; 0 when it sees those of others.
pid_t pid_of_network(const engine::ContainerRecord& record) {
  const std::string& mode = record.settings->host_config.network_mode;
  return mode == "host" || mode.starts_with("container:") ? 0 : record.state.pid;
}

Result<engine::StatsSource> open_source(const engine::Engine& engine, const engine::ContainerRecord& record) {
  return engine::StatsSource::open(engine.paths(record).cgroup, pid_of_network(record));
}

class StatsStream final : public ClientStream {
 public:
  enum class Mode : std::uint8_t {
    Endless,
    Pair,  // one line, of two looks a second apart: what is needed to say how busy it is
  };

  StatsStream(StreamLoop& streams, Hijacked client, const engine::Engine& engine, std::string id, Mode mode)
      : ClientStream(streams, std::move(client)),
        engine_(engine),
        container_(std::move(id)),
        mode_(mode),
        timer_(streams.loop(), Callback::to<&StatsStream::look>(*this)) {}

 private:
  Result<void> begin() override {
    look();
    return {};
  }

  void look() {
    const auto record = engine_.find(container_);
    if (!record) return connection_.finish();
    std::optional<engine::StatsSample> now = sample(**record);
    const bool is_last = mode_ == Mode::Pair && (before_ || !now);
    if (mode_ == Mode::Endless || is_last) send(**record, now);
    if (is_last || connection_.unsent() > kMostUnsent) return connection_.finish();
    before_ = std::move(now);
    timer_.start(1s);
  }

  // Nothing for a container that does not run; it may again.
  std::optional<engine::StatsSample> sample(const engine::ContainerRecord& record) {
    if (!record.state.is_running() || record.state.pid != pid_) source_.reset();
    if (!record.state.is_running()) return std::nullopt;
    if (!source_) {
      auto source = open_source(engine_, record);
      if (!source) return std::nullopt;
      source_.emplace(std::move(*source));
      pid_ = record.state.pid;
      before_.reset();
    }
    auto now = source_->read();
    if (!now) return std::nullopt;
    return std::move(*now);
  }

  void send(const engine::ContainerRecord& record, const std::optional<engine::StatsSample>& now) {
    connection_.write(engine::stats_json({.id = record.id,
                                          .name = "/" + record.name,
                                          .now = now ? &*now : nullptr,
                                          .before = now && before_ ? &*before_ : nullptr}),
                      "\n");
  }

  const engine::Engine& engine_;
  const std::string container_;
  const Mode mode_;
  Timer timer_;
  std::optional<engine::StatsSource> source_;
  pid_t pid_ = 0;  // whose life source_ is of
  std::optional<engine::StatsSample> before_;
};

Result<void> send_one(const Context& context, Call& call, const engine::ContainerRecord& record) {
  engine::StatsLine line{.id = record.id, .name = "/" + record.name};
  if (!record.state.is_running()) return call.send_json(engine::stats_json(line));
  auto source = TRY(open_source(context.engine, record));
  const engine::StatsSample now = TRY(source.read());
  line.now = &now;
  return call.send_json(engine::stats_json(line));
}

Result<void> container_stats(const Context& context, Call& call) {
  const engine::ContainerRef record = TRY(context.engine.find(call.parameter(0)));
  const bool is_endless = call.flag("stream", true);
  if (is_endless && call.flag("one-shot"))
    return error(Code::InvalidArgument, "cannot have stream=true and one-shot=true");
  if (!is_endless && (call.flag("one-shot") || !record->state.is_running()))
    return send_one(context, call, *record);
  call.response.headers.set("Content-Type", "application/json");
  context.streams.add(
      std::make_unique<StatsStream>(context.streams, TRY(hijack_answer(call)), context.engine, record->id,
                                    is_endless ? StatsStream::Mode::Endless : StatsStream::Mode::Pair));
  return {};
}

}  // namespace

std::span<const Route> stats_routes() {
  static constexpr Route kRoutes[] = {{"GET", "/containers/{id}/stats", container_stats}};
  return kRoutes;
}

}  // namespace gantry::docker
