// SPDX-License-Identifier: Apache-2.0
//
// Whether the server is well: /healthz, /livez, /readyz and the checks below them
// (https://kubernetes.io/docs/reference/using-api/health-checks/).
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "http/url.h"

namespace gantry::kube {

struct HealthCheck {
  std::string name;  // "kms-providers"
  std::function<Result<void>()> check;
};

struct HealthReport {
  int code = 200;
  std::string text;
  std::string why;  // it is not well: for the log, since anybody may ask; empty: it is
};

// Of all of them but those that the parameter "exclude" names; each with a line of its own if one has failed,
// or if the client wants that ("verbose"). `name`: "livez".
HealthReport health_report(std::string_view name, const std::vector<HealthCheck>& checks,
                           const http::Query& query);
// Of one that was asked for by its name.
HealthReport one_health_report(const HealthCheck& check);

}  // namespace gantry::kube
