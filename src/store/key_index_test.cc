// SPDX-License-Identifier: Apache-2.0
#include "store/key_index.h"

#include <gtest/gtest.h>

namespace gantry::store {
namespace {

Change put(Revision revision, std::int64_t version = 1) {
  return {.id = change_id(revision, 0), .created = revision, .version = version};
}
Change deletion(Revision revision) { return {.id = change_id(revision, 0)}; }

std::vector<Revision> revisions(const std::vector<ChangeId>& ids) {
  std::vector<Revision> revisions;
  for (const ChangeId id : ids) revisions.push_back(revision_of(id));
  return revisions;
}

TEST(KeyIndex, knows_every_revision_of_a_key) {
  KeyIndex index;
  index.apply("a", put(2));
  index.apply("a", put(4, 2));
  index.apply("a", deletion(5));
  index.apply("a", put(8));
  const KeyRange a = KeyRange::one("a");
  EXPECT_EQ(index.count(a, 1), 0U);
  for (const Revision there : {2, 3, 4, 8, 9}) EXPECT_EQ(index.count(a, there), 1U) << there;
  for (const Revision gone : {5, 6, 7}) EXPECT_EQ(index.count(a, gone), 0U) << gone;
  EXPECT_EQ(index.find("a")->revision(), 8);
  EXPECT_EQ(index.find("b"), nullptr);
}

TEST(KeyIndex, forgets_what_nobody_can_ask_for) {
  KeyIndex index;
  index.apply("a", put(2));
  index.apply("b", put(3));
  index.apply("a", put(4, 2));
  index.apply("b", deletion(5));
  index.apply("a", put(6, 3));
  EXPECT_EQ(revisions(index.compact(4, 100)), (std::vector<Revision>{2}));
  EXPECT_EQ(index.count(KeyRange::all(), 4), 2U);
  EXPECT_EQ(revisions(index.compact(5, 100)), (std::vector<Revision>{3, 5}));
  EXPECT_EQ(revisions(index.compact(100, 100)), (std::vector<Revision>{4}));
  EXPECT_TRUE(index.compact(100, 100).empty());
  EXPECT_EQ(index.find("a")->revision(), 6);
}

TEST(KeyIndex, forgets_a_little_at_a_time) {
  KeyIndex index;
  for (Revision revision = 2; revision < 12; ++revision) index.apply("a", put(revision, revision - 1));
  std::size_t forgotten = 0;
  for (std::vector<ChangeId> some; !(some = index.compact(11, 2)).empty(); forgotten += some.size())
    EXPECT_LE(some.size(), 2U);
  EXPECT_EQ(forgotten, 9U);
}

TEST(KeyIndex, a_key_that_was_deleted_may_come_again_before_the_compaction) {
  KeyIndex index;
  index.apply("a", put(2));
  index.apply("a", deletion(3));
  index.apply("a", put(4));
  index.apply("a", deletion(5));
  EXPECT_EQ(revisions(index.compact(4, 100)), (std::vector<Revision>{2, 3}));
  EXPECT_EQ(index.count(KeyRange::all(), 4), 1U);
  EXPECT_EQ(revisions(index.compact(5, 100)), (std::vector<Revision>{4, 5}));
  index.apply("a", put(6));
  EXPECT_EQ(index.find("a")->revision(), 6);
}

TEST(KeyIndex, visits_in_order_until_told_to_stop) {
  KeyIndex index;
  for (const char* key : {"c", "a", "b"}) index.apply(key, put(2));
  std::string seen;
  index.visit(KeyRange::all(), 2, [&](const std::string& key, const Change&) {
    seen += key;
    return key != "b";
  });
  EXPECT_EQ(seen, "ab");
}

TEST(KeyRange, a_prefix_ends_behind_its_last_key) {
  const KeyRange range = KeyRange::prefix("/a");
  EXPECT_TRUE(range.contains("/a"));
  EXPECT_TRUE(range.contains("/a\xff\xff"));
  EXPECT_FALSE(range.contains("/b"));
  EXPECT_EQ(KeyRange::prefix("a\xff").end, "b");
  EXPECT_EQ(KeyRange::prefix("\xff").end, "");
  EXPECT_TRUE(KeyRange::one("a").contains("a"));
  EXPECT_FALSE(KeyRange::one("a").contains(std::string_view("a\0", 2)));
}

}  // namespace
}  // namespace gantry::store
