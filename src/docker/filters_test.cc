// SPDX-License-Identifier: Apache-2.0
#include "docker/filters.h"

#include <gtest/gtest.h>

#include "testing/must.h"

namespace gantry::docker {
namespace {

Filters filters_of(std::string_view text) {
  return MUST(Filters::parse(text, {"id", "label", "label!", "name", "dangling"}));
}

std::string refusal(std::string_view text) {
  const auto filters = Filters::parse(text, {"label"});
  return filters ? "accepted" : filters.error().message();
}

TEST(Filters, match_everything_when_there_are_none) {
  for (const char* text : {"", "{}", "null", R"({"name":[]})"}) {
    EXPECT_TRUE(filters_of(text).empty());
    EXPECT_TRUE(filters_of(text).matches("name", "web"));
    EXPECT_TRUE(filters_of(text).matches_labels({}));
  }
}

TEST(Filters, come_as_lists_and_as_objects_of_true) {
  for (const char* text : {R"({"name":["a","b"]})", R"({"name":{"a":true,"b":true,"c":false}})"}) {
    EXPECT_TRUE(filters_of(text).matches("name", "b"));
    EXPECT_FALSE(filters_of(text).matches("name", "c"));
  }
}

TEST(Filters, find_ids_by_their_beginning_and_names_by_pattern) {
  EXPECT_TRUE(filters_of(R"({"id":["4f"]})").matches_prefix("id", "4f2a"));
  EXPECT_FALSE(filters_of(R"({"id":["2a"]})").matches_prefix("id", "4f2a"));
  EXPECT_TRUE(filters_of(R"({"name":["we"]})").matches_pattern("name", "web"));
  EXPECT_TRUE(filters_of(R"({"name":["^web$"]})").matches_pattern("name", "web"));
  EXPECT_FALSE(filters_of(R"({"name":["^we$"]})").matches_pattern("name", "web"));
  EXPECT_TRUE(filters_of(R"({"name":["("]})").matches_pattern("name", "("));
}

TEST(Filters, want_every_label_and_none_of_the_excluded) {
  const std::map<std::string, std::string> labels = {{"tier", "db"}, {"empty", ""}};
  EXPECT_TRUE(filters_of(R"({"label":["tier","tier=db","empty="]})").matches_labels(labels));
  EXPECT_FALSE(filters_of(R"({"label":["tier=db","owner"]})").matches_labels(labels));
  EXPECT_FALSE(filters_of(R"({"label":["tier=web"]})").matches_labels(labels));
  EXPECT_FALSE(filters_of(R"({"label!":["tier=db"]})").matches_labels(labels));
  EXPECT_TRUE(filters_of(R"({"label!":["tier=web"]})").matches_labels(labels));
}

TEST(Filters, read_words_for_true_and_false) {
  EXPECT_TRUE(MUST(filters_of(R"({"dangling":["1"]})").flag("dangling", false)));
  EXPECT_FALSE(MUST(filters_of(R"({"dangling":["false"]})").flag("dangling", true)));
  EXPECT_TRUE(MUST(filters_of("{}").flag("dangling", true)));
  EXPECT_FALSE(filters_of(R"({"dangling":["perhaps"]})").flag("dangling", true));
  EXPECT_FALSE(filters_of(R"({"dangling":["true","false"]})").flag("dangling", true));
}

TEST(Filters, say_what_is_wrong_with_them) {
  EXPECT_EQ(refusal(R"({"lable":["x"]})"), "invalid filter 'lable'");
  EXPECT_EQ(refusal(R"({"label":[1]})"), "invalid filter 'label': expected strings, found a number");
  EXPECT_EQ(refusal("[]"), "invalid filter: expected an object, found an array");
  EXPECT_TRUE(refusal("{").starts_with("invalid filter: "));
}

}  // namespace
}  // namespace gantry::docker
