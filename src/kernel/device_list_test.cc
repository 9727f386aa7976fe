// SPDX-License-Identifier: Apache-2.0
#include "kernel/device_list.h"

#include <gtest/gtest.h>

#include "testing/must.h"

namespace gantry::kernel {
namespace {

constexpr DeviceRule kNull{.allow = true, .type = DeviceType::Char, .major = 1, .minor = 3};
constexpr DeviceRule kAllChar{.allow = true, .type = DeviceType::Char};

DeviceList list_of(std::initializer_list<DeviceRule> rules) {
  DeviceList list;
  for (const DeviceRule& rule : rules) MUST(list.apply(rule));
  return list;
}

std::string steps(const DeviceList& from, const DeviceList& to) {
  std::string text;
  for (const DeviceRule& rule : from.steps_to(to)) text += (rule.allow ? "+" : "-") + to_text(rule) + "\n";
  return text;
}

TEST(DeviceList, a_new_group_is_closed_and_then_opened_where_allowed) {
  EXPECT_EQ(steps(DeviceList::everything(), list_of({{.allow = false}, kNull})), "-a *:* rwm\n+c 1:3 rwm\n");
}

TEST(DeviceList, a_new_group_that_may_use_everything_needs_no_write) {
  EXPECT_EQ(steps(DeviceList::everything(), list_of({{.allow = true}, kNull})), "");
}

TEST(DeviceList, an_update_writes_only_the_difference) {
  const DeviceList now = MUST(DeviceList::parse("c 1:3 rwm\nb *:* m\nc 10:200 rw\n"));
  const DeviceList wanted = list_of({{.allow = false},
                                     kNull,
                                     {.allow = true, .type = DeviceType::Block, .access = kMknod | kRead},
                                     {.allow = true, .type = DeviceType::Char, .major = 5, .minor = 2}});
  EXPECT_EQ(steps(now, wanted), "-c 10:200 rw\n+b *:* r\n+c 5:2 rwm\n");
}

TEST(DeviceList, a_running_group_that_may_use_everything_hides_its_exceptions_so_it_starts_over) {
  const DeviceList now = MUST(DeviceList::parse("a *:* rwm\n"));
  DeviceRule deny_null = kNull;
  deny_null.allow = false;
  EXPECT_EQ(steps(now, list_of({{.allow = true}, deny_null})), "+a *:* rwm\n-c 1:3 rwm\n");
}

TEST(DeviceList, a_later_rule_takes_back_an_earlier_one) {
  DeviceRule no_write = kNull;
  no_write.allow = false;
  no_write.access = kWrite;
  EXPECT_EQ(steps(DeviceList(), list_of({kNull, no_write})), "+c 1:3 rm\n");
  EXPECT_EQ(steps(DeviceList(), list_of({kNull, {.allow = false}})), "");
}

TEST(DeviceList, a_hole_in_a_wildcard_is_an_error_since_the_kernel_would_ignore_it) {
  DeviceList list = list_of({kAllChar});
  DeviceRule deny_null = kNull;
  deny_null.allow = false;
  const auto applied = list.apply(deny_null);
  ASSERT_FALSE(applied);
  EXPECT_EQ(applied.error().message(),
            "deny 'c 1:3 rwm': cgroup v1 cannot take this out of 'c *:* rwm', which an earlier rule allows");
}

TEST(DeviceList, nonsense_in_devices_list_is_an_error) {
  for (const char* text : {"x 1:3 rwm", "c 1 rwm", "c 1:y r", "c 1:3 q", "c1:3 r", "c"})
    EXPECT_FALSE(DeviceList::parse(text)) << text;
}

}  // namespace
}  // namespace gantry::kernel
