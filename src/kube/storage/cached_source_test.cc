// SPDX-License-Identifier: Apache-2.0
#include "kube/storage/cached_source.h"

#include <gtest/gtest.h>

#include "kube/storage/compactor.h"
#include "kube/storage/test_storage.h"

namespace gantry::kube {
namespace {

// What a follower was told, put together.
class Told {
 public:
  std::function<void(const ObjectChange&)> tell() {
    return [this](const ObjectChange& change) {
      MutexLock lock(mutex_);
      const std::string path = object_path(change.name_space, change.name);
      if (change.object == nullptr)
        state_.erase(path);
      else
        state_[path] = change.object->text_at("metadata", "labels", "app");
      changed_.notify_all();
    };
  }
  void wait_until(const std::map<std::string, std::string>& expected) {
    MutexLock lock(mutex_);
    while (state_ != expected) changed_.wait(mutex_);
  }
  std::map<std::string, std::string> state() {
    MutexLock lock(mutex_);
    return state_;
  }

 private:
  Mutex mutex_;  // guards what follows
  std::map<std::string, std::string> state_ GUARDED_BY(mutex_);
  CondVar changed_;
};

TEST(CachedSource, gives_and_follows_objects_as_trees) {
  TestStorage test;
  const auto put = [&](const char* path, store::Revision expected, const char* app) {
    return MUST_ANSWER(test.storage().put(test.pods(), path, expected, pod_text(app))).object->revision();
  };
  const store::Revision first = put("a/x", kAbsent, "1");
  put("b/y", kAbsent, "2");
  CachedSource source(test.cache());
  EXPECT_EQ(source.get("pods", "a", "x")->text_at("metadata", "labels", "app"), "1");
  EXPECT_FALSE(source.get("pods", "a", "y"));
  EXPECT_EQ(source.list("pods", "").size(), 2U);
  EXPECT_EQ(source.list("pods", "a").size(), 1U);

  Told told;
  auto follower = source.follow("pods", told.tell());
  EXPECT_EQ(told.state(), (std::map<std::string, std::string>{{"a/x", "1"}, {"b/y", "2"}}));
  const store::Revision second = put("a/x", first, "3");
  put("c/z", kAbsent, "4");
  MUST_ANSWER(test.storage().remove(test.pods(), "a/x", second));
  told.wait_until({{"b/y", "2"}, {"c/z", "4"}});
  follower.reset();
  put("d/d", kAbsent, "5");
  EXPECT_FALSE(told.state().contains("d/d"));
}

TEST(CachedSource, what_is_not_selected_is_told_as_gone) {
  TestStorage test;
  const store::Revision first =
      MUST_ANSWER(test.storage().put(test.pods(), "a/x", kAbsent, pod_text("1"))).object->revision();
  MUST_ANSWER(test.storage().put(test.pods(), "a/y", kAbsent, pod_text("2", "n1")));
  CachedSource source(test.cache());
  Told told;
  const auto follower = source.follow_selected("pods", FieldSelector::has("spec.nodeName"), told.tell());
  EXPECT_EQ(told.state(), (std::map<std::string, std::string>{{"a/y", "2"}}));
  MUST_ANSWER(test.storage().put(test.pods(), "a/x", first, pod_text("3", "n1")));
  told.wait_until({{"a/x", "3"}, {"a/y", "2"}});
}

TEST(Compactor, forgets_what_was_before_the_time_before) {
  TestStorage test;
  const store::Revision first =
      MUST_ANSWER(test.storage().put(test.pods(), "a/x", kAbsent, pod_text("1"))).object->revision();
  const store::Revision second =
      MUST_ANSWER(test.storage().put(test.pods(), "a/x", first, pod_text("2"))).object->revision();
  const Compactor compactor(test.store(), test.cache(), nullptr, std::chrono::milliseconds(1));
  while (test.store().get("/registry/pods/a/x", first)) {
  }
  EXPECT_TRUE(test.store().get("/registry/pods/a/x", second));
}

}  // namespace
}  // namespace gantry::kube
