// SPDX-License-Identifier: Apache-2.0
//
// gantry pod.
#include <unistd.h>

#include <algorithm>
#include <array>

#include "base/file.h"
#include "base/json_codec.h"
#include "cli/docker/container_options.h"
#include "cli/docker/each.h"
#include "cli/docker/engine_client.h"
#include "cli/docker/listing.h"
#include "cli/docker/moment.h"
#include "cli/docker/verbs.h"
#include "engine/pod_record.h"

namespace gantry::cli::docker {
namespace {

std::string path_of(const std::string& pod, std::string_view action = "") {
  return fmt::format("/gantry/v1/pods/{}{}", path_part(pod), action);
}

// ---- create

// Those of a container's options that are a pod's, and mean the same.
struct CreateOptions {
  ContainerOptions common;
  bool share_pid = false;

  std::vector<Option> table() {
    constexpr std::string_view kCommon[] = {"add-host",
                                            "blkio-weight",
                                            "cgroup-parent",
                                            "cpu-period",
                                            "cpu-quota",
                                            "cpu-shares",
                                            "cpus",
                                            "cpuset-cpus",
                                            "cpuset-mems",
                                            "dns",
                                            "dns-option",
                                            "dns-search",
                                            "domainname",
                                            "hostname",
                                            "ip",
                                            "ip6",
                                            "ipc",
                                            "label",
                                            "label-file",
                                            "mac-address",
                                            "memory",
                                            "memory-reservation",
                                            "memory-swap",
                                            "network",
                                            "network-alias",
                                            "pids-limit",
                                            "publish",
                                            "shm-size",
                                            "sysctl",
                                            "userns"};
    std::vector<Option> rows = common.table();
    std::erase_if(
        rows, [&](const Option& row) { return std::ranges::find(kCommon, row.name) == std::end(kCommon); });
    rows.push_back({0, "share-pid", "", &share_pid,
                    "Containers see each other's processes, and end with the first of them"});
    return rows;
  }
};

Result<engine::PodSettings> settings_of(const CreateOptions& options) {
  CreateBody body = TRY(create_body(options.common, "", {}));
  container::HostConfig& host = body.host_config;
  if (!host.ipc_mode.empty() && host.ipc_mode != "host" && host.ipc_mode != "private")
    return error(Code::InvalidArgument,
                 "option '--ipc': a pod has an IPC namespace of its own, or the host's");
  engine::PodSettings settings{.hostname = std::move(body.config.hostname),
                               .domainname = std::move(body.config.domainname),
                               .labels = std::move(body.config.labels),
                               .sysctls = std::move(host.sysctls),
                               .network_mode = std::move(host.network_mode),
                               .endpoints = std::move(body.endpoints),
                               .port_bindings = std::move(host.port_bindings),
                               .dns = std::move(host.dns),
                               .dns_options = std::move(host.dns_options),
                               .dns_search = std::move(host.dns_search),
                               .extra_hosts = std::move(host.extra_hosts),
                               .host_ipc = host.ipc_mode == "host",
                               .share_pid = options.share_pid,
                               .shm_size = host.shm_size,
                               .cgroup_parent = std::move(host.cgroup_parent),
                               .resources = host,
                               .userns_mode = host.userns_mode};
  return settings;
}

Result<int> create(Context& context, const CreateOptions& options, const Words& words) {
  engine::PodSettings settings = TRY(settings_of(options));
  EngineClient engine = TRY(EngineClient::of(context));
  const json::Document answer = TRY(
      engine.post_json("/gantry/v1/pods", json::encode(settings), {{"name", words.empty() ? "" : words[0]}}));
  const auto warnings = answer.root().find("Warnings");
  for (std::size_t i = 0; warnings && i < warnings->size(); ++i)
    TRY(write_all(STDERR_FILENO, fmt::format("WARNING: {}\n", warnings->at(i).as_string()),
                  "standard error"));
  const auto id = answer.root().find("Id");
  TRY(print(fmt::format("{}\n", id ? id->as_string() : "")));
  return 0;
}

// ---- ls

struct ListOptions {
  bool quiet = false, no_trunc = false;
  std::string format;
  std::vector<Option> table() {
    return {{0, "format", "FORMAT", &format, "table, json, or a template: '{{.Name}}'"},
            {0, "no-trunc", "", &no_trunc, "Whole ids"},
            {'q', "quiet", "", &quiet, "Ids only"}};
  }
};

struct Listed {
  struct Part {
    std::string name, state;
  };
  std::string id, name, created;
  bool running = false;
  engine::PodSettings settings;
  std::vector<Part> containers;
};
void fields(json::Fields& f, Listed::Part& part) {
  f("Name", part.name);
  f("State", part.state);
}
void fields(json::Fields& f, Listed& pod) {
  f("Id", pod.id);
  f("Name", pod.name);
  f("Created", pod.created);
  f("Running", pod.running);
  f("Settings", pod.settings);
  f("Containers", pod.containers);
}

constexpr Listing::Column kColumns[] = {{"ID", "POD ID"},
                                        {"Name", "NAME"},
                                        {"Status", "STATUS"},
                                        {"Created", "CREATED"},
                                        {"Containers", "CONTAINERS"},
                                        {"Labels", "LABELS", false}};

// "2 of 3 run"
std::string count_text(const Listed& pod) {
  const auto running = std::ranges::count(pod.containers, "running", &Listed::Part::state);
  return fmt::format("{} of {} running", running, pod.containers.size());
}

Result<int> list(Context& context, const ListOptions& options, const Words&) {
  EngineClient engine = TRY(EngineClient::of(context));
  const json::Document answer = TRY(engine.get("/gantry/v1/pods"));
  auto pods = TRY(json::decode<std::vector<Listed>>(answer.root()));
  std::ranges::sort(pods, std::greater(), &Listed::created);
  Listing listing(kColumns);
  std::string ids;
  for (const Listed& pod : pods) {
    const std::string id = short_id(pod.id, options.no_trunc);
    ids += id + "\n";
    listing.add({.cells = {id, pod.name, pod.running ? "Started" : "Stopped", ago(seconds_of(pod.created)),
                           count_text(pod), labels_text(pod.settings.labels)},
                 .labels = pod.settings.labels});
  }
  TRY(print(options.quiet && options.format.empty() ? ids : TRY(listing.text(options.format))));
  return 0;
}

// ---- one by one

Result<int> post_each(Context& context, const Words& names, std::string_view action,
                      const Parameters& parameters = {}) {
  EngineClient engine = TRY(EngineClient::of(context));
  return for_each_name(names, [&](const std::string& name) -> Result<std::string> {
    TRY(engine.post(path_of(name, action), parameters));
    return name;
  });
}

Result<int> start(Context& context, const NoOptions&, const Words& names) {
  return post_each(context, names, "/start");
}

struct StopOptions {
  std::string signal;
  std::optional<std::int64_t> timeout;
  std::vector<Option> table() {
    return {{'s', "signal", "SIGNAL", &signal, "The signal that asks its containers to stop"},
            {'t', "timeout", "SECONDS", &timeout, "Time to stop before they are killed; -1: for ever"}};
  }
  Parameters parameters() const {
    return {{"signal", signal}, {"t", timeout ? std::to_string(*timeout) : std::string()}};
  }
};

Result<int> stop(Context& context, const StopOptions& options, const Words& names) {
  return post_each(context, names, "/stop", options.parameters());
}

Result<int> restart(Context& context, const StopOptions& options, const Words& names) {
  EngineClient engine = TRY(EngineClient::of(context));
  return for_each_name(names, [&](const std::string& name) -> Result<std::string> {
    TRY(engine.post(path_of(name, "/stop"), options.parameters()));
    TRY(engine.post(path_of(name, "/start")));
    return name;
  });
}

struct RemoveOptions {
  bool force = false, volumes = false;
  std::vector<Option> table() {
    return {{'f', "force", "", &force, "Kill what runs in it"},
            {'v', "volumes", "", &volumes, "With the anonymous volumes of its containers"}};
  }
};

Result<int> remove(Context& context, const RemoveOptions& options, const Words& names) {
  EngineClient engine = TRY(EngineClient::of(context));
  return for_each_name(names, [&](const std::string& name) -> Result<std::string> {
    TRY(engine.remove(path_of(name),
                      {{"force", options.force ? "1" : ""}, {"v", options.volumes ? "1" : ""}}));
    return name;
  });
}

}  // namespace

std::span<const Verb> pod_verbs() {
  static const std::array kVerbs = {
      kPodAdd,
      make_verb<CreateOptions, create>("create", "[NAME]", {0, 1}, "Create a pod"),
      kInspectPod,
      with_alias(make_verb<ListOptions, list>("ls", "", {0, 0}, "List pods"), "list"),
      make_verb<StopOptions, restart>("restart", "POD [POD...]", {1, kAny}, "Stop pods and start them again"),
      with_alias(make_verb<RemoveOptions, remove>("rm", "POD [POD...]", {1, kAny},
                                                  "Remove pods with their containers"),
                 "remove"),
      kPodRun,
      make_verb<NoOptions, start>("start", "POD [POD...]", {1, kAny},
                                  "Start pods and their containers, in the order they were made"),
      make_verb<StopOptions, stop>(
          "stop", "POD [POD...]", {1, kAny},
          "Stop the containers of pods, the last that was made first, and the pods")};
  return kVerbs;
}

}  // namespace gantry::cli::docker
