// SPDX-License-Identifier: Apache-2.0
//
// Further processes in a running container: POST /containers/{id}/exec, and /exec.
#include <array>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "docker/attach_stream.h"
#include "docker/endpoints.h"
#include "docker/hijack.h"
#include "docker/stream_outbox.h"
#include "engine/engine.h"

namespace gantry::docker {

using enum json::Presence;

namespace {

struct Created {
  std::string id;
};
void fields(json::Fields& f, Created& created) { f("Id", created.id, Always); }

struct StartBody {
  bool detach = false;
  bool tty = false;
  std::vector<std::uint16_t> console_size;  // rows, columns
};
void fields(json::Fields& f, StartBody& body) {
  f("Detach", body.detach);
  f("Tty", body.tty);
  f("ConsoleSize", body.console_size);
}

struct ProcessConfig {
  bool tty = false;
  std::string entrypoint;
  std::vector<std::string> arguments;
  bool privileged = false;
  std::string user;
};
void fields(json::Fields& f, ProcessConfig& process) {
  f("tty", process.tty, Always);
  f("entrypoint", process.entrypoint, Always);
  f("arguments", process.arguments, Always);
  f("privileged", process.privileged, Always);
  f("user", process.user);
}

struct ExecView {
  std::string id;
  bool running = false;
  std::optional<std::int64_t> exit_code;
  ProcessConfig process;
  bool open_stdin = false, open_stderr = false, open_stdout = false;
  bool can_remove = false;
  std::string container_id;
  std::string detach_keys;
  std::int64_t pid = 0;
};
void fields(json::Fields& f, ExecView& exec) {
  f("ID", exec.id, Always);
  f("Running", exec.running, Always);
  f("ExitCode", exec.exit_code, Always);
  f("ProcessConfig", exec.process, Always);
  f("OpenStdin", exec.open_stdin, Always);
  f("OpenStderr", exec.open_stderr, Always);
  f("OpenStdout", exec.open_stdout, Always);
  f("CanRemove", exec.can_remove, Always);
  f("ContainerID", exec.container_id, Always);
  f("DetachKeys", exec.detach_keys, Always);
  f("Pid", exec.pid, Always);
}

ExecView view_of(const engine::ExecRecord& exec) {
  ExecView view{.id = exec.id,
                .running = exec.status == engine::ExecStatus::Running,
                .exit_code = exec.exit_code,
                .open_stdin = exec.config->attach_stdin,
                .open_stderr = exec.config->attach_stderr,
                .open_stdout = exec.config->attach_stdout,
                .container_id = exec.container,
                .detach_keys = exec.config->detach_keys,
                .pid = exec.pid};
  view.process = {.tty = exec.config->tty, .privileged = exec.config->privileged, .user = exec.config->user};
  if (exec.config->cmd.empty()) return view;
  view.process.entrypoint = exec.config->cmd.front();
  view.process.arguments.assign(exec.config->cmd.begin() + 1, exec.config->cmd.end());
  return view;
}

Result<void> create_exec(const Context& context, Call& call) {
  engine::ExecConfig config = TRY(call.body<engine::ExecConfig>());
  if (config.cmd.empty()) return error(Code::InvalidArgument, "No exec command specified");
  if (!DetachKeys::parse(config.detach_keys))
    return error(Code::InvalidArgument, "Invalid escape keys ({}) provided", config.detach_keys);
  return call.send_object(Created{TRY(context.engine.exec_create(call.parameter(0), std::move(config)))},
                          201);
}

std::optional<std::pair<std::uint16_t, std::uint16_t>> size_of(const std::vector<std::uint16_t>& console) {
  if (console.size() != 2) return std::nullopt;
  return std::pair(console[0], console[1]);
}

Result<void> check_startable(const engine::ExecRecord& exec) {
  if (exec.status == engine::ExecStatus::Running)
    return error(Code::Conflict, "Error: Exec command {} is already running", exec.id);
  if (exec.status == engine::ExecStatus::Exited)
    return error(Code::Conflict, "Error: Exec command {} has already run", exec.id);
  return {};
}

using Outbox = StreamOutbox<AttachStream>;

// Tells the stream when the engine knows how the exec ended.
engine::Subscription watch_end(const Context& context, std::shared_ptr<Outbox> outbox,
                               const std::string& exec) {
  return context.engine.events().subscribe([outbox = std::move(outbox), exec](const engine::EventRef& event) {
    if (event->action != "exec_die") return;
    if (const auto found = event->attributes.find("execID");
        found != event->attributes.end() && found->second == exec)
      outbox->post([](AttachStream& s) { s.ended(); });
  });
}

// The connection is the client's from here on, so that what goes wrong can only be told on it: as Docker
// does, as output. The exit code is in the exec's record.
Result<void> start_attached(const Context& context, Call& call, const engine::ExecRecord& exec,
                            const engine::ExecStart& start) {
  const engine::ExecConfig& config = *exec.config;
  AttachStream::Options options{
      .has_stdin = config.attach_stdin, .closes_stdin = true, .is_terminal = config.tty, .awaits_end = true};
  if (config.tty) options.detach_keys = TRY(DetachKeys::parse(config.detach_keys));
  set_stream_type(call, config.tty);
  auto stream =
      std::make_unique<AttachStream>(context.streams, TRY(hijack_upgrade(call)), std::move(options));
  const auto outbox = std::make_shared<Outbox>(context.streams);
  stream->keep(watch_end(context, outbox, exec.id));
  outbox->post([attachment = context.engine.exec_start(exec.id, start)](AttachStream& s) mutable {
    attachment ? s.attached(std::move(*attachment)) : s.give_up(attachment.error().message() + "\r\n");
  });
  outbox->add(std::move(stream));
  return {};
}

Result<void> start_exec(const Context& context, Call& call) {
  const StartBody body = TRY(call.body<StartBody>(Call::Body::Optional));
  const engine::ExecRef exec = TRY(context.engine.exec_inspect(call.parameter(0)));
  TRY(check_startable(*exec));
  const engine::ExecStart start{.detach = body.detach, .size = size_of(body.console_size)};
  if (!body.detach) return start_attached(context, call, *exec, start);
  TRY(context.engine.exec_start(exec->id, start));
  return call.send(200);
}

Result<void> resize_exec(const Context& context, Call& call) {
  const auto [rows, columns] = TRY(call.terminal_size());
  TRY(context.engine.exec_resize(call.parameter(0), rows, columns));
  return call.send(200);
}

Result<void> inspect_exec(const Context& context, Call& call) {
  return call.send_object(view_of(*TRY(context.engine.exec_inspect(call.parameter(0)))));
}

}  // namespace

std::span<const Route> exec_routes() {
  static constexpr Route kRoutes[] = {
      {"POST", "/containers/{id}/exec", create_exec},
      {"POST", "/exec/{id}/start", start_exec},
      {"POST", "/exec/{id}/resize", resize_exec},
      {"GET", "/exec/{id}/json", inspect_exec},
  };
  return kRoutes;
}

}  // namespace gantry::docker
