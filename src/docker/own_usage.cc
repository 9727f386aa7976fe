// SPDX-License-Identifier: Apache-2.0
//
// GET /gantry/v1/usage and /gantry/v1/usage/lives: what containers have used (docs/formats/gantry-api.md).
#include <string>
#include <utility>
#include <vector>

#include "base/timestamp.h"
#include "docker/call.h"
#include "docker/endpoints.h"
#include "docker/time_parameter.h"
#include "engine/usage.h"

namespace gantry::docker {
namespace {

// Nanoseconds since 1970; 0 when it is not there.
Result<std::int64_t> time_in(const Call& call, std::string_view name) {
  const std::string text = call.text(name);
  if (text.empty()) return std::int64_t{0};
  return TRY_DURING(parse_time(text, wall_clock_ns()), "invalid value for '{}'", name);
}

Result<engine::UsageQuery> query_of(const Call& call) {
  engine::UsageQuery query;
  query.since = TRY(time_in(call, "since"));
  query.until = TRY(time_in(call, "until"));
  if (query.until != 0 && query.since > query.until)
    return error(Code::InvalidArgument, "invalid value for 'until': it is before 'since'");
  for (const std::string_view word : call.query.all("groupBy")) query.group_by.emplace_back(word);
  return query;
}

struct Report {
  std::vector<std::string> group_by;
  std::vector<engine::UsageRow> rows;
};
void fields(json::Fields& f, Report& report) {
  f("groupBy", report.group_by, json::Presence::Always);
  f("rows", report.rows, json::Presence::Always);
}

Result<void> report(const Context& context, Call& call) {
  engine::UsageQuery query = TRY(query_of(call));
  std::vector<engine::UsageRow> rows = TRY(context.usage.report(query));
  return call.send_object(Report{std::move(query.group_by), std::move(rows)});
}

Result<void> lives(const Context& context, Call& call) {
  return call.send_object(TRY(context.usage.lives(TRY(query_of(call)))));
}

}  // namespace

std::span<const Route> usage_routes() {
  static constexpr Route kRoutes[] = {
      {"GET", "/gantry/v1/usage", report},
      {"GET", "/gantry/v1/usage/lives", lives},
  };
  return kRoutes;
}

}  // namespace gantry::docker
