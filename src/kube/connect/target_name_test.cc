// SPDX-License-Identifier: Apache-2.0
#include "kube/connect/target_name.h"

#include <gtest/gtest.h>

#include "testing/must.h"

namespace gantry::kube {
namespace {

TEST(TargetName, SaysSchemeAndPortIfItHasThem) {
  const TargetName plain = *TargetName::parse("web", "pod");
  EXPECT_EQ(plain.scheme + "|" + plain.name + "|" + plain.port, "|web|");
  const TargetName with_port = *TargetName::parse("web:http", "pod");
  EXPECT_EQ(with_port.scheme + "|" + with_port.name + "|" + with_port.port, "|web|http");
  const TargetName whole = *TargetName::parse("https:web:8443", "pod");
  EXPECT_EQ(whole.scheme + "|" + whole.name + "|" + whole.port, "https|web|8443");
  EXPECT_EQ(TargetName::parse("https:web:", "pod")->port, "");
}

TEST(TargetName, IsRefusedWhereItIsNone) {
  for (const char* text : {"", ":80", "ftp:web:21", "a:b:c:d", "https::443"}) {
    const auto target = TargetName::parse(text, "service");
    ASSERT_FALSE(target) << text;
    EXPECT_EQ(target.error()->code, 400);
  }
}

}  // namespace
}  // namespace gantry::kube
