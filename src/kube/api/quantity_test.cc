// SPDX-License-Identifier: Apache-2.0
#include "kube/api/quantity.h"

#include <gtest/gtest.h>

namespace gantry::kube {
namespace {

Quantity quantity(std::string_view text) {
  auto parsed = Quantity::parse(text);
  EXPECT_TRUE(parsed) << text;
  return parsed ? *parsed : Quantity();
}

TEST(Quantity, IsWrittenWithTheLargestSuffixThatLosesNothing) {
  const std::pair<const char*, const char*> kForms[] = {
      {"0", "0"},         {"0Gi", "0"},         {"100m", "100m"},
      {"1000m", "1"},     {"1.5", "1500m"},     {"1.5Gi", "1536Mi"},
      {"1024Ki", "1Mi"},  {"1000Ki", "1000Ki"}, {"1000Mi", "1000Mi"},
      {"1000k", "1M"},    {"0.5Gi", "512Mi"},   {"0.1m", "100u"},
      {"12e6", "12e6"},   {"1e3", "1e3"},       {"1200e-3", "1200e-3"},
      {"1E", "1E"},       {"1000E", "1000E"},   {"+5", "5"},
      {"-5", "-5"},       {"-0.5", "-500m"},    {"1n", "1n"},
      {"0.1n", "1n"},     {"-0.1n", "-1n"},     {"1023", "1023"},
      {"512Ki", "512Ki"}, {".5", "500m"},       {"5.", "5"},
      {"0.5Ki", "512"},   {"1Ki", "1Ki"},       {"1.1Ki", "1126400m"},
      {"100", "100"},     {"1000000", "1M"},    {"8Ei", "9223372036854775807"},
      {"007", "7"},
  };
  for (const auto& [text, canonical] : kForms) EXPECT_EQ(quantity(text).text(), canonical) << text;
}

TEST(Quantity, ItsCanonicalFormIsItsOwn) {
  for (const char* text : {"1536Mi", "100m", "12e6", "1126400m", "9223372036854775807", "1000E"})
    EXPECT_EQ(quantity(quantity(text).text()).text(), quantity(text).text());
}

TEST(Quantity, OtherTextIsNone) {
  for (const char* bad : {"", " 1", "1 ", "m", "1mm", "1.2.3", "1Gib", "1gi", "--1", "1e", "1e1.5", "0x1",
                          ".", "1i", "100000000000E", "1e40"})
    EXPECT_FALSE(Quantity::parse(bad)) << bad;
  EXPECT_FALSE(Quantity::parse(std::string(300, '1')));
}

TEST(Quantity, ComparesByValue) {
  EXPECT_EQ(quantity("1Gi"), quantity("1024Mi"));
  EXPECT_EQ(quantity("1"), quantity("1000m"));
  EXPECT_LT(quantity("999m"), quantity("1"));
  EXPECT_GT(quantity("1Gi"), quantity("1G"));
  EXPECT_LT(quantity("-1"), Quantity());
}

TEST(Quantity, SumsKeepTheFirstFormat) {
  Quantity sum;
  sum += quantity("512Mi");
  sum += quantity("1G");
  EXPECT_EQ(sum.text(), "1536870912");
  sum -= quantity("1G");
  EXPECT_EQ(sum.text(), "512Mi");
  EXPECT_EQ(quantity("1500m").value(), 2);
  EXPECT_EQ(quantity("-1500m").value(), -2);
  EXPECT_EQ(quantity("1500u").milli_value(), 2);
  EXPECT_EQ(quantity("100E").value(), std::nullopt);
}

TEST(Quantity, ComesFromStringsAndNumbers) {
  EXPECT_EQ(Quantity::from_tree(json::Tree("1Gi"))->text(), "1Gi");
  EXPECT_EQ(Quantity::from_tree(json::Tree(2))->text(), "2");
  EXPECT_EQ(Quantity::from_tree(json::Tree(0.5))->text(), "500m");
  EXPECT_FALSE(Quantity::from_tree(json::Tree(json::TreeArray())));
}

}  // namespace
}  // namespace gantry::kube
