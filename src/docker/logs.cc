// SPDX-License-Identifier: Apache-2.0
//
// GET /containers/{id}/logs. What is there is sent by the handler's thread, as fast as it goes; who follows
// goes on on the stream loop.
#include <charconv>
#include <optional>
#include <string>
#include <utility>

#include "base/timestamp.h"
#include "docker/endpoints.h"
#include "docker/hijack.h"
#include "docker/stream_loop.h"
#include "docker/time_parameter.h"
#include "engine/engine.h"
#include "engine/log_reader.h"

namespace gantry::docker {
namespace {

using engine::LogReader;

// A batch of frames of about this size is written at once; a follower's client has no more waiting for it.
constexpr std::size_t kBatch = 256 << 10;  // bytes

// Logs until the container ends or the client leaves.
class LogStream final : public ClientStream {
 public:
  LogStream(StreamLoop& streams, Hijacked client, std::string path, LogReader reader,
            engine::LogFrameOptions options)
      : ClientStream(streams, std::move(client)),
        path_(std::move(path)),
        reader_(std::move(reader)),
        options_(std::move(options)),
        interest_(streams.log_changes()) {}

  void keep(engine::Subscription subscription) { subscription_ = std::move(subscription); }
  // The container has ended: what its log holds now is all.
  void container_ended() {
    reader_.finish();
    send();
  }

 private:
  Result<void> begin() override {
    TRY(interest_.start(path_, Callback::to<&LogStream::send>(*this)));
    send();
    return {};
  }
  void on_drained() override { send(); }

  void send() {
    while (connection_.unsent() < kBatch) {
      const auto batch = reader_.next();
      if (!batch) return connection_.finish();  // it cannot be read on; what was sent is right
      for (const engine::LogRecord& record : batch->records)
        engine::append_docker_frame(frames_, record, options_);
      connection_.write(frames_);
      frames_.clear();
      if (batch->status == LogReader::Status::End) return connection_.finish();
      if (batch->status == LogReader::Status::Waiting) break;
    }
    frames_ = std::string();
  }

  const std::string path_;
  LogReader reader_;
  const engine::LogFrameOptions options_;
  engine::LogChanges::Interest interest_;
  engine::Subscription subscription_;
  std::string frames_;  // empty between calls
};

Result<std::optional<std::int64_t>> time_in(const Call& call, std::string_view parameter) {
  const std::string text = call.text(parameter);
  if (text.empty() || text == "0") return std::nullopt;
  return TRY_DURING(parse_time(text, wall_clock_ns()), "invalid value for '{}'", parameter);
}

// "all", a number, or something else that Docker takes for "all".
std::optional<std::uint64_t> tail_of(const std::string& text) {
  std::uint64_t lines = 0;
  const char* end = text.data() + text.size();
  if (text.empty() || std::from_chars(text.data(), end, lines).ptr != end) return std::nullopt;
  return lines;
}

Result<engine::LogQuery> query_of(const Call& call) {
  engine::LogQuery query{.stdout_too = call.flag("stdout"),
                         .stderr_too = call.flag("stderr"),
                         .tail = tail_of(call.text("tail")),
                         .follow = call.flag("follow")};
  query.since = TRY(time_in(call, "since"));
  query.until = TRY(time_in(call, "until"));
  if (!query.stdout_too && !query.stderr_too)
    return error(Code::InvalidArgument, "Bad parameters: you must choose at least one stream");
  return query;
}

// What --log-opt labels= and env= name, as `docker logs --details` puts it before each line. The space is
// there also when it stands alone.
std::string details_of(const engine::ContainerSettings& settings) {
  const auto& options = settings.host_config.log_config.config;
  const auto wants = [&](const std::string& option, std::string_view name) {
    const auto found = options.find(option);
    return found != options.end() &&
           ("," + found->second + ",").find("," + std::string(name) + ",") != std::string::npos;
  };
  std::string details;
  const auto add = [&](std::string_view name, std::string_view value) {
    details.append(details.empty() ? "" : ",").append(name).append("=").append(value);
  };
  for (const std::string& variable : settings.config.env)
    if (const std::size_t equals = variable.find('='); equals != variable.npos)
      if (const auto name = std::string_view(variable).substr(0, equals); wants("env", name))
        add(name, std::string_view(variable).substr(equals + 1));
  for (const auto& [name, value] : settings.config.labels)
    if (wants("labels", name)) add(name, value);
  details += ' ';
  return details;
}

Result<void> send_log(Call& call, LogReader reader, const engine::LogFrameOptions& options) {
  TRY(call.response.start(200));
  std::string frames;
  for (;;) {
    const auto batch = TRY(reader.next());
    for (const engine::LogRecord& record : batch.records)
      engine::append_docker_frame(frames, record, options);
    const bool is_end = batch.status != LogReader::Status::More;
    if (frames.size() >= kBatch || (is_end && !frames.empty())) {
      TRY(call.response.write(frames));
      frames.clear();
    }
    if (is_end) return {};
  }
}

Result<void> follow_log(const Context& context, Call& call, const engine::ContainerRecord& record,
                        LogReader reader, engine::LogFrameOptions options) {
  auto stream =
      std::make_unique<LogStream>(context.streams, TRY(hijack_answer(call)), context.engine.paths(record).log,
                                  std::move(reader), std::move(options));
  const auto id = stream->id();
  context.streams.add(std::move(stream));
  const auto end = [&streams = context.streams, id](const engine::WaitResult&) {
    streams.post_to<LogStream>(id, [](LogStream& s) { s.container_ended(); });
  };
  auto subscription = context.engine.wait(record.id, engine::WaitCondition::NotRunning, end);
  if (!subscription)  // it has been removed meanwhile
    end({});
  else
    context.streams.post_to<LogStream>(
        id, [kept = std::move(*subscription)](LogStream& s) mutable { s.keep(std::move(kept)); });
  return {};
}

Result<void> container_logs(const Context& context, Call& call) {
  const engine::LogQuery query = TRY(query_of(call));
  const engine::ContainerRef record = TRY(context.engine.find(call.parameter(0)));
  const engine::ContainerSettings& settings = *record->settings;
  if (settings.host_config.log_config.type == "none")
    return error(Code::Unsupported, "configured logging driver does not support reading");
  LogReader reader = TRY(LogReader::open(context.engine.paths(*record).log, query));
  engine::LogFrameOptions options{.timestamps = call.flag("timestamps"), .multiplexed = !settings.config.tty};
  if (call.flag("details")) options.details = details_of(settings);
  set_stream_type(call, settings.config.tty);
  if (!query.follow) return send_log(call, std::move(reader), options);
  return follow_log(context, call, *record, std::move(reader), std::move(options));
}

}  // namespace

std::span<const Route> log_routes() {
  static constexpr Route kRoutes[] = {{"GET", "/containers/{id}/logs", container_logs}};
  return kRoutes;
}

}  // namespace gantry::docker
