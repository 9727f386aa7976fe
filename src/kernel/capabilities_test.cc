// SPDX-License-Identifier: Apache-2.0
#include "kernel/capabilities.h"

#include <gtest/gtest.h>
#include <linux/capability.h>
#include <unistd.h>

#include <cstdlib>

#include "base/file.h"
#include "testing/child.h"
#include "testing/must.h"

namespace gantry::kernel {
namespace {

using testing::in_child;

// What the kernel says: "CapEff", "CapBnd", ... of /proc/self/status.
CapabilityMask set_in_status(const std::string& name) {
  const std::string status = MUST(read_file("/proc/self/status"));
  const std::size_t at = status.find(name + ":\t");
  if (at == std::string::npos) return ~CapabilityMask{0};
  return std::strtoull(status.c_str() + at + name.size() + 2, nullptr, 16);
}

constexpr CapabilityMask kChown = capability_bit(CAP_CHOWN);
constexpr CapabilityMask kKill = capability_bit(CAP_KILL);
constexpr CapabilityMask kBpf = capability_bit(CAP_BPF);  // in the upper word

bool has(CapabilityMask wanted) { return (MUST(effective_capabilities()) & wanted) == wanted; }

#define NEEDS_CAPABILITIES(wanted) \
  if (!has(wanted)) GTEST_SKIP() << "needs capabilities of root"

TEST(CapabilityNames, go_both_ways) {
  EXPECT_EQ(capability_number("CAP_CHOWN"), 0U);
  EXPECT_EQ(capability_number("CAP_KILL"), 5U);
  EXPECT_EQ(capability_number("CAP_CHECKPOINT_RESTORE"), 40U);
  for (unsigned i = 0; i <= CAP_LAST_CAP; ++i) EXPECT_EQ(capability_number(capability_name(i)), i);
}

TEST(CapabilityNames, others_are_unknown) {
  for (const char* name : {"", "KILL", "cap_kill", "CAP_KILL ", "CAP_", "CAP_EVERYTHING"})
    EXPECT_FALSE(capability_number(name)) << name;
  EXPECT_EQ(capability_name(41), "?");
  EXPECT_EQ(capability_name(~0U), "?");
}

TEST(CapabilityNames, those_of_this_kernel_come_in_their_order) {
  const std::vector<std::string> names = known_capabilities();
  ASSERT_FALSE(names.empty());
  for (unsigned i = 0; i < names.size(); ++i) EXPECT_EQ(names[i], capability_name(i));
}

TEST(Capabilities, are_those_that_the_kernel_shows) {
  EXPECT_EQ(MUST(effective_capabilities()), set_in_status("CapEff"));
  EXPECT_EQ(bounding_set(), set_in_status("CapBnd"));
}

TEST(Capabilities, sets_are_set) {
  NEEDS_CAPABILITIES(kChown | kKill | kBpf);
  in_child([] {
    MUST(set_capabilities(
        {.permitted = kChown | kKill | kBpf, .effective = kKill | kBpf, .inheritable = kBpf}));
    EXPECT_EQ(set_in_status("CapPrm"), kChown | kKill | kBpf);
    EXPECT_EQ(set_in_status("CapEff"), kKill | kBpf);
    EXPECT_EQ(set_in_status("CapInh"), kBpf);
    EXPECT_EQ(MUST(effective_capabilities()), kKill | kBpf);
    MUST(set_ambient(kBpf));
    EXPECT_EQ(set_in_status("CapAmb"), kBpf);
    MUST(set_ambient(0));
    EXPECT_EQ(set_in_status("CapAmb"), 0U);
  });
}

TEST(Capabilities, what_was_given_up_does_not_come_back) {
  in_child([] {
    MUST(set_capabilities({}));
    EXPECT_EQ(MUST(effective_capabilities()), 0U);
    const auto raised = set_capabilities({.permitted = kChown, .effective = kChown});
    ASSERT_FALSE(raised);
    EXPECT_EQ(raised.error().code(), Code::PermissionDenied);
  });
}

TEST(Capabilities, ambient_needs_permitted_and_inheritable) {
  in_child([] {
    MUST(set_capabilities({}));
    const auto raised = set_ambient(kKill);
    ASSERT_FALSE(raised);
    EXPECT_EQ(raised.error().message(), "raise ambient CAP_KILL: Operation not permitted (EPERM)");
  });
}

TEST(BoundingSet, keeps_what_it_is_told_and_gains_nothing) {
  NEEDS_CAPABILITIES(capability_bit(CAP_SETPCAP) | kChown | kBpf);
  in_child([] {
    MUST(limit_bounding_set(kChown | kBpf));
    EXPECT_EQ(bounding_set(), kChown | kBpf);
    EXPECT_EQ(set_in_status("CapBnd"), kChown | kBpf);
    MUST(limit_bounding_set(~CapabilityMask{0}));
    EXPECT_EQ(bounding_set(), kChown | kBpf);
    MUST(limit_bounding_set(0));
    EXPECT_EQ(bounding_set(), 0U);
  });
}

TEST(BoundingSet, cannot_be_limited_without_the_right_to) {
  if ((bounding_set() & kChown) == 0) GTEST_SKIP() << "CAP_CHOWN is not in the bounding set";
  in_child([] {
    MUST(set_capabilities({}));
    const auto limited = limit_bounding_set(~kChown);
    ASSERT_FALSE(limited);
    EXPECT_EQ(limited.error().message(), "drop CAP_CHOWN for good: Operation not permitted (EPERM)");
  });
}

TEST(BoundingSet, needs_no_right_to_lose_what_it_has_not) {
  in_child([] {
    MUST(set_capabilities({}));
    const CapabilityMask before = bounding_set();
    MUST(limit_bounding_set(before));
    EXPECT_EQ(bounding_set(), before);
  });
}

}  // namespace
}  // namespace gantry::kernel
