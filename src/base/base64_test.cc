// SPDX-License-Identifier: Apache-2.0
#include "base/base64.h"

#include <gtest/gtest.h>

namespace gantry {
namespace {

TEST(Base64, has_the_examples_of_rfc_4648) {
  const std::pair<std::string_view, std::string_view> examples[] = {{"", ""},
                                                                    {"f", "Zg=="},
                                                                    {"fo", "Zm8="},
                                                                    {"foo", "Zm9v"},
                                                                    {"foob", "Zm9vYg=="},
                                                                    {"fooba", "Zm9vYmE="},
                                                                    {"foobar", "Zm9vYmFy"}};
  for (const auto& [bytes, text] : examples) {
    EXPECT_EQ(to_base64(bytes), text);
    EXPECT_EQ(from_base64(text), bytes);
  }
}

TEST(Base64, has_two_alphabets) {
  const std::string bytes = "\xfb\xff\xbf";
  EXPECT_EQ(to_base64(bytes), "+/+/");
  EXPECT_EQ(to_base64url(bytes), "-_-_");
  EXPECT_EQ(from_base64("+/+/"), bytes);
  EXPECT_EQ(from_base64("-_-_"), bytes);
  EXPECT_FALSE(from_base64("+_+_"));
}

TEST(Base64, may_go_without_padding_but_not_with_a_wrong_one) {
  EXPECT_EQ(from_base64("Zg"), "f");
  EXPECT_EQ(from_base64("Zm8"), "fo");
  for (const char* text :
       {"Zg=", "Z", "Z===", "=", "====", "Zg==Zg==", "Zm9v=", "Zh==", "Zm9=", "Z g=", "Zg\n", "Zm9v\xff"})
    EXPECT_FALSE(from_base64(text)) << text;
}

}  // namespace
}  // namespace gantry
