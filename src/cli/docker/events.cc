// SPDX-License-Identifier: Apache-2.0
//
// gantry events.
#include "base/json_codec.h"
#include "base/timestamp.h"
#include "cli/docker/engine_client.h"
#include "cli/docker/filters.h"
#include "cli/docker/json_lines.h"
#include "cli/docker/moment.h"
#include "cli/docker/time_option.h"
#include "cli/docker/verbs.h"
#include "cli/template.h"

namespace gantry::cli::docker {
namespace {

struct EventsOptions {
  std::string since, until, format;
  Words filter;

  std::vector<Option> table() {
    return {filter_option('f', filter, "Only those: container=, event=, image=, label=, type= ..."),
            {0, "format", "FORMAT", &format, "json, or a template: '{{.Action}}'"},
            {0, "since", "TIME", &since, "Begin with those from then on"},
            {0, "until", "TIME", &until, "End then"}};
  }
};

struct Actor {
  std::string id;
  std::map<std::string, std::string> attributes;
};
void fields(json::Fields& f, Actor& actor) {
  f("ID", actor.id);
  f("Attributes", actor.attributes);
}

struct Event {
  std::string type, action;
  Actor actor;
  std::int64_t time_nano = 0;
};
void fields(json::Fields& f, Event& event) {
  f("Type", event.type);
  f("Action", event.action);
  f("Actor", event.actor);
  f("timeNano", event.time_nano);
}

// "2026-01-02T15:04:05.000000000+01:00", as docker shows it.
std::string local_timestamp(std::int64_t nanoseconds) {
  constexpr std::int64_t kSecond = 1'000'000'000;
  constexpr std::size_t kToSeconds = std::string_view("2026-01-02T15:04:05").size();
  std::string text = rfc3339(nanoseconds / kSecond);
  if (text.size() > kToSeconds) text.insert(kToSeconds, fmt::format(".{:09}", nanoseconds % kSecond));
  return text;
}

std::string line_of(const Event& event) {
  std::string attributes;
  for (const auto& [key, value] : event.actor.attributes)
    attributes += fmt::format("{}{}={}", attributes.empty() ? "" : ", ", key, value);
  return fmt::format("{} {} {} {}{}\n", local_timestamp(event.time_nano), event.type, event.action,
                     event.actor.id, attributes.empty() ? "" : " (" + attributes + ")");
}

Result<int> events(Context& context, const EventsOptions& options, const Words&) {
  const bool is_json = options.format == "json" || options.format == "{{json .}}";
  const auto format = Template::parse(options.format);
  if (!format) return failed(format.error(), kWrongTemplate);
  EngineClient engine = TRY(EngineClient::of(context));
  const std::string since = TRY(time_option("since", options.since));
  const std::string until = TRY(time_option("until", options.until));
  auto response = TRY(engine.send(
      {.path = "/events",
       .parameters = {{"since", since}, {"until", until}, {"filters", filters_parameter(options.filter)}}}));
  TRY(for_each_json_line(response.body(), [&](const json::Value& value) -> Result<void> {
    if (is_json) return print(value.to_text() + "\n");
    if (!options.format.empty()) return print(TRY(format->render(value)) + "\n");
    return print(line_of(TRY(json::decode<Event>(value))));
  }));
  return 0;
}

}  // namespace

const Verb kEvents =
    make_verb<EventsOptions, events>("events", "", {0, 0}, "Show what happens, as it happens");

}  // namespace gantry::cli::docker
