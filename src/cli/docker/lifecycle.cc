// SPDX-License-Identifier: Apache-2.0
//
// gantry stop, kill, restart, pause, unpause, rename, wait, rm and container prune.
#include <unistd.h>

#include "base/human.h"
#include "cli/docker/confirm.h"
#include "cli/docker/container_start.h"
#include "cli/docker/each.h"
#include "cli/docker/filters.h"
#include "cli/docker/verbs.h"

namespace gantry::cli::docker {
namespace {

std::string path_of(const std::string& name, std::string_view action) {
  return fmt::format("/containers/{}/{}", path_part(name), action);
}

// The same for each name: POST, and show the name.
Result<int> post_each(Context& context, const Words& names, std::string_view action,
                      const Parameters& parameters) {
  EngineClient engine = TRY(EngineClient::of(context));
  return for_each_name(names, [&](const std::string& name) -> Result<std::string> {
    TRY(engine.post(path_of(name, action), parameters));
    return name;
  });
}

struct StopOptions {
  std::string signal;
  std::optional<std::int64_t> timeout;

  std::vector<Option> table() {
    return {{'s', "signal", "SIGNAL", &signal, "The signal that asks it to stop"},
            {'t', "timeout", "SECONDS", &timeout, "Time to stop before it is killed; -1: for ever"},
            {0, "time", "SECONDS", &timeout, ""}};
  }
  Parameters parameters() const {
    return {{"signal", signal}, {"t", timeout ? std::to_string(*timeout) : std::string()}};
  }
};

Result<int> stop(Context& context, const StopOptions& options, const Words& names) {
  return post_each(context, names, "stop", options.parameters());
}

Result<int> restart(Context& context, const StopOptions& options, const Words& names) {
  return post_each(context, names, "restart", options.parameters());
}

struct KillOptions {
  std::string signal;
  std::vector<Option> table() {
    return {{'s', "signal", "SIGNAL", &signal, "The signal to send (default KILL)"}};
  }
};

Result<int> kill(Context& context, const KillOptions& options, const Words& names) {
  return post_each(context, names, "kill", {{"signal", options.signal}});
}

Result<int> pause(Context& context, const NoOptions&, const Words& names) {
  return post_each(context, names, "pause", {});
}

Result<int> unpause(Context& context, const NoOptions&, const Words& names) {
  return post_each(context, names, "unpause", {});
}

Result<int> rename(Context& context, const NoOptions&, const Words& names) {
  EngineClient engine = TRY(EngineClient::of(context));
  TRY(engine.post(path_of(names[0], "rename"), {{"name", names[1]}}));
  return 0;
}

Result<int> wait(Context& context, const NoOptions&, const Words& names) {
  EngineClient engine = TRY(EngineClient::of(context));
  return for_each_name(names, [&](const std::string& name) -> Result<std::string> {
    return std::to_string(TRY(TRY(ExitWaiter::ask(engine, name, "not-running")).wait()));
  });
}

struct RemoveOptions {
  bool force = false, volumes = false, link = false;
  std::vector<Option> table() {
    return {{'f', "force", "", &force, "Kill it first if it runs"},
            {'l', "link", "", &link, "Remove the link of that name"},
            {'v', "volumes", "", &volumes, "Remove its anonymous volumes as well"}};
  }
};

Result<int> remove(Context& context, const RemoveOptions& options, const Words& names) {
  EngineClient engine = TRY(EngineClient::of(context));
  const auto flag = [](bool is_on) { return is_on ? std::string("1") : std::string(); };
  const Parameters parameters = {
      {"force", flag(options.force)}, {"v", flag(options.volumes)}, {"link", flag(options.link)}};
  return for_each_name(
      names,
      [&](const std::string& name) -> Result<std::string> {
        TRY(engine.remove("/containers/" + path_part(name), parameters));
        return name;
      },
      options.force ? IfMissing::Tell : IfMissing::Fail);
}

struct PruneOptions {
  bool force = false;
  Words filter;
  std::vector<Option> table() {
    return {filter_option(0, filter, "Only those: until=, label="), {'f', "force", "", &force, "Do not ask"}};
  }
};

Result<int> prune(Context& context, const PruneOptions& options, const Words&) {
  if (!options.force && !TRY(confirm("This will remove all stopped containers."))) return nothing_pruned();
  EngineClient engine = TRY(EngineClient::of(context));
  TRY(print(TRY(prune_report(engine, "/containers/prune", options.filter, "ContainersDeleted",
                             "Deleted Containers:"))));
  return 0;
}

}  // namespace

constexpr std::string_view kContainers = "CONTAINER [CONTAINER...]";
const Verb kStop = make_verb<StopOptions, stop>("stop", kContainers, {1, kAny}, "Stop containers");
const Verb kRestart =
    make_verb<StopOptions, restart>("restart", kContainers, {1, kAny}, "Stop and start containers");
const Verb kKill =
    make_verb<KillOptions, kill>("kill", kContainers, {1, kAny}, "Send a signal to containers");
const Verb kPause =
    make_verb<NoOptions, pause>("pause", kContainers, {1, kAny}, "Let all processes of containers rest");
const Verb kUnpause = make_verb<NoOptions, unpause>("unpause", kContainers, {1, kAny}, "Let them go on");
const Verb kRename =
    make_verb<NoOptions, rename>("rename", "CONTAINER NAME", {2, 2}, "Give a container another name");
const Verb kWait = make_verb<NoOptions, wait>("wait", kContainers, {1, kAny},
                                              "Wait for containers to stop, and show their exit statuses");
const Verb kRemoveContainer =
    with_alias(make_verb<RemoveOptions, remove>("rm", kContainers, {1, kAny}, "Remove containers"), "remove");
const Verb kPruneContainers =
    make_verb<PruneOptions, prune>("prune", "", {0, 0}, "Remove all containers that have stopped");

}  // namespace gantry::cli::docker
