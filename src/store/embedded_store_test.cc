// SPDX-License-Identifier: Apache-2.0
#include "store/embedded_store.h"

#include <sys/mount.h>
#include <sys/wait.h>

#include <csignal>

#include "base/file.h"
#include "store/store_suite.h"
#include "testing/child.h"
#include "testing/kill_at_call.h"
#include "testing/temp_dir.h"

namespace gantry::store {
namespace {

using testing::TempDir;

// A store with the directory that it lives in.
class TemporaryStore final : public Store {
 public:
  TemporaryStore() : store_(MUST(EmbeddedStore::open(dir_ / "store.db"))) {}
  Result<RangeResult> range(const RangeRequest& request) override { return store_->range(request); }
  Result<CommitResult> commit(const Transaction& transaction) override { return store_->commit(transaction); }
  Result<std::unique_ptr<Watch>> watch(const KeyRange& keys, Revision after, WatchSink& sink) override {
    return store_->watch(keys, after, sink);
  }
  Result<void> compact(Revision revision) override { return store_->compact(revision); }
  Result<LeaseId> grant(std::chrono::seconds time) override { return store_->grant(time); }
  Result<void> renew(LeaseId lease) override { return store_->renew(lease); }
  Result<void> revoke(LeaseId lease) override { return store_->revoke(lease); }

 private:
  TempDir dir_;
  const std::unique_ptr<EmbeddedStore> store_;
};

INSTANTIATE_TEST_SUITE_P(Embedded, StoreSuite,
                         ::testing::Values([] { return std::make_unique<TemporaryStore>(); }));

Revision put(Store& store, std::string_view key, std::string_view value, LeaseId lease = 0) {
  return MUST(store.commit({.operations = {Operation::put(key, SharedBytes(value), lease)}})).revision;
}
std::string value(Store& store, std::string_view key, Revision at = 0) {
  const auto found = MUST(store.get(key, at));
  return found ? std::string(found->value.view()) : "none";
}

TEST(EmbeddedStore, is_at_revision_one_when_it_is_new) {
  const TempDir dir;
  const auto store = MUST(EmbeddedStore::open(dir / "s"));
  EXPECT_EQ(MUST(store->range({.keys = KeyRange::all()})).revision, 1);
  EXPECT_EQ(put(*store, "a", "1"), 2);
}

TEST(EmbeddedStore, belongs_to_one_process) {
  const TempDir dir;
  const auto store = MUST(EmbeddedStore::open(dir / "s"));
  EXPECT_EQ(EmbeddedStore::open(dir / "s").error().code(), Code::Conflict);
}

TEST(EmbeddedStore, finds_everything_again) {
  const TempDir dir;
  LeaseId lease = 0;
  {
    const auto store = MUST(EmbeddedStore::open(dir / "s"));
    lease = MUST(store->grant(std::chrono::seconds(600)));
    put(*store, "a", "1");                                          // 2
    put(*store, "a", "2");                                          // 3
    put(*store, "b", "1", lease);                                   // 4
    MUST(store->compact(3));                                        //
    MUST(store->commit({.operations = {Operation::remove("a")}}));  // 5
  }
  const auto store = MUST(EmbeddedStore::open(dir / "s"));
  EXPECT_EQ(value(*store, "a", 3), "2");
  EXPECT_EQ(value(*store, "a"), "none");
  EXPECT_EQ(store->get("a", 2).error().code(), Code::Conflict);
  Told told;
  const auto watch = MUST(store->watch(KeyRange::all(), 3, told));
  EXPECT_EQ(told.wait_for(2), (std::vector<std::string>{"put b=1", "delete a"}));
  EXPECT_EQ(put(*store, "c", "1"), 6);
  MUST(store->revoke(lease));
  EXPECT_EQ(value(*store, "b"), "none");
}

TEST(EmbeddedStore, keeps_its_revision_when_everything_is_forgotten) {
  const TempDir dir;
  {
    const auto store = MUST(EmbeddedStore::open(dir / "s"));
    put(*store, "a", "1");
    const Revision last = MUST(store->commit({.operations = {Operation::remove("a")}})).revision;
    MUST(store->compact(last));
  }
  const auto store = MUST(EmbeddedStore::open(dir / "s"));
  EXPECT_EQ(put(*store, "a", "1"), 4);
}

TEST(EmbeddedStore, tells_a_late_watcher_what_only_the_file_knows) {
  const TempDir dir;
  const auto store = MUST(EmbeddedStore::open(dir / "s"));
  const std::string large(100'000, 'x');
  for (int i = 0; i < 600; ++i)
    put(*store, "k" + std::to_string(i % 7), i % 10 == 0 ? large : std::to_string(i));
  Told told;
  const auto watch = MUST(store->watch(KeyRange::prefix("k3"), 1, told));
  std::size_t expected = 0;
  for (int i = 0; i < 600; ++i) expected += i % 7 == 3 ? 1 : 0;
  EXPECT_EQ(told.wait_for(expected).size(), expected);
  EXPECT_EQ(told.events().front().version, 1);
}

TEST(EmbeddedStore, a_snapshot_is_a_store) {
  const TempDir dir;
  const auto store = MUST(EmbeddedStore::open(dir / "s"));
  put(*store, "a", "1");
  MUST(store->save_snapshot(dir / "copy"));
  put(*store, "a", "2");
  const auto copy = MUST(EmbeddedStore::open(dir / "copy"));
  EXPECT_EQ(value(*copy, "a"), "1");
  EXPECT_EQ(put(*copy, "b", "1"), 3);
  EXPECT_FALSE(store->save_snapshot(dir / "copy").has_value());
}

TEST(EmbeddedStore, goes_on_when_a_full_disk_has_room_again) {
  NEEDS_ROOT();
  NEEDS_THREADS_IN_CHILD();
  const TempDir dir;
  testing::in_namespaces(CLONE_NEWNS, [&] {
    ASSERT_EQ(::mount("disk", dir.path().c_str(), "tmpfs", 0, "size=4m"), 0);
    const auto store = MUST(EmbeddedStore::open(dir / "s"));
    put(*store, "first", "1");
    MUST(replace_file_at(dir.fd(), dir / "filler", std::string(1'000'000, 'x'), 0600));
    Result<CommitResult> full = CommitResult{};
    int i = 0;
    for (; i < 100 && full; ++i)
      full = store->commit(
          {.operations = {Operation::put(std::to_string(i), SharedBytes(std::string(50'000, 'v')))}});
    ASSERT_FALSE(full.has_value());
    EXPECT_EQ(full.error().code(), Code::ResourceExhausted) << full.error().message();
    EXPECT_EQ(value(*store, "first"), "1");
    EXPECT_EQ(value(*store, std::to_string(i - 1)), "none");
    ASSERT_EQ(::unlink((dir / "filler").c_str()), 0);
    put(*store, "first", "2");
    EXPECT_EQ(value(*store, "first"), "2");
  });
}

// Writes, one after the other, and says so in files; each of them is killed at every one of its system calls.
TEST(EmbeddedStore, killed_at_every_call_it_keeps_what_it_acknowledged) {
  NEEDS_ROOT();
  NEEDS_THREADS_IN_CHILD();
  const TempDir memory;
  testing::in_namespaces(CLONE_NEWNS, [&] {
    ASSERT_EQ(::mount("stores", memory.path().c_str(), "tmpfs", 0, nullptr), 0);
    const std::string path = memory / "store";
    const auto has_said = [&](const char* what) { return ::access((path + "/" + what).c_str(), F_OK) == 0; };
    const auto say = [&](const char* what) { MUST(make_directories(path + "/" + what, 0700)); };
    for (int call = 1;; ++call) {
      SCOPED_TRACE("killed at system call " + std::to_string(call));
      MUST(remove_tree_at(AT_FDCWD, path));
      say("here");
      {
        const auto store = MUST(EmbeddedStore::open(path + "/s"));
        for (int i = 0; i < 5; ++i) put(*store, "a", std::to_string(i));
      }
      const bool is_over = testing::run_until(call, [&] {
        const auto store = MUST(EmbeddedStore::open(path + "/s"));
        testing::count_from_here();
        MUST(store->commit({.operations = {Operation::put("b", SharedBytes("1")), Operation::remove("a")}}));
        say("committed");
        MUST(store->compact(5));
        say("compacted");
        put(*store, "b", "2");
        say("put");
        ::_exit(0);
      });
      const auto store = MUST(EmbeddedStore::open(path + "/s"));
      EXPECT_EQ(value(*store, "a") == "none", value(*store, "b") != "none") << "half a transaction";
      EXPECT_TRUE(!has_said("committed") || value(*store, "a") == "none");
      EXPECT_TRUE(!has_said("compacted") || !store->get("a", 4).has_value());
      EXPECT_TRUE(!has_said("put") || value(*store, "b") == "2");
      if (value(*store, "b") != "2") put(*store, "b", "2");
      EXPECT_EQ(value(*store, "b"), "2");
      if (is_over || ::testing::Test::HasFailure()) {
        EXPECT_GT(call, 20) << "what was meant to be killed has hardly run";
        return;
      }
    }
  });
}

}  // namespace
}  // namespace gantry::store
