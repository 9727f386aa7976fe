// SPDX-License-Identifier: Apache-2.0
#include "kube/schema/spelling.h"

#include <gtest/gtest.h>

namespace gantry::kube {
namespace {

std::string spelled(Form form, std::string_view text) {
  const Result<std::optional<std::string>> canonical = canonical_spelling(form, text);
  if (!canonical) return "refused: " + canonical.error().message();
  return *canonical ? **canonical : "as it is";
}

TEST(Spelling, OfTimes) {
  EXPECT_EQ(spelled(Form::Time, "2026-11-21T10:00:00Z"), "as it is");
  EXPECT_EQ(spelled(Form::Time, "9999-12-31T23:59:59Z"), "as it is");
  EXPECT_EQ(spelled(Form::Time, "2026-11-21T12:00:00+02:00"), "2026-11-21T10:00:00Z");
  EXPECT_EQ(spelled(Form::Time, "1969-12-31T23:59:59.25Z"), "1969-12-31T23:59:59Z");
  EXPECT_EQ(spelled(Form::MicroTime, "2026-11-21T10:00:00.123456Z"), "as it is");
  EXPECT_EQ(spelled(Form::MicroTime, "2026-11-21T10:00:00Z"), "2026-11-21T10:00:00.000000Z");
  EXPECT_EQ(spelled(Form::Time, "2026-02-30T10:00:00Z").substr(0, 8), "refused:");
  EXPECT_EQ(spelled(Form::Time, "yesterday"),
            "refused: parsing time \"yesterday\" as \"2006-01-02T15:04:05Z07:00\": cannot parse it");
}

TEST(Spelling, OfDurations) {
  EXPECT_EQ(spelled(Form::Duration, "1h30m0s"), "as it is");
  EXPECT_EQ(spelled(Form::Duration, "90m"), "1h30m0s");
  EXPECT_EQ(spelled(Form::Duration, "1500ms"), "1.5s");
  EXPECT_EQ(spelled(Form::Duration, "-0.02005s"), "-20.05ms");
  EXPECT_EQ(spelled(Form::Duration, "0"), "0s");
  EXPECT_EQ(spelled(Form::Duration, "soon"), "refused: time: invalid duration \"soon\"");
}

TEST(Spelling, OfQuantities) {
  EXPECT_EQ(spelled(Form::Quantity, "500m"), "as it is");
  EXPECT_EQ(spelled(Form::Quantity, "1024Mi"), "1Gi");
  EXPECT_EQ(spelled(Form::Quantity, "lots").substr(0, 8), "refused:");
}

TEST(Spelling, OfBytes) {
  EXPECT_EQ(spelled(Form::Bytes, ""), "as it is");
  EXPECT_EQ(spelled(Form::Bytes, "YWI="), "as it is");
  EXPECT_EQ(spelled(Form::Bytes, "YW\nI=\n"), "YWI=");
  EXPECT_EQ(spelled(Form::Bytes, "YWI"), "refused: illegal base64 data at input byte 3");
  EXPECT_EQ(spelled(Form::Bytes, "Y"), "refused: illegal base64 data at input byte 1");
  EXPECT_EQ(spelled(Form::Bytes, "YWJ-"), "refused: illegal base64 data at input byte 3");
}

}  // namespace
}  // namespace gantry::kube
