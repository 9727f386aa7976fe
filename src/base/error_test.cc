// SPDX-License-Identifier: Apache-2.0
#include "base/error.h"

#include <gtest/gtest.h>

namespace gantry {
namespace {

Result<int> open_nothing() {
  errno = ENOENT;
  return sys_error("open '{}'", "x");
}

Result<int> start() { return TRY_DURING(open_nothing(), "start '{}'", "web") + 1; }

TEST(Error, reads_from_wish_to_cause) {
  const Result<int> result = start();
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().message(), "start 'web': open 'x': No such file or directory (ENOENT)");
  EXPECT_EQ(result.error().code(), Code::NotFound);
  EXPECT_EQ(result.error().errno_value(), ENOENT);
}

TEST(Error, is_one_pointer_wide) { EXPECT_EQ(sizeof(Error), sizeof(void*)); }

TEST(Error, an_unknown_errno_still_has_a_text) { EXPECT_EQ(describe_errno(4242), "error 4242"); }

}  // namespace
}  // namespace gantry
