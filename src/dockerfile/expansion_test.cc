// SPDX-License-Identifier: Apache-2.0
#include "dockerfile/expansion.h"

#include <gtest/gtest.h>

#include "testing/must.h"

namespace gantry::dockerfile {
namespace {

std::optional<std::string> value_of(std::string_view name) {
  if (name == "A") return "apple";
  if (name == "WORDS") return "one two";
  if (name == "EMPTY") return "";
  if (name == "FILE") return "/usr/lib/app.tar.gz";
  return std::nullopt;
}

std::string expanded(std::string_view word) { return MUST(expand(word, value_of)); }
std::string failure(std::string_view word) {
  const auto result = expand(word, value_of);
  return result ? "fine: " + *result : result.error().message();
}

TEST(Expansion, PutsValuesInPlaceOfVariables) {
  EXPECT_EQ(expanded("$A ${A}x $NOPE."), "apple applex .");
  EXPECT_EQ(expanded("a$"), "a$");
  EXPECT_EQ(expanded("$/x"), "$/x");
}

TEST(Expansion, KnowsQuotesAndEscapesAsAShellDoes) {
  EXPECT_EQ(expanded(R"('$A' "$A" \$A "\$A" "a\b")"), R"($A apple $A $A a\b)");
  EXPECT_EQ(expanded(R"(a\ b)"), "a b");
  EXPECT_EQ(MUST(expand("`$A \\x", value_of, {.escape = '`'})), "$A \\x");
}

TEST(Expansion, KnowsDefaultsAndAlternatives) {
  EXPECT_EQ(expanded("${NOPE:-x$A} ${EMPTY:-y} [${EMPTY-y}] ${A:-z}"), "xapple y [] apple");
  EXPECT_EQ(expanded("${A:+set} [${NOPE:+set}] [${EMPTY:+set}] ${EMPTY+set}"), "set [] [] set");
  EXPECT_EQ(expanded("${NOPE:-${ALSO_NOT:-deep}}"), "deep");
  EXPECT_NE(failure("${NOPE:?give it}").find("NOPE: give it"), std::string::npos);
  EXPECT_NE(failure("${NOPE?}").find("NOPE: it is not set"), std::string::npos);
}

TEST(Expansion, CutsAndReplacesByPattern) {
  EXPECT_EQ(expanded("${FILE#*/} ${FILE##*/} ${FILE%.*} ${FILE%%.*}"),
            "usr/lib/app.tar.gz app.tar.gz /usr/lib/app.tar /usr/lib/app");
  EXPECT_EQ(expanded("${A/p/-} ${A//p/-} ${A//p} ${A/x/y}"), "a-ple a--le ale apple");
  EXPECT_EQ(expanded(R"(${FILE//\//_})"), "_usr_lib_app.tar.gz");
}

TEST(Expansion, SplitsAtSpacesThatAreNotQuoted) {
  EXPECT_EQ(MUST(expand_to_words("$WORDS \"$WORDS\" a\\ b", value_of)),
            (std::vector<std::string>{"one", "two", "one two", "a b"}));
  EXPECT_EQ(MUST(expand_to_words("$EMPTY \"\"", value_of)), (std::vector<std::string>{""}));
}

TEST(Expansion, LeavesQuotesInHereDocuments) {
  EXPECT_EQ(MUST(expand("\"$A\" 'x$A' \\$A a\\n", value_of, {.keeps_quotes = true})),
            "\"apple\" 'xapple' $A a\\n");
}

TEST(Expansion, RefusesWhatIsNotClosedOrUnknown) {
  EXPECT_NE(failure("\"a").find("not closed"), std::string::npos);
  EXPECT_NE(failure("'a").find("not closed"), std::string::npos);
  for (const char* bad : {"${A", "${", "${}", "${A!x}", "${A:x}", "${A:-x"})
    EXPECT_FALSE(expand(bad, value_of).has_value()) << bad;
  std::string deep;
  for (int i = 0; i < 100; ++i) deep += "${X:-";
  EXPECT_NE(failure(deep).find("inside each other"), std::string::npos);
}

TEST(Expansion, DoesNotGrowWithoutBounds) {
  const auto large = [](std::string_view) { return std::optional(std::string(1 << 19, 'x')); };
  EXPECT_FALSE(expand("$A$A$A$A$A", large).has_value());
}

}  // namespace
}  // namespace gantry::dockerfile
