// SPDX-License-Identifier: Apache-2.0
//
// What one container is doing: gantry top, port and diff.
#include <algorithm>

#include "base/json_codec.h"
#include "cli/docker/engine_client.h"
#include "cli/docker/listing.h"
#include "cli/docker/verbs.h"
#include "container/settings.h"

namespace gantry::cli::docker {
namespace {

std::string path_of(const std::string& name, std::string_view what) {
  return fmt::format("/containers/{}/{}", path_part(name), what);
}

// ---- top

struct TopAnswer {
  std::vector<std::string> titles;
  std::vector<std::vector<std::string>> processes;
};
void fields(json::Fields& f, TopAnswer& answer) {
  f("Titles", answer.titles);
  f("Processes", answer.processes);
}

Result<int> top(Context& context, const NoOptions&, const Words& words) {
  EngineClient engine = TRY(EngineClient::of(context));
  const std::string arguments = fmt::format("{}", fmt::join(words.begin() + 1, words.end(), " "));
  const json::Document document = TRY(engine.get(path_of(words[0], "top"), {{"ps_args", arguments}}));
  const auto answer = TRY(json::decode<TopAnswer>(document.root()));
  std::vector<std::vector<std::string>> rows = {answer.titles};
  rows.insert(rows.end(), answer.processes.begin(), answer.processes.end());
  TRY(print(aligned(rows)));
  return 0;
}

// ---- port

struct NetworkPart {
  std::map<std::string, std::vector<container::PortBinding>> ports;
};
void fields(json::Fields& f, NetworkPart& part) { f("Ports", part.ports); }

struct Inspected {
  NetworkPart network_settings;
};
void fields(json::Fields& f, Inspected& inspected) { f("NetworkSettings", inspected.network_settings); }

std::string address_of(const container::PortBinding& binding) {
  const bool is_ipv6 = binding.host_ip.find(':') != std::string::npos;
  return is_ipv6 ? fmt::format("[{}]:{}", binding.host_ip, binding.host_port)
                 : fmt::format("{}:{}", binding.host_ip, binding.host_port);
}

Result<int> port(Context& context, const NoOptions&, const Words& words) {
  EngineClient engine = TRY(EngineClient::of(context));
  const json::Document document = TRY(engine.get(path_of(words[0], "json")));
  const auto inspected = TRY(json::decode<Inspected>(document.root()));
  std::string wanted = words.size() > 1 ? words[1] : "";
  if (!wanted.empty() && wanted.find('/') == std::string::npos) wanted += "/tcp";
  std::string text;
  for (const auto& [name, bindings] : inspected.network_settings.ports)
    for (const container::PortBinding& binding : bindings) {
      if (wanted.empty()) text += fmt::format("{} -> {}\n", name, address_of(binding));
      if (wanted == name) text += address_of(binding) + "\n";
    }
  if (!wanted.empty() && text.empty())
    return error(Code::NotFound, "no public port '{}' published for {}", wanted, words[0]);
  TRY(print(text));
  return 0;
}

// ---- diff

struct Change {
  std::string path;
  std::int64_t kind = 0;  // 0 changed, 1 added, 2 deleted
};
void fields(json::Fields& f, Change& change) {
  f("Path", change.path);
  f("Kind", change.kind);
}

Result<int> diff(Context& context, const NoOptions&, const Words& words) {
  EngineClient engine = TRY(EngineClient::of(context));
  const json::Document document = TRY(engine.get(path_of(words[0], "changes")));
  std::string text;
  for (const Change& change : TRY(json::decode<std::vector<Change>>(document.root())))
    text += fmt::format("{} {}\n", change.kind == 0 ? 'C' : change.kind == 1 ? 'A' : 'D', change.path);
  TRY(print(text));
  return 0;
}

}  // namespace

const Verb kTop = make_verb<NoOptions, top>("top", "CONTAINER [PS OPTION...]", {1, kAny},
                                            "Show the processes of a container", Operands::EndTheOptions);
const Verb kPort = make_verb<NoOptions, port>("port", "CONTAINER [PORT[/PROTOCOL]]", {1, 2},
                                              "Show where the ports of a container are published");
const Verb kDiff = make_verb<NoOptions, diff>("diff", "CONTAINER", {1, 1},
                                              "Show which files of a container differ from its image");

}  // namespace gantry::cli::docker
