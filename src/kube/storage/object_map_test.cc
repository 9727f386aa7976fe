// SPDX-License-Identifier: Apache-2.0
#include "kube/storage/object_map.h"

#include <gtest/gtest.h>

#include <map>
#include <random>

#include "testing/must.h"

namespace gantry::kube {
namespace {

ObjectRef object(const std::string& path, store::Revision revision) {
  return MUST(Object::make(path, R"({"metadata":{}})", revision, {}));
}

std::map<std::string, store::Revision> all(const ObjectMap& map) {
  std::map<std::string, store::Revision> all;
  for (auto at = map.lower_bound(""); at != map.end(); at = map.next(at))
    all[map.at(at)->path()] = map.at(at)->revision();
  return all;
}

TEST(ObjectMap, is_a_sorted_map_whose_copies_stay_as_they_were) {
  const unsigned seed = std::random_device()();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  ObjectMap map;
  std::map<std::string, store::Revision> model;
  std::vector<std::pair<ObjectMap, std::map<std::string, store::Revision>>> snapshots;
  for (int step = 1; step <= 20'000; ++step) {
    // First it grows, then it shrinks.
    const std::string path = "n" + std::to_string(random() % 20) + "/" + std::to_string(random() % 100);
    const auto before = model.find(path);
    if (random() % 10 < (step < 10'000 ? 8U : 2U)) {
      const ObjectRef old = map.put(object(path, step));
      ASSERT_EQ(old ? old->revision() : 0, before == model.end() ? 0 : before->second);
      model[path] = step;
    } else {
      const ObjectRef old = map.remove(path);
      ASSERT_EQ(static_cast<bool>(old), before != model.end());
      model.erase(path);
    }
    ASSERT_EQ(map.size(), model.size());
    if (random() % 1000 == 0) snapshots.emplace_back(map, model);
  }
  EXPECT_EQ(all(map), model);
  for (const auto& [snapshot, expected] : snapshots) EXPECT_EQ(all(snapshot), expected);
}

TEST(ObjectMap, finds_one_and_ranges_and_counts_them) {
  ObjectMap map;
  for (int i = 0; i < 1000; ++i) map.put(object("a/" + std::to_string(i), i + 1));
  for (int i = 0; i < 1000; ++i) map.put(object("b/" + std::to_string(i), i + 1));
  map.put(object("a-b/1", 1));
  EXPECT_EQ(map.find("a/7")->revision(), 8);
  EXPECT_EQ(map.find("a/x"), nullptr);
  EXPECT_EQ(map.count(map.lower_bound("a/"), map.end_of_prefix("a/")), 1000U);
  EXPECT_EQ(map.count(map.lower_bound("b/"), map.end_of_prefix("b/")), 1000U);
  EXPECT_EQ(map.count(map.lower_bound(""), map.end_of_prefix("")), 2001U);
  EXPECT_EQ(map.lower_bound("c"), map.end());
  EXPECT_EQ(ObjectMap().lower_bound(""), ObjectMap().end());
}

}  // namespace
}  // namespace gantry::kube
