// SPDX-License-Identifier: Apache-2.0
#include "kube/custom/naming.h"

#include <string>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "testing/must.h"

namespace gantry::kube::custom {
namespace {

json::Tree definition(const std::string& plural, const std::string& kind, const std::string& short_name) {
  return MUST(json::Tree::parse(fmt::format(
      R"({{"metadata":{{"name":"{0}.example.com"}},"spec":{{"group":"example.com","names":{{"plural":"{0}",)"
      R"("singular":"{1}","kind":"{1}","listKind":"{1}List","shortNames":["{2}"]}},"versions":[)"
      R"({{"name":"v1","served":true,"storage":true}},{{"name":"v2","served":true,"storage":false}}]}}}})",
      plural, kind, short_name)));
}

TEST(Naming, FreeNamesAreAcceptedAndTheDefinitionIsEstablished) {
  json::Tree toys = definition("toys", "Toy", "ty");
  EXPECT_FALSE(is_established(toys));
  settle_status(toys, {}, "2026-11-21T10:00:00Z");
  EXPECT_TRUE(is_established(toys));
  EXPECT_EQ(toys.find("status", "acceptedNames")->to_text(), toys.find("spec", "names")->to_text());
  EXPECT_EQ(toys.find("status", "storedVersions")->to_text(), R"(["v1"])");
  EXPECT_EQ(toys.find("status", "conditions")->array().size(), 2U);
}

TEST(Naming, NamesThatOthersOfTheGroupHoldAreNot) {
  std::vector<json::Tree> all = {definition("toys", "Toy", "ty")};
  settle_status(all[0], {}, "2026-11-21T10:00:00Z");
  json::Tree types = definition("types", "Type", "ty");
  settle_status(types, all, "2026-11-21T10:00:00Z");
  EXPECT_FALSE(is_established(types));
  const json::Tree& condition = types.find("status", "conditions")->array()[0];
  EXPECT_EQ(condition.text_at("reason"), "ShortNamesConflict");
  EXPECT_EQ(condition.text_at("message"), "\"ty\" is already in use");
  EXPECT_EQ(types.text_at("status", "acceptedNames", "plural"), "types");
  EXPECT_EQ(types.find("status", "acceptedNames", "shortNames"), nullptr);

  types.object()["spec"].object()["group"] = "example.org";
  settle_status(types, all, "2026-11-21T10:00:00Z");
  EXPECT_TRUE(is_established(types));
}

TEST(Naming, WhatIsSettledStaysWithItsTimes) {
  json::Tree toys = definition("toys", "Toy", "ty");
  settle_status(toys, {}, "2026-11-21T10:00:00Z");
  const json::Tree before = toys;
  settle_status(toys, {&before, 1}, "2026-11-21T11:00:00Z");
  EXPECT_EQ(toys, before);
}

TEST(Naming, VersionsThatWereStoredAreRemembered) {
  json::Tree toys = definition("toys", "Toy", "ty");
  settle_status(toys, {}, "2026-11-21T10:00:00Z");
  json::TreeArray& versions = toys.object()["spec"].object()["versions"].array();
  versions[0].object()["storage"] = false;
  versions[1].object()["storage"] = true;
  settle_status(toys, {}, "2026-11-21T11:00:00Z");
  EXPECT_EQ(toys.find("status", "storedVersions")->to_text(), R"(["v1","v2"])");
}

}  // namespace
}  // namespace gantry::kube::custom
