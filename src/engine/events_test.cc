// SPDX-License-Identifier: Apache-2.0
#include "engine/events.h"

#include <gtest/gtest.h>

#include <limits>

#include "base/file.h"
#include "testing/must.h"
#include "testing/temp_dir.h"

namespace gantry::engine {
namespace {

constexpr TimeNs kEnd = std::numeric_limits<TimeNs>::max();

std::string actions_of(const std::vector<EventRef>& events) {
  std::string text;
  for (const EventRef& event : events) text += event->action + " ";
  return text;
}

TEST(Events, come_in_order_and_with_a_time_each) {
  Events events;
  for (const char* action : {"create", "start", "die"})
    events.publish({.type = "container", .action = action});
  const auto all = events.between(0, kEnd);
  EXPECT_EQ(actions_of(all), "create start die ");
  EXPECT_LT(all[0]->time, all[1]->time);
  EXPECT_EQ(actions_of(events.between(all[1]->time, all[1]->time)), "start ");
}

TEST(Events, reach_who_listens_until_he_stops) {
  Events events;
  std::string heard;
  events.publish({.action = "before"});
  {
    const Subscription feed =
        events.subscribe([&](const EventRef& event) { heard += event->action + " "; }, 0);
    events.publish({.action = "meanwhile"});
  }
  events.publish({.action = "after"});
  EXPECT_EQ(heard, "before meanwhile ");
}

TEST(Events, of_an_earlier_process_are_known) {
  const testing::TempDir directory;
  {
    Events earlier;
    MUST(earlier.keep_in(directory.path()));
    earlier.publish({.type = "container", .action = "start", .actor = "a", .attributes = {{"name", "web"}}});
  }
  const UniqueFd file = MUST(open_at(directory.fd(), "events.json", O_WRONLY | O_APPEND));
  MUST(write_all(file.get(), R"({"Type":"cut)", "a line that was not finished"));
  Events events;
  MUST(events.keep_in(directory.path()));
  events.publish({.action = "die"});
  const auto all = events.between(0, kEnd);
  EXPECT_EQ(actions_of(all), "start die ");
  EXPECT_EQ(all[0]->attributes.at("name"), "web");

  Events third;
  MUST(third.keep_in(directory.path()));
  EXPECT_EQ(actions_of(third.between(0, kEnd)), "start die ");
}

TEST(Events, the_last_of_earlier_processes_are_known_without_a_gap) {
  const testing::TempDir directory;
  Events earlier;
  MUST(earlier.keep_in(directory.path()));
  for (std::size_t i = 0; i < EventLog::kMaxEvents + 10; ++i) earlier.publish({.action = std::to_string(i)});
  Events events;
  MUST(events.keep_in(directory.path()));
  events.publish({.action = "own"});
  const std::vector<Event> last = events.last_of_earlier();
  ASSERT_GT(last.size(), 100U);
  for (std::size_t i = 0; i < last.size(); ++i)
    EXPECT_EQ(last[i].action, std::to_string(EventLog::kMaxEvents + 10 - last.size() + i));
}

TEST(Events, are_kept_by_the_thousand_and_not_for_ever) {
  const testing::TempDir directory;
  Events events;
  MUST(events.keep_in(directory.path()));
  for (std::size_t i = 0; i < EventLog::kMaxEvents + 10; ++i) events.publish({.action = "x"});
  EXPECT_EQ(events.between(0, kEnd).size(), EventLog::kMaxEvents + 10);
  for (std::size_t i = 0; i < EventLog::kMaxEvents; ++i) events.publish({.action = "y"});
  EXPECT_EQ(events.between(0, kEnd).size(), EventLog::kMaxEvents + 10);
}

TEST(Events, are_kept_in_order_when_the_disk_takes_some_of_them) {
  const testing::TempDir directory;
  Events events;
  events.publish({.action = "unlogged"});
  MUST(events.keep_in(directory.path()));
  events.publish({.action = "logged"});
  const auto all = events.between(0, kEnd);
  EXPECT_EQ(actions_of(all), "unlogged logged ");
  EXPECT_EQ(actions_of(events.between(all[1]->time, kEnd)), "logged ");
}

}  // namespace
}  // namespace gantry::engine
