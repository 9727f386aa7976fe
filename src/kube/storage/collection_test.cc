// SPDX-License-Identifier: Apache-2.0
#include "kube/storage/collection.h"

#include <gtest/gtest.h>

#include <atomic>
#include <random>
#include <thread>

#include "kube/storage/test_storage.h"

namespace gantry::kube {
namespace {

using Time = Collection::Time;

const std::vector<SelectableField> kFields{{"spec.nodeName", {"spec", "nodeName"}, ""},
                                           {"spec.unschedulable", {"spec", "unschedulable"}, "false"}};

class Objects : public ::testing::Test {
 protected:
  explicit Objects(const std::vector<SelectableField>& fields = kFields) {
    pods_.restart({}, 1);
    pods_.add_fields(fields);
  }

  void put(const std::string& path, const std::string& text) {
    pods_.put(MUST(Object::make(path, text, ++revision_, pods_.fields()->paths)), Time{});
  }
  void remove(const std::string& path) { pods_.remove(path, ++revision_, Time{}); }

  Selection select(const std::string& labels, const std::string& fields = "", const std::string& in = "") {
    return MUST_ANSWER(Selection::make(in, MUST_ANSWER(LabelSelector::parse(labels)),
                                       MUST_ANSWER(FieldSelector::parse(fields)), pods_.fields()->fields));
  }
  // What a list finds; `looked_at`: of how many objects.
  std::vector<ObjectRef> search(const Selection& selection, std::size_t* looked_at = nullptr) {
    Search search(pods_.snapshot_for(selection).objects, selection);
    std::vector<ObjectRef> found;
    while (const ObjectRef* object = search.next()) found.push_back(*object);
    pods_.learn_from(search);
    if (looked_at != nullptr) *looked_at = search.found() + search.in_vain();
    return found;
  }
  std::size_t looks_at(const Selection& selection) {
    std::size_t looked_at = 0;
    (void)search(selection, &looked_at);
    return looked_at;
  }
  static std::vector<std::string> texts(const std::vector<ObjectRef>& objects) {
    std::vector<std::string> texts;
    for (const ObjectRef& object : objects)
      texts.push_back(fmt::format("{} {}", object->path(), object->json().view()));
    return texts;
  }

  Collection pods_{"pods"};
  store::Revision revision_ = 1;
};

class OneField : public Objects {
 protected:
  OneField() : Objects({kFields.front()}) {}
};

TEST_F(Objects, who_asks_again_looks_only_at_what_he_asks_for) {
  for (int i = 0; i < 1000; ++i)
    put(fmt::format("n{}/{}", i % 2, i),
        pod_text(i % 100 == 0 ? "rare" : "usual", fmt::format("m{}", i % 10)));
  const Selection by_label = select("app=rare");
  EXPECT_EQ(looks_at(by_label), 1000U) << "once may be once only";
  EXPECT_EQ(looks_at(by_label), 10U);
  put("n0/0", pod_text("usual"));
  EXPECT_EQ(looks_at(by_label), 9U);
  EXPECT_EQ(looks_at(select("app in (rare, none)", "", "n0")), 9U);
  EXPECT_EQ(looks_at(select("app=usual")), 991U);

  const Selection by_field = select("", "spec.nodeName=m7");
  looks_at(by_field);
  EXPECT_EQ(looks_at(by_field), 100U);
  EXPECT_EQ(looks_at(select("app=rare", "spec.nodeName=m7")), 9U) << "the one that leaves fewest";
  const Selection by_name = select("", "metadata.name=77");
  looks_at(by_name);
  EXPECT_EQ(looks_at(by_name), 1U);
  EXPECT_EQ(looks_at(select("app!=usual")), 1000U);
}

TEST_F(Objects, an_index_that_was_of_no_use_is_followed_by_another) {
  for (int i = 0; i < 1000; ++i)
    put(fmt::format("n/{}", i), fmt::format(R"({{"metadata":{{"labels":{{"all":"same","own":"{}"}}}}}})", i));
  const Selection selection = select("all=same,own=7");
  EXPECT_EQ(looks_at(selection), 1000U);
  EXPECT_EQ(looks_at(selection), 1000U);
  EXPECT_EQ(looks_at(selection), 1U);
}

TEST_F(Objects, what_nobody_asks_for_has_no_index) {
  const auto looks_at_all = [&](const std::string& selector) {
    for (int i = 0; i < 3; ++i) looks_at(select(selector));
    return looks_at(select(selector)) == 1000U;
  };
  for (int i = 0; i < 1000; ++i) put(fmt::format("n/{}", i), pod_text("web"));
  for (int key = 0; key < 8; ++key) EXPECT_FALSE(looks_at_all(fmt::format("key-{}", key)));
  EXPECT_TRUE(looks_at_all("another")) << "there are enough";
  pods_.forget_before(Time::max());
  EXPECT_FALSE(looks_at_all("another"));
}

TEST_F(OneField, that_comes_later_is_found_in_what_was_there) {
  for (int i = 0; i < 1000; ++i)
    put(fmt::format("n/{}", i),
        fmt::format(R"({{"metadata":{{"labels":{{"own":"{}"}}}},"spec":{{"unschedulable":true}}}})", i));
  const Selection before = select("own=7");
  looks_at(before);
  EXPECT_EQ(looks_at(before), 1U);
  pods_.keep(revision_, pods_.snapshot());
  pods_.add_fields(kFields);
  EXPECT_EQ(search(select("own=7", "spec.unschedulable=true")).size(), 1U);
  EXPECT_FALSE(pods_.kept_for(revision_, before));
}

// ---- Whatever happens, they find what a look at every object finds.

class RandomObjects : public OneField {
 protected:
  RandomObjects() { random_.seed(seed_); }

  unsigned pick(unsigned count) { return static_cast<unsigned>(random_()) % count; }
  std::string path() { return fmt::format("n{}/{}", pick(3), pick(300)); }
  std::string text() {
    std::string labels;
    for (int key = 0; key < 4; ++key)
      if (pick(3) != 0) labels += fmt::format(R"({}"k{}":"{}")", labels.empty() ? "" : ",", key, pick(8));
    const char* const kSpecs[] = {"", R"("nodeName":"m1")", R"("nodeName":"m\"2\"","unschedulable":true)",
                                  R"("unschedulable":false,"nodeName":"")"};
    return fmt::format(R"({{"metadata":{{"labels":{{{}}}}},"spec":{{{}}}}})", labels, kSpecs[pick(4)]);
  }
  Selection selection() {
    const std::string key = fmt::format("k{}", pick(4)), value = std::to_string(pick(9));
    const std::string kLabels[] = {"",
                                   key,
                                   "!" + key,
                                   key + "=" + value,
                                   key + "!=" + value,
                                   fmt::format("{} in ({},0,3)", key, value),
                                   key + ">5",
                                   fmt::format("k1={},k2 in (0,1,2),k3", value)};
    const std::string kSelectors[] = {"",
                                      "spec.nodeName=m1",
                                      "spec.nodeName=",
                                      "spec.nodeName=m\"2\"",
                                      "spec.nodeName!=m1",
                                      "metadata.name=7",
                                      "metadata.namespace=n1"};
    std::string fields = kSelectors[pick(7)];
    if (pods_.fields()->fields.size() == 2 && pick(3) == 0)
      fields += pick(2) == 0 ? ",spec.unschedulable=false" : ",spec.unschedulable=true";
    return select(kLabels[pick(8)], fields, pick(2) == 0 ? "" : fmt::format("n{}", pick(4)));
  }
  void change() {
    if (pick(4) == 0)
      remove(path());
    else
      put(path(), text());
  }
  void compare(const Selection& selection) {
    std::vector<ObjectRef> expected;
    const ObjectMap all = pods_.snapshot().objects;
    for (auto at = all.lower_bound(""); at != all.end(); at = all.next(at))
      if (selection.matches(*all.at(at))) expected.push_back(all.at(at));
    std::size_t looked_at = 0;
    ASSERT_EQ(texts(search(selection, &looked_at)), texts(expected));
    if (looked_at < all.count(selection.prefix())) ++narrowed_;
  }

  const unsigned seed_ = std::random_device()();
  std::mt19937 random_;
  int narrowed_ = 0;
};

TEST_F(RandomObjects, are_found_as_by_a_look_at_all_of_them) {
  SCOPED_TRACE(fmt::format("seed {}", seed_));
  for (int i = 0; i < 800; ++i) put(path(), text());
  for (int step = 0; step < 3000; ++step) {
    for (unsigned i = pick(8); i > 0; --i) change();
    if (pick(200) == 0) pods_.forget_before(Time::max());  // indexes, and what they would go along
    if (pick(300) == 0) pods_.tell_watches();
    if (pick(500) == 0) pods_.restart(pods_.snapshot().objects, revision_);
    if (step == 1500) pods_.add_fields(kFields);
    ASSERT_NO_FATAL_FAILURE(compare(selection()));
  }
  EXPECT_GT(narrowed_, 100) << "indexes were used";
}

TEST_F(RandomObjects, are_where_they_were_page_by_page) {
  SCOPED_TRACE(fmt::format("seed {}", seed_));
  for (int i = 0; i < 1000; ++i) put(path(), text());
  const Selection selection = select("k1=1");
  search(selection);
  search(selection);
  const Collection::Snapshot first = pods_.snapshot_for(selection);
  ASSERT_TRUE(first.part);
  const std::vector<std::string> expected = texts(search(selection));
  const store::Revision then = revision_;
  pods_.keep(then, first);
  for (int i = 0; i < 1000; ++i) change();
  ASSERT_TRUE(pods_.kept_for(then, selection));
  EXPECT_FALSE(pods_.kept_for(then, select("k1=2"))) << "it is a part, and not theirs";
  std::vector<ObjectRef> found;
  for (std::string after;; after = found.back()->path()) {
    Search search(pods_.kept_for(then, selection)->objects, selection, after);
    const ObjectRef* object = search.next();
    if (object == nullptr) break;
    found.push_back(*object);
  }
  EXPECT_EQ(texts(found), expected);
}

TEST_F(Objects, readers_see_each_of_them_once_while_they_change) {
  for (int i = 0; i < 600; ++i) put(fmt::format("n/{}", i), pod_text("a"));
  std::atomic<bool> is_done = false;
  std::vector<std::thread> readers;
  for (int reader = 0; reader < 2; ++reader)
    readers.emplace_back([&] {
      const Selection moving = select("app in (b, c)");
      while (!is_done) {
        const std::size_t found = search(moving).size();
        EXPECT_TRUE(found == 0 || found == 1) << found;
      }
    });
  for (int i = 0; i < 3000; ++i) {
    put("n/7", pod_text(i % 2 == 0 ? "b" : "c"));
    pods_.tell_watches();
  }
  is_done = true;
  for (std::thread& reader : readers) reader.join();
}

TEST_F(Objects, a_search_that_begins_behind_them_finds_nothing) {
  for (const char* path : {"a/1", "a/2", "b/1"}) put(path, pod_text("web"));
  const Selection of_a = select("", "", "a");
  EXPECT_EQ(Search(pods_.snapshot().objects, of_a, "z/1").next(), nullptr);
  EXPECT_EQ((*Search(pods_.snapshot().objects, of_a, "a/1").next())->path(), "a/2");
  EXPECT_EQ((*Search(pods_.snapshot().objects, of_a, "0").next())->path(), "a/1");
}

}  // namespace
}  // namespace gantry::kube
