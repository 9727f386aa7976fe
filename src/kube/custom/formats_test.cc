// SPDX-License-Identifier: Apache-2.0
#include "kube/custom/formats.h"

#include <gtest/gtest.h>

namespace gantry::kube::custom {
namespace {

struct Case {
  const char* format;
  const char* good;
  const char* bad;
};

TEST(Formats, AreToldFromWhatOnlyLooksLikeThem) {
  constexpr Case kCases[] = {
      {"byte", "YWI=", "YWI"},
      {"cidr", "10.0.0.0/8", "10.0.0.0/33"},
      {"date", "2026-11-21", "2026-13-21"},
      {"date-time", "2026-11-21T10:00:00+01:00", "2026-11-21"},
      {"duration", "1h30m", "soon"},
      {"email", "a@example.com", "a@"},
      {"hexcolor", "#ffEE00", "#ffEE0"},
      {"hostname", "Example.com", "-a.com"},
      {"ipv4", "10.0.0.1", "::1"},
      {"ipv6", "::1", "10.0.0.1"},
      {"k8s-short-name", "a-b", "a.b"},
      {"k8s-long-name", "a.b", "A.b"},
      {"mac", "00:1a:2b:3c:4d:5e", "00:1a:2b:3c:4d"},
      {"uri", "https://example.com/a", "example"},
      {"uuid", "123e4567-e89b-12d3-a456-426614174000", "123e4567-e89b-12d3-a456"},
      {"uuid4", "123e4567-e89b-42d3-a456-426614174000", "123e4567-e89b-12d3-a456-426614174000"},
  };
  for (const Case& each : kCases) {
    EXPECT_TRUE(has_format(each.good, each.format)) << each.format;
    EXPECT_FALSE(has_format(each.bad, each.format)) << each.format;
  }
}

TEST(Formats, ThatAreNotKnownAreNotLookedAt) { EXPECT_TRUE(has_format("anything", "no such format")); }

}  // namespace
}  // namespace gantry::kube::custom
