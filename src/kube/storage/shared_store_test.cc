// SPDX-License-Identifier: Apache-2.0
//
// Several servers on one etcd: what one has written the other has, when it is asked for.
#include <gtest/gtest.h>

#include <thread>

#include "kube/storage/test_storage.h"
#include "store/etcd/test_cluster.h"

namespace gantry::kube {
namespace {

// One of several.
struct Server {
  explicit Server(const store::TestCluster& cluster)
      : store(cluster.open()),
        cache(MUST(ObjectCache::open(*store, {.kinds = {{"pods", {}}}, .is_shared = true}))),
        storage(*store, *cache) {}
  Collection& pods() { return cache->collection("pods"); }

  std::unique_ptr<store::EtcdStore> store;
  std::unique_ptr<ObjectCache> cache;
  ObjectStorage storage;
};

class SharedStore : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!store::TestCluster::is_possible()) GTEST_SKIP() << "there is no etcd here";
    cluster_ = std::make_unique<store::TestCluster>(1);
  }
  std::unique_ptr<store::TestCluster> cluster_;
};

TEST_F(SharedStore, what_one_has_written_the_other_reads) {
  Server one(*cluster_), other(*cluster_);
  store::Revision revision = kAbsent;
  for (int i = 0; i < 20; ++i) {
    Server& writer = i % 2 == 0 ? one : other;
    Server& reader = i % 2 == 0 ? other : one;
    const Written written =
        MUST_ANSWER(writer.storage.put(writer.pods(), "a/x", revision, pod_text(std::to_string(i))));
    ASSERT_TRUE(written.is_done);
    revision = written.object->revision();
    EXPECT_EQ(MUST_ANSWER(reader.storage.get(reader.pods(), "a/x"))->revision(), revision);
    EXPECT_EQ(MUST_ANSWER(reader.storage.list(reader.pods(), {})).items.front()->revision(), revision);
  }
}

TEST_F(SharedStore, the_most_recent_is_known_also_when_others_have_keys_there) {
  Server one(*cluster_);
  MUST(one.store->commit({.operations = {store::Operation::put("/elsewhere", SharedBytes("1"))}}));
  EXPECT_TRUE(MUST_ANSWER(one.storage.list(one.pods(), {})).items.empty());
}

TEST_F(SharedStore, watches_of_all_servers_tell_the_same) {
  Server one(*cluster_), other(*cluster_);
  TestWatcher there(MUST_ANSWER(other.storage.watch(other.pods(), {}, false, {})));
  TestWatcher here(MUST_ANSWER(one.storage.watch(one.pods(), {}, false, {})));
  for (Server* writer : {&one, &other})
    for (int i = 0; i < 10; ++i)
      MUST_ANSWER(writer->storage.put(writer->pods(),
                                      fmt::format("{}/{}", writer == &one ? "one" : "other", i), kAbsent,
                                      pod_text("web")));
  const auto& told = here.wait_for(20);
  const auto& told_there = there.wait_for(20);
  ASSERT_EQ(told.size(), 20U);
  for (std::size_t i = 0; i < told.size(); ++i) EXPECT_EQ(told[i].object.view(), told_there[i].object.view());
}

TEST_F(SharedStore, a_watch_resumes_on_another_server_that_came_later) {
  store::Revision first = 0;
  {
    Server one(*cluster_);
    first = MUST_ANSWER(one.storage.put(one.pods(), "a/x", kAbsent, pod_text("1"))).object->revision();
    MUST_ANSWER(one.storage.put(one.pods(), "a/y", kAbsent, pod_text("1")));
    MUST_ANSWER(one.storage.remove(one.pods(), "a/x", first));
  }
  Server later(*cluster_);
  TestWatcher watcher(MUST_ANSWER(later.storage.watch(later.pods(), {.revision = first}, std::nullopt, {})));
  const auto& events = watcher.wait_for(2);
  EXPECT_EQ(events[0].type, WatchEvent::Type::Added);
  EXPECT_EQ(events[1].type, WatchEvent::Type::Deleted);
}

}  // namespace
}  // namespace gantry::kube
