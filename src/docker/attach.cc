// SPDX-License-Identifier: Apache-2.0
//
// POST /containers/{id}/attach: a client at the streams of a container's first process.
#include <memory>
#include <string>
#include <utility>

#include "docker/attach_stream.h"
#include "docker/endpoints.h"
#include "docker/hijack.h"
#include "docker/stream_outbox.h"
#include "engine/container_events.h"
#include "engine/engine.h"
#include "engine/log_reader.h"

namespace gantry::docker {
namespace {

Result<void> check_attachable(const engine::ContainerRecord& record, std::string_view ref) {
  if (record.state.status == engine::Status::Paused)
    return error(Code::Conflict, "container {} is paused, unpause the container before attach", ref);
  if (record.state.status == engine::Status::Restarting)
    return error(Code::Conflict, "container {} is restarting, wait until the container is running", ref);
  return {};
}

// What its log holds now, as the stream would have brought it.
Result<std::string> read_history(const std::string& log, const engine::AttachRequest& wanted,
                                 bool is_terminal) {
  std::string history;
  auto reader =
      TRY(engine::LogReader::open(log, {.stdout_too = wanted.stdout_too, .stderr_too = wanted.stderr_too}));
  for (;;) {
    const auto batch = TRY(reader.next());
    for (const engine::LogRecord& record : batch.records)
      engine::append_docker_frame(history, record, {.multiplexed = !is_terminal});
    if (batch.status != engine::LogReader::Status::More) return history;
  }
}

Result<void> attach(const Context& context, Call& call) {
  const engine::ContainerRef record = TRY(context.engine.find(call.parameter(0)));
  TRY(check_attachable(*record, call.parameter(0)));
  const container::Config& config = record->settings->config;
  const engine::AttachRequest wanted{.stdin_too = call.flag("stdin") && config.open_stdin,
                                     .stdout_too = call.flag("stdout"),
                                     .stderr_too = call.flag("stderr")};
  AttachStream::Options options{
      .has_stdin = wanted.stdin_too, .closes_stdin = config.stdin_once, .is_terminal = config.tty};
  DetachKeys keys = TRY(DetachKeys::parse(call.text("detachKeys")));
  if (config.tty) options.detach_keys = std::move(keys);
  options.on_detach = [&engine = context.engine, record] {
    engine::publish_event(engine.events(), *record, "detach");
  };
  if (call.flag("logs"))
    options.history = TRY(read_history(context.engine.paths(*record).log, wanted, config.tty));

  // Why there is no process is told to who tries to start it.
  const auto outbox = std::make_shared<StreamOutbox<AttachStream>>(context.streams);
  engine::Subscription subscription;
  if (call.flag("stream")) {
    auto attaching =
        context.engine.attach(record->id, wanted, [outbox](Result<engine::Attachment> attachment) {
          outbox->post([attachment = std::move(attachment)](AttachStream& s) mutable {
            attachment ? s.attached(std::move(*attachment)) : s.give_up();
          });
        });
    subscription = TRY(std::move(attaching));
    engine::publish_event(context.engine.events(), *record, "attach");
  } else {
    outbox->post([](AttachStream& s) { s.give_up(); });
  }
  set_stream_type(call, config.tty);
  auto stream =
      std::make_unique<AttachStream>(context.streams, TRY(hijack_upgrade(call)), std::move(options));
  stream->keep(std::move(subscription));
  const auto id = stream->id();
  context.streams.add(std::move(stream));
  outbox->deliver_to(id);
  return {};
}

Result<void> attach_websocket(const Context&, Call&) {
  return error(Code::Unsupported,
               "attaching by WebSocket is not supported; POST /containers/{{id}}/attach is");
}

}  // namespace

std::span<const Route> attach_routes() {
  static constexpr Route kRoutes[] = {
      {"POST", "/containers/{id}/attach", attach},
      {"GET", "/containers/{id}/attach/ws", attach_websocket},
  };
  return kRoutes;
}

}  // namespace gantry::docker
