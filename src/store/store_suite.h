// SPDX-License-Identifier: Apache-2.0
//
// What every backend must do: INSTANTIATE_TEST_SUITE_P(SQLite, StoreSuite, Values(...)). A backend may be
// shared by all tests, so each has a prefix of its own and knows no revision beforehand.
#pragma once

#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "base/mutex.h"
#include "store/store.h"
#include "testing/must.h"

namespace gantry::store {

// Collects what a watch tells.
class Told final : public WatchSink {
 public:
  void on_events(std::span<const Event> events) override {
    MutexLock lock(mutex_);
    events_.insert(events_.end(), events.begin(), events.end());
    changed_.notify_all();
  }
  void on_end(const Error& why) override {
    MutexLock lock(mutex_);
    end_ = why.code();
    changed_.notify_all();
  }
  // "put a=1", "delete a"; waits until there are as many.
  std::vector<std::string> wait_for(std::size_t count, std::string_view prefix = "") {
    MutexLock lock(mutex_);
    while (events_.size() < count && !end_ && wait()) {
    }
    std::vector<std::string> texts;
    for (const Event& event : events_)
      texts.push_back(is_deletion(event)
                          ? "delete " + event.key.substr(prefix.size())
                          : "put " + event.key.substr(prefix.size()) + "=" + std::string(event.value.view()));
    return texts;
  }
  std::optional<Code> wait_for_end() {
    MutexLock lock(mutex_);
    while (!end_ && wait()) {
    }
    return end_;
  }
  std::vector<Event> events() {
    MutexLock lock(mutex_);
    return events_;
  }

 private:
  bool wait() REQUIRES(mutex_) {
    return changed_.wait_until(mutex_, std::chrono::steady_clock::now() + std::chrono::seconds(60));
  }
  Mutex mutex_;  // guards what follows
  std::vector<Event> events_ GUARDED_BY(mutex_);
  std::optional<Code> end_ GUARDED_BY(mutex_);
  CondVar changed_;
};

using MakeStore = std::function<std::unique_ptr<Store>()>;

class StoreSuite : public ::testing::TestWithParam<MakeStore> {
 protected:
  void SetUp() override {
    store_ = GetParam()();
    if (!store_) GTEST_SKIP() << "this backend is not here";
  }

  std::string key(std::string_view name) const { return prefix_ + std::string(name); }
  KeyRange all() const { return KeyRange::prefix(prefix_); }
  Revision put(std::string_view name, std::string_view value, LeaseId lease = 0) {
    return MUST(store_->commit({.operations = {Operation::put(key(name), SharedBytes(value), lease)}}))
        .revision;
  }
  Revision remove(std::string_view name) {
    return MUST(store_->commit({.operations = {Operation::remove(key(name))}})).revision;
  }
  // "1", or "none".
  std::string value(std::string_view name, Revision at = 0) {
    const auto found = MUST(store_->get(key(name), at));
    return found ? std::string(found->value.view()) : "none";
  }
  std::vector<std::string> names(const RangeRequest& request) {
    std::vector<std::string> names;
    for (const KeyValue& item : MUST(store_->range(request)).items)
      names.push_back(item.key.substr(prefix_.size()));
    return names;
  }

  std::unique_ptr<Store> store_;
  const std::string prefix_ = "/" +
                              std::string(::testing::UnitTest::GetInstance()->current_test_info()->name()) +
                              std::to_string(std::random_device()()) + "/";
};

TEST_P(StoreSuite, what_is_put_is_there) {
  const Revision made = put("a", "1");
  const KeyValue a = *MUST(store_->get(key("a")));
  EXPECT_EQ(a.key, key("a"));
  EXPECT_EQ(a.value.view(), "1");
  EXPECT_EQ(a.created, made);
  EXPECT_EQ(a.modified, made);
  EXPECT_EQ(a.version, 1);
  const Revision changed = put("a", "2");
  EXPECT_EQ(changed, made + 1);
  EXPECT_EQ(MUST(store_->get(key("a")))->created, made);
  EXPECT_EQ(MUST(store_->get(key("a")))->modified, changed);
  EXPECT_EQ(MUST(store_->get(key("a")))->version, 2);
  EXPECT_EQ(value("b"), "none");
}

TEST_P(StoreSuite, an_empty_value_and_one_with_every_byte_are_values) {
  std::string bytes;
  for (int i = 0; i < 256; ++i) bytes.push_back(static_cast<char>(i));
  put("empty", "");
  put("bytes", bytes);
  EXPECT_EQ(value("empty"), "");
  EXPECT_EQ(value("bytes"), bytes);
}

TEST_P(StoreSuite, what_is_deleted_begins_anew) {
  put("a", "1");
  const Revision removed = remove("a");
  EXPECT_EQ(value("a"), "none");
  EXPECT_EQ(remove("a"), removed) << "nothing was there, so nothing changed";
  const Revision again = put("a", "2");
  EXPECT_EQ(MUST(store_->get(key("a")))->created, again);
  EXPECT_EQ(MUST(store_->get(key("a")))->version, 1);
}

TEST_P(StoreSuite, a_range_is_sorted_limited_and_counted) {
  for (const char* name : {"c", "a", "b/2", "b/1", "d"}) put(name, name);
  EXPECT_EQ(names({.keys = all()}), (std::vector<std::string>{"a", "b/1", "b/2", "c", "d"}));
  EXPECT_EQ(names({.keys = KeyRange::prefix(key("b/"))}), (std::vector<std::string>{"b/1", "b/2"}));
  EXPECT_EQ(names({.keys = KeyRange::one(key("b/1"))}), (std::vector<std::string>{"b/1"}));
  EXPECT_EQ(names({.keys = {.first = key("b/2"), .end = key("d")}}), (std::vector<std::string>{"b/2", "c"}));
  const RangeResult some = MUST(store_->range({.keys = all(), .limit = 2}));
  EXPECT_EQ(some.items.size(), 2U);
  EXPECT_EQ(some.count, 5U);
  EXPECT_EQ(some.items[1].value.view(), "b/1");
  const RangeResult keys = MUST(store_->range({.keys = all(), .keys_only = true}));
  EXPECT_EQ(keys.items.size(), 5U);
  EXPECT_TRUE(keys.items[0].value.empty());
  const RangeResult counted = MUST(store_->range({.keys = all(), .count_only = true}));
  EXPECT_TRUE(counted.items.empty());
  EXPECT_EQ(counted.count, 5U);
}

TEST_P(StoreSuite, an_older_revision_shows_what_was) {
  const Revision first = put("a", "1");
  const Revision second = put("b", "1");
  put("a", "2");
  remove("b");
  EXPECT_EQ(value("a", first), "1");
  EXPECT_EQ(value("b", first), "none");
  EXPECT_EQ(value("b", second), "1");
  EXPECT_EQ(names({.keys = all(), .at = second}), (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(names({.keys = all()}), (std::vector<std::string>{"a"}));
  EXPECT_EQ(store_->get(key("a"), second + 1000).error().code(), Code::InvalidArgument);
}

TEST_P(StoreSuite, conditions_decide) {
  const auto create = [&](std::string_view value) {
    return MUST(store_->commit({.conditions = {Condition::absent(key("a"))},
                                .operations = {Operation::put(key("a"), SharedBytes(value))}}));
  };
  const CommitResult made = create("1");
  EXPECT_TRUE(made.committed);
  const CommitResult late = create("2");
  EXPECT_FALSE(late.committed);
  ASSERT_EQ(late.current.size(), 1U);
  EXPECT_EQ(late.current[0]->value.view(), "1");
  EXPECT_EQ(late.current[0]->modified, made.revision);

  const auto update = [&](Revision from, std::string_view value) {
    return MUST(store_->commit({.conditions = {Condition::modified_at(key("a"), from)},
                                .operations = {Operation::put(key("a"), SharedBytes(value))}}));
  };
  EXPECT_FALSE(update(made.revision - 1, "3").committed);
  const CommitResult updated = update(made.revision, "3");
  EXPECT_TRUE(updated.committed);
  EXPECT_FALSE(update(made.revision, "4").committed);
  EXPECT_EQ(value("a"), "3");

  const Transaction deletion{.conditions = {Condition::modified_at(key("a"), updated.revision)},
                             .operations = {Operation::remove(key("a"))}};
  EXPECT_TRUE(MUST(store_->commit(deletion)).committed);
  const CommitResult gone = MUST(store_->commit(deletion));
  EXPECT_FALSE(gone.committed);
  EXPECT_FALSE(gone.current[0].has_value());
}

TEST_P(StoreSuite, a_transaction_is_one_revision_and_all_or_nothing) {
  const CommitResult made =
      MUST(store_->commit({.operations = {Operation::put(key("a"), SharedBytes("1")),
                                          Operation::put(key("b"), SharedBytes("1"))}}));
  EXPECT_EQ(MUST(store_->get(key("a")))->modified, made.revision);
  EXPECT_EQ(MUST(store_->get(key("b")))->modified, made.revision);
  const CommitResult refused = MUST(store_->commit(
      {.conditions = {Condition::modified_at(key("a"), made.revision), Condition::absent(key("b"))},
       .operations = {Operation::remove(key("a")), Operation::put(key("c"), SharedBytes("1"))}}));
  EXPECT_FALSE(refused.committed);
  EXPECT_EQ(refused.current.size(), 2U);
  EXPECT_EQ(names({.keys = all()}), (std::vector<std::string>{"a", "b"}));
}

TEST_P(StoreSuite, what_is_against_the_rules_is_refused) {
  const auto code = [&](const Transaction& transaction) {
    return store_->commit(transaction).error().code();
  };
  EXPECT_EQ(code({.operations = {Operation::put("", SharedBytes("1"))}}), Code::InvalidArgument);
  EXPECT_EQ(code({.operations = {Operation::remove(key("a")), Operation::put(key("a"), SharedBytes("1"))}}),
            Code::InvalidArgument);
  EXPECT_EQ(code({.operations = {Operation::put(key("a"), SharedBytes(std::string(kMaxValue, 'x')))}}),
            Code::ResourceExhausted);
  EXPECT_EQ(code({.operations = std::vector<Operation>(kMaxOperations + 1, Operation::remove(key("a")))}),
            Code::InvalidArgument);
  EXPECT_EQ(code({.operations = {Operation::put(key("a"), SharedBytes("1"), 0x7abc)}}), Code::NotFound);
  EXPECT_EQ(value("a"), "none");
}

TEST_P(StoreSuite, a_watch_tells_what_was_and_what_comes) {
  const Revision start = put("a", "1");
  put("b", "1");
  Told told;
  const auto watch = MUST(store_->watch(all(), start, told));
  EXPECT_EQ(told.wait_for(1, prefix_), std::vector<std::string>{"put b=1"});
  put("a", "2");
  remove("b");
  MUST(store_->commit({.operations = {Operation::put("/elsewhere", SharedBytes("1"))}}));
  put("c", "");
  EXPECT_EQ(told.wait_for(4, prefix_),
            (std::vector<std::string>{"put b=1", "put a=2", "delete b", "put c="}));
  const std::vector<Event> events = told.events();
  EXPECT_EQ(events[1].created, start);
  EXPECT_EQ(events[1].modified, start + 2);
  EXPECT_EQ(events[2].modified, start + 3);
}

TEST_P(StoreSuite, a_watch_that_ended_is_not_told_any_more) {
  Told told;
  auto watch = MUST(store_->watch(all(), put("a", "1"), told));
  put("a", "2");
  told.wait_for(1);
  watch.reset();
  put("a", "3");
  EXPECT_EQ(told.events().size(), 1U);
}

TEST_P(StoreSuite, every_watcher_is_told_the_same_in_order) {
  const Revision start = put("start", "");
  std::vector<Told> told(20);
  std::vector<std::unique_ptr<Watch>> watches;
  for (Told& each : told) watches.push_back(MUST(store_->watch(all(), start, each)));
  std::vector<std::thread> writers;
  for (int writer = 0; writer < 4; ++writer)
    writers.emplace_back([&, writer] {
      for (int i = 0; i < 25; ++i) put(std::to_string(writer), std::to_string(i));
    });
  for (std::thread& writer : writers) writer.join();
  const auto expected = told[0].wait_for(100);
  ASSERT_EQ(expected.size(), 100U);
  for (Told& each : told) EXPECT_EQ(each.wait_for(100), expected);
  Revision last = start;
  for (const Event& event : told[0].events()) {
    EXPECT_GT(event.modified, last);
    last = event.modified;
  }
}

TEST_P(StoreSuite, of_many_who_make_a_key_one_succeeds) {
  std::atomic<int> made = 0;
  std::vector<std::thread> writers;
  for (int i = 0; i < 16; ++i)
    writers.emplace_back([&] {
      made += MUST(store_->commit({.conditions = {Condition::absent(key("a"))},
                                   .operations = {Operation::put(key("a"), SharedBytes("1"))}}))
                  .committed;
    });
  for (std::thread& writer : writers) writer.join();
  EXPECT_EQ(made, 1);
}

TEST_P(StoreSuite, what_is_compacted_cannot_be_asked_for) {
  const Revision first = put("a", "1");
  put("a", "2");
  put("b", "1");
  remove("b");
  const Revision compacted = put("a", "3");
  const Revision later = put("a", "4");
  MUST(store_->compact(compacted));
  EXPECT_EQ(store_->get(key("a"), first).error().code(), Code::Conflict);
  EXPECT_EQ(value("a", compacted), "3");
  EXPECT_EQ(value("a", later), "4");
  EXPECT_EQ(value("b"), "none");
  EXPECT_EQ(store_->compact(first).error().code(), Code::Conflict);
  EXPECT_EQ(store_->compact(later + 1000).error().code(), Code::InvalidArgument);

  Told told;
  const auto watch = MUST(store_->watch(all(), compacted, told));
  EXPECT_EQ(told.wait_for(1, prefix_), std::vector<std::string>{"put a=4"});
  // Too late: said at once, or as the end.
  Told late;
  const auto missed = store_->watch(all(), first, late);
  EXPECT_EQ(missed ? late.wait_for_end() : missed.error().code(), Code::Conflict);
}

TEST_P(StoreSuite, a_lease_takes_its_keys_along) {
  const LeaseId lease = MUST(store_->grant(std::chrono::seconds(600)));
  put("a", "1", lease);
  put("b", "1", lease);
  put("b", "2");  // hangs on nothing any more
  EXPECT_EQ(MUST(store_->get(key("a")))->lease, lease);
  MUST(store_->renew(lease));
  Told told;
  const auto watch = MUST(store_->watch(all(), MUST(store_->get(key("b")))->modified, told));
  MUST(store_->revoke(lease));
  EXPECT_EQ(told.wait_for(1, prefix_), std::vector<std::string>{"delete a"});
  EXPECT_EQ(value("b"), "2");
  EXPECT_EQ(store_->renew(lease).error().code(), Code::NotFound);
  EXPECT_EQ(store_->revoke(lease).error().code(), Code::NotFound);
}

TEST_P(StoreSuite, a_lease_ends_by_itself) {
  Told told;
  const auto watch = MUST(store_->watch(all(), put("before", ""), told));
  put("a", "1", MUST(store_->grant(std::chrono::seconds(1))));
  EXPECT_EQ(told.wait_for(2, prefix_), (std::vector<std::string>{"put a=1", "delete a"}));
}

// What a store should be, said as simply as possible.
class Model {
 public:
  struct Entry {
    std::string value;
    Revision created, modified;
    std::int64_t version;
  };
  std::map<std::string, Entry> now;
  std::map<Revision, std::map<std::string, Entry>> before;

  void put(const std::string& key, const std::string& value, Revision revision) {
    const auto old = now.find(key);
    const bool is_new = old == now.end();
    now[key] = {value, is_new ? revision : old->second.created, revision,
                is_new ? 1 : old->second.version + 1};
  }
};

TEST_P(StoreSuite, does_what_the_model_does) {
  const unsigned seed = std::random_device()();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  const auto below = [&](unsigned n) { return random() % n; };
  Model model;
  Told told;
  const Revision start = put("start", "");
  remove("start");
  const auto watch = MUST(store_->watch(all(), start + 1, told));
  std::size_t changes = 0;
  for (int step = 0; step < 300; ++step) {
    Transaction transaction;
    bool may = true;
    for (unsigned i = below(3); i > 0; --i) {
      const std::string name = key(std::to_string(below(8)));
      const auto entry = model.now.find(name);
      if (below(2) == 0) {
        transaction.conditions.push_back(Condition::absent(name));
        may &= entry == model.now.end();
      } else {
        const Revision revision = entry == model.now.end() || below(4) == 0 ? start : entry->second.modified;
        transaction.conditions.push_back(Condition::modified_at(name, revision));
        may &= entry != model.now.end() && entry->second.modified == revision;
      }
    }
    std::map<std::string, std::optional<std::string>> wanted;
    for (unsigned i = 1 + below(3); i > 0; --i)
      wanted[key(std::to_string(below(8)))] =
          below(3) == 0 ? std::nullopt : std::optional(std::to_string(step) + std::string(below(5000), 'x'));
    for (const auto& [name, value] : wanted)
      transaction.operations.push_back(value ? Operation::put(name, SharedBytes(*value))
                                             : Operation::remove(name));
    const CommitResult result = MUST(store_->commit(transaction));
    ASSERT_EQ(result.committed, may);
    if (may)
      for (const auto& [name, value] : wanted) {
        if (value) model.put(name, *value, result.revision);
        changes += value || model.now.contains(name) ? 1 : 0;
        if (!value) model.now.erase(name);
      }
    model.before[result.revision] = model.now;
  }
  const auto expect_same = [&](Revision revision, const std::map<std::string, Model::Entry>& expected) {
    const RangeResult range = MUST(store_->range({.keys = all(), .at = revision}));
    ASSERT_EQ(range.items.size(), expected.size());
    auto item = range.items.begin();
    for (const auto& [name, entry] : expected) {
      EXPECT_EQ(item->key, name);
      EXPECT_EQ(item->value.view(), entry.value);
      EXPECT_EQ(item->created, entry.created);
      EXPECT_EQ(item->modified, entry.modified);
      EXPECT_EQ(item->version, entry.version);
      ++item;
    }
  };
  expect_same(0, model.now);
  for (const auto& [revision, entries] : model.before) expect_same(revision, entries);
  // What was told, put together again, is what is there.
  told.wait_for(changes);
  std::map<std::string, std::string> rebuilt, expected;
  for (const Event& event : told.events())
    if (is_deletion(event))
      rebuilt.erase(event.key);
    else
      rebuilt[event.key] = event.value.view();
  for (const auto& [name, entry] : model.now) expected[name] = entry.value;
  EXPECT_EQ(rebuilt, expected);
  EXPECT_EQ(told.events().size(), changes);
}

GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(StoreSuite);

}  // namespace gantry::store
