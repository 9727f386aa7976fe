// SPDX-License-Identifier: Apache-2.0
//
// gantry network trace: where a packet would go, and what would drop it.
#include <algorithm>

#include "base/json_codec.h"
#include "cli/docker/engine_client.h"
#include "cli/docker/listing.h"
#include "cli/docker/verbs.h"
#include "network/networks.h"

namespace gantry::cli::docker {
namespace {

using network::TraceStep;
using Verdict = TraceStep::Verdict;

struct TraceOptions {
  bool json = false;
  std::vector<Option> table() { return {{0, "json", "", &json, "Show the steps as JSON"}}; }
};

// NAME:PORT[/PROTOCOL], ADDRESS:PORT, [ADDRESS]:PORT.
struct Destination {
  std::string to, port, protocol;
};

Result<Destination> parse_destination(const std::string& text) {
  const std::size_t slash = std::min(text.rfind('/'), text.size());
  const std::string place = text.substr(0, slash);
  const std::size_t colon = place.rfind(':');
  if (colon == std::string::npos || colon == 0 || colon + 1 == place.size())
    return error(Code::InvalidArgument,
                 "invalid destination '{}': it is like db:5432, 10.1.0.2:53/udp or [fd00::2]:80", text);
  Destination destination{.to = place.substr(0, colon), .port = place.substr(colon + 1)};
  if (slash < text.size()) destination.protocol = text.substr(slash + 1);
  std::string& to = destination.to;
  if (to.starts_with('[') && to.ends_with(']')) to = to.substr(1, to.size() - 2);
  return destination;
}

struct Answer {
  std::vector<TraceStep> steps;
};
void fields(json::Fields& f, Answer& answer) { f("steps", answer.steps); }

std::string_view mark_of(Verdict verdict) {
  switch (verdict) {
    case Verdict::Passes: return "  ";
    case Verdict::Drops: return "x ";
    case Verdict::Unknown: return "? ";
  }
  return "  ";
}

// A place a paragraph.
std::string text_of(const std::vector<TraceStep>& steps) {
  std::string text;
  std::string_view where;
  for (const TraceStep& step : steps) {
    if (step.where != where) text += step.where + "\n";
    where = step.where;
    text += fmt::format("  {}{}\n", mark_of(step.verdict), step.what);
  }
  return text;
}

// 0: it arrives; 1: it is dropped; 2: what becomes of it is not known.
int status_of(Verdict verdict) {
  switch (verdict) {
    case Verdict::Passes: return 0;
    case Verdict::Drops: return 1;
    case Verdict::Unknown: return 2;
  }
  return 2;
}

Result<int> trace(Context& context, const TraceOptions& options, const Words& words) {
  const Destination destination = TRY(parse_destination(words[1]));
  EngineClient engine = TRY(EngineClient::of(context));
  const json::Document document =
      TRY(engine.get("/gantry/v1/networks/trace", {{"from", words[0]},
                                                   {"to", destination.to},
                                                   {"port", destination.port},
                                                   {"protocol", destination.protocol}}));
  const auto answer = TRY(json::decode<Answer>(document.root()));
  TRY(print(options.json ? json::encode(answer.steps) + "\n" : text_of(answer.steps)));
  return answer.steps.empty() ? 2 : status_of(answer.steps.back().verdict);
}

}  // namespace

const Verb kTraceNetwork = make_verb<TraceOptions, trace>(
    "trace", "FROM TO:PORT[/PROTOCOL]", {2, 2},
    "Show the way of a packet from a container, 'host' or an address outside, and what would drop it");

}  // namespace gantry::cli::docker
