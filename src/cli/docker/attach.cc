// SPDX-License-Identifier: Apache-2.0
//
// gantry start and attach.
#include <unistd.h>

#include "base/file.h"
#include "cli/docker/container_start.h"
#include "cli/docker/each.h"
#include "cli/docker/verbs.h"
#include "cli/user_config.h"

namespace gantry::cli::docker {
namespace {

struct StartOptions {
  bool attach = false;
  bool interactive = false;
  bool sig_proxy = true;
  std::string detach_keys;

  std::vector<Option> table() {
    return {{'a', "attach", "", &attach, "Show its output, and pass signals on"},
            {'i', "interactive", "", &interactive, "Pass standard input on"},
            {0, "detach-keys", "KEYS", &detach_keys, "What leaves its terminal"},
            {0, "sig-proxy", "", &sig_proxy, "Pass signals on to it"}};
  }
};

struct AttachVerbOptions {
  bool no_stdin = false;
  bool sig_proxy = true;
  std::string detach_keys;

  std::vector<Option> table() {
    return {{0, "no-stdin", "", &no_stdin, "Do not pass standard input on"},
            {0, "detach-keys", "KEYS", &detach_keys, "What leaves its terminal"},
            {0, "sig-proxy", "", &sig_proxy, "Pass signals on to it"}};
  }
};

// What has to be known of a container before one is at its streams.
struct Facts {
  std::string id;
  bool tty = false, open_stdin = false, running = false, paused = false, auto_remove = false;
};

bool flag_of(const json::Value& object, std::string_view part, std::string_view key) {
  const auto inner = object.find(part);
  const auto value = inner ? inner->find(key) : std::nullopt;
  return value && value->as_bool();
}

Result<Facts> facts_of(EngineClient& engine, const std::string& name) {
  const json::Document document = TRY(engine.get("/containers/" + path_part(name) + "/json"));
  const json::Value container = document.root();
  const auto id = container.find("Id");
  return Facts{.id = id ? std::string(id->as_string()) : name,
               .tty = flag_of(container, "Config", "Tty"),
               .open_stdin = flag_of(container, "Config", "OpenStdin"),
               .running = flag_of(container, "State", "Running"),
               .paused = flag_of(container, "State", "Paused"),
               .auto_remove = flag_of(container, "HostConfig", "AutoRemove")};
}

Result<int> until_its_end(AttachedContainer attached, ExitWaiter exit) {
  if (TRY(attached.run()) == SessionEnd::Closed) return exit.wait();
  say_detached();
  return 0;
}

Result<int> start_attached(EngineClient& engine, const StartOptions& options, const std::string& detach_keys,
                           const std::string& name) {
  const Facts facts = TRY(facts_of(engine, name));
  auto attached = TRY(AttachedContainer::attach(engine, facts.id,
                                                {.tty = facts.tty,
                                                 .stdin = options.interactive && facts.open_stdin,
                                                 .passes_signals = options.sig_proxy && !facts.tty,
                                                 .detach_keys = detach_keys}));
  ExitWaiter exit = TRY(ExitWaiter::ask(engine, facts.id, facts.auto_remove ? "removed" : "next-exit"));
  TRY(engine.post("/containers/" + facts.id + "/start"));
  return until_its_end(std::move(attached), std::move(exit));
}

Result<int> start(Context& context, const StartOptions& options, const Words& words) {
  EngineClient engine = TRY(EngineClient::of(context));
  if (options.attach || options.interactive) {
    if (words.size() > 1)
      return error(Code::InvalidArgument, "you cannot start and attach multiple containers at once");
    return start_attached(engine, options, or_configured(options.detach_keys, user_config().detach_keys),
                          words[0]);
  }
  return for_each_name(words, [&](const std::string& name) -> Result<std::string> {
    TRY(engine.post("/containers/" + path_part(name) + "/start"));
    return name;
  });
}

Result<int> attach(Context& context, const AttachVerbOptions& options, const Words& words) {
  EngineClient engine = TRY(EngineClient::of(context));
  const Facts facts = TRY(facts_of(engine, words[0]));
  if (!facts.running)
    return error(Code::Conflict, "You cannot attach to a stopped container, start it first");
  if (facts.paused) return error(Code::Conflict, "You cannot attach to a paused container, unpause it first");
  // Asked first: the container may end as soon as it gets what is typed.
  ExitWaiter exit = TRY(ExitWaiter::ask(engine, facts.id, "not-running"));
  auto attached = TRY(AttachedContainer::attach(
      engine, facts.id,
      {.tty = facts.tty,
       .stdin = !options.no_stdin && facts.open_stdin,
       .passes_signals = options.sig_proxy && !facts.tty,
       .redraws = true,
       .detach_keys = or_configured(options.detach_keys, user_config().detach_keys)}));
  return until_its_end(std::move(attached), std::move(exit));
}

}  // namespace

const Verb kStart = make_verb<StartOptions, start>("start", "CONTAINER [CONTAINER...]", {1, kAny},
                                                   "Start containers that have stopped");
const Verb kAttach = make_verb<AttachVerbOptions, attach>("attach", "CONTAINER", {1, 1},
                                                          "Go to the streams of a running container");

}  // namespace gantry::cli::docker
