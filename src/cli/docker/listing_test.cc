// SPDX-License-Identifier: Apache-2.0
#include "cli/docker/listing.h"

#include <gtest/gtest.h>

#include "testing/must.h"

namespace gantry::cli::docker {
namespace {

constexpr Listing::Column kColumns[] = {{"ID", "ID"}, {"Name", "NAME"}, {"Size", "SIZE", false}};

Listing two_rows() {
  Listing listing(kColumns);
  listing.add({.cells = {"1", "a longer name", "5B"}, .labels = {{"k", "v"}}});
  listing.add({.cells = {"2", "ü", "6B"}, .labels = {}});
  return listing;
}

TEST(Listing, is_a_table_of_the_usual_columns) {
  EXPECT_EQ(MUST(two_rows().text("")), "ID        NAME\n1         a longer name\n2         ü\n");
  Listing all = two_rows();
  all.show("Size");
  EXPECT_EQ(MUST(all.text("table")),
            "ID        NAME            SIZE\n1         a longer name   5B\n2         ü               6B\n");
}

TEST(Listing, is_what_a_template_makes_of_each_row) {
  EXPECT_EQ(MUST(two_rows().text("{{.Name}}/{{.Size}} {{.Label \"k\"}}")), "a longer name/5B v\nü/6B \n");
  EXPECT_EQ(MUST(two_rows().text("table {{.Size}}\\t{{.ID}}")), "SIZE      ID\n5B        1\n6B        2\n");
}

TEST(Listing, is_json_with_all_fields) {
  EXPECT_EQ(MUST(two_rows().text("json")),
            "{\"ID\":\"1\",\"Name\":\"a longer "
            "name\",\"Size\":\"5B\"}\n{\"ID\":\"2\",\"Name\":\"ü\",\"Size\":\"6B\"}\n");
}

TEST(Listing, says_what_is_wrong_with_a_template) {
  EXPECT_FALSE(two_rows().text("{{.Nothing}}"));
  EXPECT_FALSE(two_rows().text("{{"));
}

TEST(ShortId, has_twelve_digits) {
  EXPECT_EQ(short_id("sha256:0123456789abcdef"), "0123456789ab");
  EXPECT_EQ(short_id("sha256:0123456789abcdef", true), "sha256:0123456789abcdef");
}

TEST(Shortened, counts_characters_and_shows_that_some_are_missing) {
  EXPECT_EQ(shortened("für", 3), "für");
  EXPECT_EQ(shortened("füßen", 4), "füß…");
  EXPECT_EQ(shortened("abc", 1), "…");
  EXPECT_EQ(shortened("", 1), "");
}

}  // namespace
}  // namespace gantry::cli::docker
