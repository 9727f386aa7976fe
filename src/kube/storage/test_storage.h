// SPDX-License-Identifier: Apache-2.0
//
// For tests: objects on a store of their own.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "kube/storage/object_storage.h"
#include "store/embedded_store.h"
#include "testing/must.h"
#include "testing/temp_dir.h"

namespace gantry::kube {

// An Answer's value, or the test program stops. One may stand inside another.
#define MUST_ANSWER(expression) MUST_ANSWER_AS(GANTRY_UNIQUE(__COUNTER__), expression)
#define MUST_ANSWER_AS(answer, expression)                                       \
  ({                                                                             \
    auto answer = (expression);                                                  \
    if (!answer) {                                                               \
      std::fprintf(stderr, "%s:%d: %s\n  %s\n", __FILE__, __LINE__, #expression, \
                   answer.error()->message.c_str());                             \
      std::abort();                                                              \
    }                                                                            \
    ::gantry::detail_take_value(std::move(answer));                              \
  })

class TestStorage {
 public:
  explicit TestStorage(std::vector<StoredKind> kinds = {{"pods",
                                                         {{"spec.nodeName", {"spec", "nodeName"}, ""}}},
                                                        {"configmaps", {}}})
      : kinds_(std::move(kinds)) {
    open();
  }
  void open() {
    close();
    store_ = MUST(store::EmbeddedStore::open(dir_ / "store.db"));
    cache_ = MUST(ObjectCache::open(*store_, {.kinds = kinds_}));
    storage_ = std::make_unique<ObjectStorage>(*store_, *cache_, std::chrono::milliseconds(10));
  }
  void close() {
    storage_.reset();
    cache_.reset();
    store_.reset();
  }

  store::Store& store() { return *store_; }
  ObjectCache& cache() { return *cache_; }
  ObjectStorage& storage() { return *storage_; }
  Collection& pods() { return cache_->collection("pods"); }

 private:
  const std::vector<StoredKind> kinds_;
  testing::TempDir dir_;
  std::unique_ptr<store::EmbeddedStore> store_;
  std::unique_ptr<ObjectCache> cache_;
  std::unique_ptr<ObjectStorage> storage_;
};

inline std::string pod_text(const std::string& app, const std::string& node = "") {
  return fmt::format(
      R"({{"apiVersion":"v1","kind":"Pod","metadata":{{"labels":{{"app":"{}"}}}},"spec":{{"nodeName":"{}"}}}})",
      app, node);
}

// Takes from a stream until there is enough, as a connection would.
class TestWatcher {
 public:
  explicit TestWatcher(std::unique_ptr<WatchStream> stream) : stream_(std::move(stream)) {
    stream_->set_wake([this] {
      MutexLock lock(mutex_);
      is_awake_ = true;
      woken_.notify_one();
    });
  }

  // Waits for so many events, or for the end.
  const std::vector<WatchEvent>& wait_for(std::size_t count) {
    while (events_.size() < count && !has_ended_) {
      const std::size_t before = events_.size();
      has_ended_ = stream_->take(events_, 4000) == WatchStream::State::Ended;
      if (events_.size() == before && !has_ended_) sleep();
    }
    return events_;
  }
  const std::vector<WatchEvent>& wait_for_end() { return wait_for(SIZE_MAX); }
  bool has_ended() const { return has_ended_; }

 private:
  void sleep() {
    MutexLock lock(mutex_);
    while (!is_awake_) woken_.wait(mutex_);
    is_awake_ = false;
  }
  Mutex mutex_;  // guards what follows
  bool is_awake_ GUARDED_BY(mutex_) = false;
  CondVar woken_;

  bool has_ended_ = false;
  std::vector<WatchEvent> events_;
  std::unique_ptr<WatchStream> stream_;
};

}  // namespace gantry::kube
