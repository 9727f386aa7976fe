// SPDX-License-Identifier: Apache-2.0
//
// What may stand for an operand, for completion in shells.
#include "cli/docker/container_summary.h"
#include "cli/docker/engine_client.h"
#include "cli/docker/verbs.h"

namespace gantry::cli::docker {
namespace {

using Names = std::vector<std::string>;

Result<Names> container_names(EngineClient& engine) {
  Names names;
  for (const ContainerSummary& container : TRY(list_containers(engine, {{"all", "1"}})))
    names.push_back(names_text(container.names, false));
  return names;
}

// The strings under `key` of each element of a list.
void add_names(const json::Value& list, std::string_view key, Names& names) {
  for (std::size_t i = 0; i < list.size(); ++i)
    if (const auto name = list.at(i).find(key)) names.emplace_back(name->as_string());
}

Result<Names> network_names(EngineClient& engine) {
  Names names;
  add_names(TRY(engine.get("/networks")).root(), "Name", names);
  return names;
}

Result<Names> volume_names(EngineClient& engine) {
  Names names;
  const json::Document answer = TRY(engine.get("/volumes"));
  if (const auto volumes = answer.root().find("Volumes")) add_names(*volumes, "Name", names);
  return names;
}

Result<Names> image_names(EngineClient& engine) {
  Names names;
  const json::Document answer = TRY(engine.get("/images/json"));
  for (std::size_t i = 0; i < answer.root().size(); ++i) {
    const auto tags = answer.root().at(i).find("RepoTags");
    for (std::size_t j = 0; tags && j < tags->size(); ++j) names.emplace_back(tags->at(j).as_string());
  }
  return names;
}

Result<Names> pod_names(EngineClient& engine) {
  Names names;
  add_names(TRY(engine.get("/gantry/v1/pods")).root(), "Name", names);
  return names;
}

Result<Names> names_of(const Context& context, std::string_view kind) {
  EngineClient engine = TRY(EngineClient::of(context));
  if (kind == "CONTAINER") return container_names(engine);
  if (kind == "NETWORK") return network_names(engine);
  if (kind == "VOLUME") return volume_names(engine);
  if (kind == "POD") return pod_names(engine);
  if (kind == "IMAGE") return image_names(engine);
  return Names{};
}

}  // namespace

std::vector<std::string> candidates(const Context& context, std::string_view kind) {
  // Without a daemon there is nothing to offer, and a prompt is no place for errors.
  return names_of(context, kind).value_or(Names{});
}

}  // namespace gantry::cli::docker
