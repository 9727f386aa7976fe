// SPDX-License-Identifier: Apache-2.0
//
// How long a decision takes, with the stock roles and 10,000 bindings in 100 namespaces.
#include <fmt/format.h>

#include <chrono>
#include <cstdio>

#include "kube/access/rbac.h"
#include "kube/access/stock_roles.h"
#include "kube/api/stored_kinds.h"
#include "kube/api/test_objects.h"

namespace gantry::kube {
namespace {

using Clock = std::chrono::steady_clock;

double microseconds_since(Clock::time_point begin) {
  return std::chrono::duration<double, std::micro>(Clock::now() - begin).count();
}

void measure(const char* what, const Rbac& rbac, const AccessRequest& request) {
  constexpr int kTimes = 200'000;
  int allowed = 0;
  const auto begin = Clock::now();
  for (int i = 0; i < kTimes; ++i) allowed += rbac.decide(request).is_allowed() ? 1 : 0;
  std::printf("%-32s %8.3f us  %s\n", what, microseconds_since(begin) / kTimes,
              allowed != 0 ? "allowed" : "denied");
}

void run() {
  kube::testing::TestObjects objects;
  auto begin = Clock::now();
  const auto stock = missing_stock_roles(objects);
  std::printf("%-32s %8.0f us\n", "stock roles read and compared", microseconds_since(begin));
  for (const StockObject& each : stock) objects.put(each.stored_as, each.object.to_text());
  for (int i = 0; i < 10'000; ++i)
    objects.put(
        stored::kRoleBindings,
        fmt::format(R"({{"metadata":{{"namespace":"ns{}","name":"b{}"}},"roleRef":{{"kind":"ClusterRole",)"
                    R"("name":"edit"}},"subjects":[{{"kind":"User","name":"u{}"}}]}})",
                    i % 100, i, i));
  begin = Clock::now();
  const Rbac rbac(objects);
  std::printf("%-32s %8.0f us\n", "index made", microseconds_since(begin));

  const std::vector<std::string> groups = {"dev", kAuthenticatedGroup};
  measure("user, own namespace", rbac,
          {.user = {.name = "u7", .groups = groups},
           .verb = "create",
           .resource = "configmaps",
           .name_space = "ns7"});
  measure("user, another namespace", rbac,
          {.user = {.name = "u7", .groups = groups},
           .verb = "create",
           .resource = "configmaps",
           .name_space = "ns8"});
  measure("scheduler binds a pod", rbac,
          {.user = {.name = "system:kube-scheduler", .groups = {kAuthenticatedGroup}},
           .verb = "create",
           .resource = "pods",
           .subresource = "binding",
           .name_space = "ns7"});
}

}  // namespace
}  // namespace gantry::kube

int main() { gantry::kube::run(); }
