// SPDX-License-Identifier: Apache-2.0
#include "kube/http/health_checks.h"

#include <algorithm>

#include <fmt/format.h>

namespace gantry::kube {

static void add_reason(std::string& why, const HealthCheck& check, const Error& failure) {
  why += fmt::format("{}{}: {}", why.empty() ? "" : "; ", check.name, failure.message());
}

HealthReport health_report(std::string_view name, const std::vector<HealthCheck>& checks,
                           const http::Query& query) {
  const std::vector<std::string_view> excluded = query.all("exclude");
  HealthReport report;
  for (const HealthCheck& check : checks) {
    if (std::ranges::find(excluded, check.name) != excluded.end()) {
      report.text += fmt::format("[+]{} excluded: ok\n", check.name);
    } else if (const auto checked = check.check(); checked) {
      report.text += fmt::format("[+]{} ok\n", check.name);
    } else {
      report.text += fmt::format("[-]{} failed: reason withheld\n", check.name);
      add_reason(report.why, check, checked.error());
    }
  }
  if (!report.why.empty()) {
    report.code = 500;
    report.text += fmt::format("{} check failed\n", name);
  } else if (query.has("verbose")) {
    report.text += fmt::format("{} check passed\n", name);
  } else {
    report.text = "ok";
  }
  return report;
}

HealthReport one_health_report(const HealthCheck& check) {
  HealthReport report{.text = "ok"};
  const auto checked = check.check();
  if (checked) return report;
  report.code = 500;
  report.text = "internal server error: reason withheld\n";
  add_reason(report.why, check, checked.error());
  return report;
}

}  // namespace gantry::kube
