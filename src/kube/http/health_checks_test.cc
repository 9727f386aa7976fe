// SPDX-License-Identifier: Apache-2.0
#include "kube/http/health_checks.h"

#include <gtest/gtest.h>

#include "testing/must.h"

namespace gantry::kube {
namespace {

HealthCheck well(std::string name) {
  return {std::move(name), [] { return Result<void>(); }};
}
HealthCheck ill(std::string name) {
  return {std::move(name), [] { return Result<void>(error(Code::Unavailable, "a secret place")); }};
}

HealthReport report(const std::vector<HealthCheck>& checks, std::string_view query = "") {
  return health_report("livez", checks, MUST(http::Query::parse(query)));
}

TEST(HealthChecks, all_is_well_in_a_word_or_line_by_line) {
  EXPECT_EQ(report({well("ping"), well("etcd")}).text, "ok");
  const HealthReport verbose = report({well("ping"), well("etcd")}, "verbose");
  EXPECT_EQ(verbose.code, 200);
  EXPECT_EQ(verbose.text, "[+]ping ok\n[+]etcd ok\nlivez check passed\n");
}

TEST(HealthChecks, what_has_failed_is_named_and_its_reason_is_for_the_log) {
  const HealthReport failed = report({well("ping"), ill("etcd"), ill("kms-providers")});
  EXPECT_EQ(failed.code, 500);
  EXPECT_EQ(failed.text,
            "[+]ping ok\n[-]etcd failed: reason withheld\n[-]kms-providers failed: reason withheld\n"
            "livez check failed\n");
  EXPECT_EQ(failed.why, "etcd: a secret place; kms-providers: a secret place");
}

TEST(HealthChecks, what_is_excluded_is_not_asked) {
  EXPECT_EQ(report({well("ping"), ill("etcd")}, "exclude=etcd").text, "ok");
  EXPECT_EQ(report({ill("etcd")}, "exclude=etcd&verbose").text, "[+]etcd excluded: ok\nlivez check passed\n");
}

TEST(HealthChecks, one_can_be_asked_for) {
  EXPECT_EQ(one_health_report(well("etcd")).text, "ok");
  const HealthReport failed = one_health_report(ill("etcd"));
  EXPECT_EQ(failed.code, 500);
  EXPECT_EQ(failed.text.find("secret"), std::string::npos);
}

}  // namespace
}  // namespace gantry::kube
