// SPDX-License-Identifier: Apache-2.0
//
// POST /containers/{id}/attach and GET /containers/{id}/attach/ws: a client at the streams of a container's
// first process, over its connection or over a WebSocket.
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "docker/attach_stream.h"
#include "docker/endpoints.h"
#include "docker/hijack.h"
#include "docker/stream_outbox.h"
#include "engine/container_events.h"
#include "engine/engine.h"
#include "engine/log_reader.h"
#include "http/websocket_handshake.h"

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
                                 bool is_multiplexed) {
  std::string history;
  auto reader =
      TRY(engine::LogReader::open(log, {.stdout_too = wanted.stdout_too, .stderr_too = wanted.stderr_too}));
  for (;;) {
    const auto batch = TRY(reader.next());
    for (const engine::LogRecord& record : batch.records)
      engine::append_docker_frame(history, record, {.multiplexed = is_multiplexed});
    if (batch.status != engine::LogReader::Status::More) return history;
  }
}

// Takes the client's connection out of the server, with the head that its kind of stream wants.
using TakeConnection = Result<Hijacked> (*)(Call& call, bool is_terminal);

Result<Hijacked> take_plain(Call& call, bool is_terminal) {
  set_stream_type(call, is_terminal);
  return hijack_upgrade(call);
}

Result<Hijacked> take_websocket(Call& call, bool) {
  const auto accepted = TRY(http::accept_websocket(call.request.head()));
  for (const http::Header& header : accepted.headers) call.response.headers.set(header.name, header.value);
  return Hijacked{TRY(call.response.hijack(101)), ClientConnection::Kind::Upgraded};
}

Result<void> attach_by(const Context& context, Call& call, TakeConnection take_connection,
                       std::optional<http::WebSocket::Kind> websocket) {
  const engine::ContainerRef record = TRY(context.engine.find(call.parameter(0)));
  TRY(check_attachable(*record, call.parameter(0)));
  const container::Config& config = record->settings->config;
  const engine::AttachRequest wanted{.stdin_too = call.flag("stdin") && config.open_stdin,
                                     .stdout_too = call.flag("stdout"),
                                     .stderr_too = call.flag("stderr")};
  AttachStream::Options options{.has_stdin = wanted.stdin_too,
                                .closes_stdin = config.stdin_once,
                                .is_terminal = config.tty,
                                .websocket = websocket};
  DetachKeys keys = TRY(DetachKeys::parse(call.text("detachKeys")));
  if (config.tty) options.detach_keys = std::move(keys);
  options.on_detach = [&engine = context.engine, record] {
    engine::publish_event(engine.events(), *record, "detach");
  };
  if (call.flag("logs"))
    options.history = TRY(read_history(context.engine.paths(*record).log, wanted, !config.tty && !websocket));

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
  auto stream = std::make_unique<AttachStream>(context.streams, TRY(take_connection(call, config.tty)),
                                               std::move(options));
  stream->keep(std::move(subscription));
  outbox->add(std::move(stream));
  return {};
}

Result<void> attach(const Context& context, Call& call) {
  return attach_by(context, call, take_plain, std::nullopt);
}

// Docker sends text to the oldest clients, whatever the bytes are.
Result<void> attach_websocket(const Context& context, Call& call) {
  TRY(http::accept_websocket(call.request.head()));  // who means another thing is told before all else
  const bool is_old = call.version < ApiVersion{1, 28};
  return attach_by(context, call, take_websocket,
                   is_old ? http::WebSocket::Kind::Text : http::WebSocket::Kind::Binary);
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
