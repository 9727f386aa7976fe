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

// `words`: the image and the command.
Result<CreateBody> body_of(const ContainerOptions& options, const Words& words) {
  return create_body(options, words[0], {words.begin() + 1, words.end()});
}

Result<void> start(EngineClient& engine, const std::string& id) {
  TRY(engine.post("/containers/" + id + "/start"));
  return {};
}

Result<int> run_detached(EngineClient& engine, const std::string& id) {
  const auto started = start(engine, id);
  TRY(print(id + "\n"));  // it is there, whether it runs or not
  return started ? 0 : failed(started.error(), status_of_failed_start(started.error()));
}

Result<int> run_attached(EngineClient& engine, const std::string& id, const RunOptions& options) {
  auto attached = TRY(AttachedContainer::attach(engine, id, attach_options(options)));
  ExitWaiter exit = TRY(ExitWaiter::ask(engine, id, options.rm ? "removed" : "next-exit"));
  if (const auto started = start(engine, id); !started)
    return failed(started.error(), status_of_failed_start(started.error()));
  if (TRY(attached.run()) == SessionEnd::Detached) {
    say_detached();
    return 0;
  }
  return exit.wait();
}

Result<int> run_container(EngineClient& engine, const RunOptions& options, const Words& words) {
  const CreateBody body = TRY(body_of(options, words));
  const std::string id = TRY(create_container(engine, options, body));
  return options.detach ? run_detached(engine, id) : run_attached(engine, id, options);
}

Result<int> run(Context& context, const RunOptions& given, const Words& words) {
  RunOptions options = given;
  options.detach_keys = or_configured(given.detach_keys, user_config().detach_keys);
  if (options.tty && options.interactive && !options.detach && !is_terminal(STDIN_FILENO))
    return error(Code::InvalidArgument, "the input device is not a TTY");
  if (options.detach && !options.attach.empty())
    return error(Code::InvalidArgument, "options '--attach' and '--detach' cannot be used together");
  EngineClient engine = TRY(EngineClient::of(context));
  auto status = run_container(engine, options, words);
  if (!status) return failed(status.error(), kUsage);
  return status;
}

Result<int> create(Context& context, const ContainerOptions& options, const Words& words) {
  const auto body = body_of(options, words);
  if (!body) return failed(body.error(), kUsage);
  EngineClient engine = TRY(EngineClient::of(context));
  TRY(print(TRY(create_container(engine, options, *body)) + "\n"));
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
