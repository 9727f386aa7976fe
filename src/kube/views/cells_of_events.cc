// SPDX-License-Identifier: Apache-2.0
//
// Events of both groups: core's and events.k8s.io's have the same under different names.
#include <fmt/format.h>

#include "kube/views/age.h"
#include "kube/views/cell.h"
#include "kube/views/value_access.h"

namespace gantry::kube::views {
namespace {

using json::Value;

// The first that is there.
std::string_view text_of_either(const Value& event, std::string_view one, std::string_view other) {
  const std::string_view text = text_at(event, one);
  return text.empty() ? text_at(event, other) : text;
}

std::string_view first_seen_time(const Value& event) {
  const std::string_view first = text_of_either(event, "firstTimestamp", "deprecatedFirstTimestamp");
  return first.empty() ? text_at(event, "eventTime") : first;
}

std::string_view last_seen_time(const Value& event) {
  if (const auto series = at(event, "series")) return text_at(*series, "lastObservedTime");
  const std::string_view last = text_of_either(event, "lastTimestamp", "deprecatedLastTimestamp");
  return last.empty() ? first_seen_time(event) : last;
}

void first_seen(const Cell& cell) { cell.write(age_since(first_seen_time(cell.object), cell.now)); }
void last_seen(const Cell& cell) { cell.write(age_since(last_seen_time(cell.object), cell.now)); }

void count(const Cell& cell) {
  std::int64_t number = number_at(cell.object, "count");
  if (number == 0) number = number_at(cell.object, "deprecatedCount");
  if (at(cell.object, "series")) number = number_at(cell.object, "series", "count");
  cell.write(fmt::format("{}", number == 0 ? 1 : number));
}

void object(const Cell& cell) {
  auto subject = at(cell.object, "involvedObject");
  if (!subject) subject = at(cell.object, "regarding");
  if (!subject) return cell.write("");
  std::string kind(text_at(*subject, "kind"));
  for (char& c : kind) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 'a' - 'A') : c;
  cell.write(fmt::format("{}/{}", kind, text_at(*subject, "name")));
}

void source(const Cell& cell) {
  auto old = at(cell.object, "source");
  if (!old) old = at(cell.object, "deprecatedSource");
  std::string_view component = old ? text_at(*old, "component") : std::string_view();
  std::string_view host = old ? text_at(*old, "host") : std::string_view();
  if (component.empty()) component = text_of_either(cell.object, "reportingComponent", "reportingController");
  if (host.empty()) host = text_at(cell.object, "reportingInstance");
  cell.write(host.empty() ? std::string(component) : fmt::format("{}, {}", component, host));
}

constexpr NamedCell kCells[] = {{"event_first_seen", first_seen},
                                {"event_last_seen", last_seen},
                                {"event_count", count},
                                {"event_object", object},
                                {"event_source", source}};

}  // namespace

NamedCells event_cells() { return kCells; }

}  // namespace gantry::kube::views
