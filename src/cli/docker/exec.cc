// SPDX-License-Identifier: Apache-2.0
//
// gantry exec.
#include <unistd.h>

#include "cli/docker/container_start.h"
#include "cli/docker/values.h"
#include "cli/docker/verbs.h"
#include "cli/user_config.h"

namespace gantry::cli::docker {
namespace {

struct ExecOptions {
  bool detach = false, interactive = false, tty = false, privileged = false;
  std::string user, workdir, detach_keys;
  std::vector<std::string> env, env_file;

  std::vector<Option> table() {
    return {{'d', "detach", "", &detach, "Do not wait for it"},
            {0, "detach-keys", "KEYS", &detach_keys, "What leaves its terminal"},
            {'e', "env", "NAME[=VALUE]", &env, "Set a variable, or pass ours on", is_variable},
            {0, "env-file", "FILE", &env_file, "Set the variables that a file lists"},
            {'i', "interactive", "", &interactive, "Pass standard input on"},
            {0, "privileged", "", &privileged, "Give the process all rights"},
            {'t', "tty", "", &tty, "Give it a terminal"},
            {'u', "user", "USER[:GROUP]", &user, "The user it runs as"},
            {'w', "workdir", "PATH", &workdir, "The working directory"}};
  }
};

// The body of POST /containers/{id}/exec.
struct ExecBody {
  std::string user, working_dir, detach_keys;
  bool privileged = false, tty = false, attach_stdin = false, attach_stdout = false, attach_stderr = false;
  std::vector<std::uint32_t> console_size;  // rows, columns
  std::vector<std::string> env, cmd;
};
void fields(json::Fields& f, ExecBody& body) {
  f("User", body.user);
  f("WorkingDir", body.working_dir);
  f("DetachKeys", body.detach_keys);
  f("Privileged", body.privileged);
  f("Tty", body.tty);
  f("AttachStdin", body.attach_stdin);
  f("AttachStdout", body.attach_stdout);
  f("AttachStderr", body.attach_stderr);
  f("ConsoleSize", body.console_size);
  f("Env", body.env);
  f("Cmd", body.cmd);
}

struct StartBody {
  bool detach = false, tty = false;
};
void fields(json::Fields& f, StartBody& body) {
  f("Detach", body.detach, json::Presence::Always);
  f("Tty", body.tty, json::Presence::Always);
}

Result<std::string> create_exec(EngineClient& engine, const ExecOptions& options, const Words& words) {
  ExecBody body{.user = options.user,
                .working_dir = options.workdir,
                .detach_keys = options.detach_keys,
                .privileged = options.privileged,
                .tty = options.tty,
                .attach_stdin = options.interactive && !options.detach,
                .attach_stdout = !options.detach,
                .attach_stderr = !options.detach,
                .console_size = options.tty ? console_size() : std::vector<std::uint32_t>(),
                .cmd = {words.begin() + 1, words.end()}};
  body.env = TRY(environment_option(options.env_file, options.env));
  const json::Document answer =
      TRY(engine.post_json("/containers/" + path_part(words[0]) + "/exec", json::encode(body)));
  const auto id = answer.root().find("Id");
  if (!id) return error(Code::DataLoss, "the daemon's answer has no Id");
  return std::string(id->as_string());
}

Result<int> status_of(EngineClient& engine, const std::string& id) {
  const json::Document exec = TRY(engine.get("/exec/" + id + "/json"));
  const auto status = exec.root().find("ExitCode");
  return status ? static_cast<int>(status->as_int64().value_or(0)) : 0;
}

Result<int> run_attached(EngineClient& engine, const ExecOptions& options, const std::string& id) {
  SessionOptions session{.tty = options.tty, .has_input = options.interactive};
  session.detach_keys = TRY(DetachKeys::parse(options.detach_keys));
  if (options.tty)
    session.on_resize = [&engine, &id](WindowSize size) {
      // It may have ended; then nobody looks at the size.
      (void)engine.post("/exec/" + id + "/resize",
                        {{"h", std::to_string(size.rows)}, {"w", std::to_string(size.columns)}});
    };
  http::Stream stream =
      TRY(engine.hijack("/exec/" + id + "/start", {}, json::encode(StartBody{.tty = options.tty})));
  const SessionEnd end = TRY(TRY(Session::prepare(std::move(session))).run(std::move(stream)));
  if (end == SessionEnd::Closed) return status_of(engine, id);
  say_detached();
  return 0;
}

Result<int> exec(Context& context, const ExecOptions& given, const Words& words) {
  ExecOptions options = given;
  options.detach_keys = or_configured(given.detach_keys, user_config().detach_keys);
  if (options.tty && options.interactive && !options.detach && !is_terminal(STDIN_FILENO))
    return error(Code::InvalidArgument, "the input device is not a TTY");
  EngineClient engine = TRY(EngineClient::of(context));
  const std::string id = TRY(create_exec(engine, options, words));
  if (!options.detach) return run_attached(engine, options, id);
  TRY(engine.post("/exec/" + id + "/start", {}, json::encode(StartBody{.detach = true, .tty = options.tty})));
  return 0;
}

}  // namespace

const Verb kExec =
    make_verb<ExecOptions, exec>("exec", "CONTAINER COMMAND [ARGUMENT...]", {2, kAny},
                                 "Run a command in a running container", Operands::EndTheOptions);

}  // namespace gantry::cli::docker
