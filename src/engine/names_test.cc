// SPDX-License-Identifier: Apache-2.0
#include "engine/names.h"

#include <gtest/gtest.h>

#include "engine/container_index.h"
#include "testing/must.h"

namespace gantry::engine {
namespace {

TEST(Names, are_an_adjective_a_surname_and_digits_if_need_be) {
  const std::string name = random_name(0);
  EXPECT_NE(name.find('_'), std::string::npos);
  EXPECT_EQ(MUST(check_name(name)), name);
  EXPECT_TRUE(std::isdigit(random_name(2).back()));
}

TEST(Names, may_be_of_letters_digits_and_some_signs) {
  EXPECT_EQ(MUST(check_name("/web_1.a-b")), "web_1.a-b");
  for (const char* wrong : {"", "/", "a", "-ab", "a b", "a/b", "ä1"})
    EXPECT_EQ(check_name(wrong).error().code(), Code::InvalidArgument) << wrong;
}

TEST(Names, belong_to_one_container_and_are_found_even_on_a_full_host) {
  ContainerIndex index;
  MUST(index.reserve_name("web", "a"));
  EXPECT_EQ(index.reserve_name("web", "b").error().code(), Code::Conflict);
  index.release_name("web");
  MUST(index.reserve_name("web", "b"));
  EXPECT_TRUE(index.is_known("b"));
  EXPECT_FALSE(index.is_known("a"));
  for (int i = 0; i < 20'000; ++i) (void)index.reserve_random_name(std::to_string(i));
}

}  // namespace
}  // namespace gantry::engine
