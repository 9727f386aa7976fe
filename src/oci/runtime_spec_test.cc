// SPDX-License-Identifier: Apache-2.0
#include "oci/runtime_spec.h"

#include <gtest/gtest.h>

#include "testing/must.h"

namespace gantry::oci {
namespace {

TEST(RuntimeSpec, keeps_everything_through_json) {
  const std::string text =
      R"({"ociVersion":"1.0.2","process":{"user":{"uid":0,"gid":7},"args":["sh"],"cwd":"/"},)"
      R"("root":{"path":"rootfs"},"linux":{"namespaces":[{"type":"pid"},{"type":"mount"}]}})";
  EXPECT_EQ(to_json(MUST(parse_spec(text))), text);
}

}  // namespace
}  // namespace gantry::oci
