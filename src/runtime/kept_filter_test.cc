// SPDX-License-Identifier: Apache-2.0
#include "runtime/kept_filter.h"

#include <gtest/gtest.h>
#include <linux/seccomp.h>

namespace gantry::runtime {
namespace {

TEST(KeptFilter, comes_back_as_it_was) {
  const SeccompFilter filter{.program = {BPF_STMT(BPF_LD, 4), BPF_STMT(BPF_RET, 0x7fff0000)},
                             .flags = SECCOMP_FILTER_FLAG_NEW_LISTENER};
  const auto back = seccomp_filter_from(to_bytes(filter));
  ASSERT_TRUE(back);
  ASSERT_EQ(back->program.size(), 2U);
  EXPECT_EQ(back->program[1].k, 0x7fff0000U);
  EXPECT_EQ(back->flags, filter.flags);
  EXPECT_TRUE(back->has_notify);
}

TEST(KeptFilter, is_nothing_when_it_is_not_whole_or_something_else) {
  const SeccompFilter filter{.program = {BPF_STMT(BPF_RET, 0)}};
  const std::string bytes = to_bytes(filter);
  for (std::size_t size = 0; size < bytes.size(); ++size)
    EXPECT_FALSE(seccomp_filter_from(std::string_view(bytes).substr(0, size))) << size;
  EXPECT_TRUE(seccomp_filter_from(bytes));
  EXPECT_FALSE(seccomp_filter_from(bytes + "x"));
  EXPECT_FALSE(seccomp_filter_from("Seccomp1" + bytes.substr(8)));
  EXPECT_FALSE(seccomp_filter_from(to_bytes(SeccompFilter())));
}

}  // namespace
}  // namespace gantry::runtime
