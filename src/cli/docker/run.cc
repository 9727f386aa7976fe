// SPDX-License-Identifier: Apache-2.0
//
// gantry run and create.
#include <unistd.h>

#include <algorithm>

#include "base/file.h"
#include "cli/docker/container_start.h"
#include "cli/docker/verbs.h"
#include "cli/user_config.h"

namespace gantry::cli::docker {
namespace {

struct RunOptions : ContainerOptions {
  bool detach = false;
  bool sig_proxy = true;
  std::string detach_keys;

  std::vector<Option> table() {
    std::vector<Option> rows = ContainerOptions::table();
    rows.push_back({'d', "detach", "", &detach, "Leave it running, and show its id"});
    rows.push_back(
        {0, "detach-keys", "KEYS", &detach_keys, "What leaves its terminal (default ctrl-p,ctrl-q)"});
    rows.push_back({0, "sig-proxy", "", &sig_proxy, "Pass signals on to it"});
    return rows;
  }
};

// Failures before the container runs have exit statuses of their own.
int told(const Error& failed, int status) {
  (void)write_all(STDERR_FILENO, fmt::format("gantry: {}\n", failed.message()), "standard error");
  return status;
}

AttachOptions attach_options(const RunOptions& options) {
  const auto wants = [&](std::string_view stream) {
    return std::ranges::find(options.attach, stream) != options.attach.end();
  };
  const bool is_default = options.attach.empty();
  return {.tty = options.tty,
          .stdin = options.interactive || wants("stdin"),
          .stdout = is_default || wants("stdout"),
          .stderr = is_default || wants("stderr"),
          .passes_signals = options.sig_proxy && !options.tty,
          .detach_keys = options.detach_keys};
}

Result<void> start(EngineClient& engine, const std::string& id) {
  TRY(engine.post("/containers/" + id + "/start"));
  return {};
}

Result<int> run_detached(EngineClient& engine, const std::string& id) {
  if (const auto started = start(engine, id); !started)
    return told(started.error(), status_of_failed_start(started.error()));
  TRY(print(id + "\n"));
  return 0;
}

Result<int> run_attached(EngineClient& engine, const std::string& id, const RunOptions& options) {
  auto attached = TRY(AttachedContainer::attach(engine, id, attach_options(options)));
  ExitWaiter exit = TRY(ExitWaiter::ask(engine, id, options.rm ? "removed" : "next-exit"));
  if (const auto started = start(engine, id); !started)
    return told(started.error(), status_of_failed_start(started.error()));
  if (TRY(attached.run()) == SessionEnd::Detached) {
    say_detached();
    return 0;
  }
  return exit.wait();
}

Result<int> run_container(EngineClient& engine, const RunOptions& options, const Words& words) {
  if (options.tty && options.interactive && !options.detach && !is_terminal(STDIN_FILENO))
    return error(Code::InvalidArgument, "the input device is not a TTY");
  if (options.detach && !options.attach.empty())
    return error(Code::InvalidArgument, "options '--attach' and '--detach' cannot be used together");
  const std::string id = TRY(create_container(engine, options, words));
  return options.detach ? run_detached(engine, id) : run_attached(engine, id, options);
}

Result<int> run(Context& context, const RunOptions& given, const Words& words) {
  RunOptions options = given;
  options.detach_keys = or_configured(given.detach_keys, user_config().detach_keys);
  EngineClient engine = TRY(EngineClient::of(context));
  auto status = run_container(engine, options, words);
  if (!status) return told(status.error(), kUsage);
  return status;
}

Result<int> create(Context& context, const ContainerOptions& options, const Words& words) {
  EngineClient engine = TRY(EngineClient::of(context));
  TRY(print(TRY(create_container(engine, options, words)) + "\n"));
  return 0;
}

// In a pod, which the first operand names.
template <class Options, Result<int> (*verb)(Context&, const Options&, const Words&)>
Result<int> in_pod(Context& context, const Options& options, const Words& words) {
  Options inside = options;
  inside.pod = words[0];
  return verb(context, inside, {words.begin() + 1, words.end()});
}

}  // namespace

const Verb kRun = make_verb<RunOptions, run>("run", "IMAGE [COMMAND [ARGUMENT...]]", {1, kAny},
                                             "Create a container and start it", Operands::EndTheOptions);
const Verb kCreate = make_verb<ContainerOptions, create>("create", "IMAGE [COMMAND [ARGUMENT...]]", {1, kAny},
                                                         "Create a container", Operands::EndTheOptions);

const Verb kPodRun = make_verb<RunOptions, in_pod<RunOptions, run>>(
    "run", "POD IMAGE [COMMAND [ARGUMENT...]]", {2, kAny}, "Create a container in a started pod and start it",
    Operands::EndTheOptions);
const Verb kPodAdd = make_verb<ContainerOptions, in_pod<ContainerOptions, create>>(
    "add", "POD IMAGE [COMMAND [ARGUMENT...]]", {2, kAny}, "Create a container in a pod",
    Operands::EndTheOptions);

}  // namespace gantry::cli::docker
