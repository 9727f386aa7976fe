// SPDX-License-Identifier: Apache-2.0
#include "docker/event_view.h"

#include <algorithm>

#include "base/json_codec.h"

namespace gantry::docker {
namespace {

const std::initializer_list<std::string_view> kKnown = {"config", "container", "daemon", "event",  "image",
                                                        "label",  "network",   "node",   "plugin", "scope",
                                                        "secret", "service",   "type",   "volume"};

std::string attribute(const engine::Event& event, const std::string& name) {
  const auto found = event.attributes.find(name);
  return found == event.attributes.end() ? std::string() : found->second;
}

// "team/web:v1" is "team/web"; the colon of a port is no tag's.
std::string_view without_tag(std::string_view name) {
  const std::size_t colon = name.rfind(':');
  return colon == name.npos || name.find('/', colon) != name.npos ? name : name.substr(0, colon);
}

}  // namespace

std::string event_text(const engine::Event& event) {
  constexpr std::int64_t kSecond = 1'000'000'000;
  json::Writer writer;
  writer.begin_object();
  if (event.type == "container" || event.type == "image") {
    writer.key("status").value(event.action).key("id").value(event.actor);
    if (event.attributes.contains("image")) writer.key("from").value(attribute(event, "image"));
  }
  writer.key("Type").value(event.type).key("Action").value(event.action);
  writer.key("Actor").begin_object().key("ID").value(event.actor).key("Attributes");
  json::encode(writer, event.attributes);
  writer.end_object().key("scope").value("local");
  writer.key("time").value(event.time / kSecond).key("timeNano").value(event.time).end_object();
  return std::move(writer).text() + "\n";
}

Result<EventFilter> EventFilter::parse(std::string_view text) {
  return EventFilter(TRY(Filters::parse(text, kKnown)));
}

// "exec_create" means "exec_create: sh -c true", too.
bool EventFilter::has_action(const engine::Event& event) const {
  return filters_.matches("event", event.action) ||
         filters_.matches("event", std::string_view(event.action).substr(0, event.action.find(':')));
}

// Of images and of containers made of them; with or without a tag.
bool EventFilter::has_image(const engine::Event& event) const {
  if (!filters_.has("image")) return true;
  const std::string name = attribute(event, event.type == "image" ? "name" : "image");
  return filters_.matches("image", event.actor) || filters_.matches("image", name) ||
         filters_.matches("image", without_tag(name));
}

bool EventFilter::is_of(std::string_view type, const engine::Event& event) const {
  if (!filters_.has(type)) return true;
  // Containers come and go on networks, and mount volumes: such events name them.
  const std::string by = attribute(event, std::string(type));
  if (event.type != type) return !by.empty() && filters_.matches(type, by);
  return filters_.matches_prefix(type, event.actor) || filters_.matches(type, attribute(event, "name"));
}

bool EventFilter::accepts(const engine::Event& event) const {
  constexpr std::string_view kTypes[] = {"container", "daemon", "network", "volume", "plugin",
                                         "node",      "secret", "service", "config"};
  return filters_.matches("type", event.type) && filters_.matches("scope", "local") && has_action(event) &&
         has_image(event) && filters_.matches_labels(event.attributes) &&
         std::ranges::all_of(kTypes, [&](std::string_view type) { return is_of(type, event); });
}

}  // namespace gantry::docker
