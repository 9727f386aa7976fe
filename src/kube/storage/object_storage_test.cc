// SPDX-License-Identifier: Apache-2.0
#include "kube/storage/object_storage.h"

#include <gtest/gtest.h>

#include <random>
#include <thread>

#include "kube/storage/continue_token.h"
#include "kube/storage/test_storage.h"

namespace gantry::kube {
namespace {

class Storage : public ::testing::Test {
 protected:
  store::Revision put(const std::string& path, const std::string& text, store::Revision expected = kAbsent) {
    const Written written = MUST_ANSWER(test_.storage().put(test_.pods(), path, expected, text));
    EXPECT_TRUE(written.is_done);
    return written.object->revision();
  }
  Selection select(const std::string& name_space, const char* labels = "", const char* fields = "") {
    return MUST_ANSWER(Selection::make(name_space, MUST_ANSWER(LabelSelector::parse(labels)),
                                       MUST_ANSWER(FieldSelector::parse(fields)),
                                       test_.pods().fields()->fields));
  }
  static std::string names(const std::vector<ObjectRef>& items) {
    std::string names;
    for (const ObjectRef& item : items) names += item->path() + " ";
    return names;
  }
  std::string list(const ListRequest& request) {
    return names(MUST_ANSWER(test_.storage().list(test_.pods(), request)).items);
  }
  int code(const ListRequest& request) { return test_.storage().list(test_.pods(), request).error()->code; }

  TestStorage test_;
};

TEST_F(Storage, what_is_written_is_there_with_its_revision) {
  const store::Revision revision = put("default/web", pod_text("web"));
  const ObjectRef found = MUST_ANSWER(test_.storage().get(test_.pods(), "default/web"));
  EXPECT_EQ(found->revision(), revision);
  EXPECT_NE(found->json().view().find(fmt::format(R"("resourceVersion":"{}")", revision)),
            std::string_view::npos);
  EXPECT_FALSE(MUST_ANSWER(test_.storage().get(test_.pods(), "default/other")));
  EXPECT_EQ(test_.storage().get(test_.pods(), "default/web", {.revision = revision + 1}).error()->reason,
            "Timeout");
}

TEST_F(Storage, writes_are_done_only_to_what_the_writer_has_seen) {
  const store::Revision first = put("a/x", pod_text("1"));
  EXPECT_FALSE(MUST_ANSWER(test_.storage().put(test_.pods(), "a/x", kAbsent, pod_text("2"))).is_done);
  const store::Revision second = put("a/x", pod_text("2"), first);
  const Written refused = MUST_ANSWER(test_.storage().put(test_.pods(), "a/x", first, pod_text("3")));
  EXPECT_FALSE(refused.is_done);
  EXPECT_EQ(refused.object->revision(), second);
  EXPECT_EQ(refused.object->label("app"), "2");
  EXPECT_FALSE(MUST_ANSWER(test_.storage().remove(test_.pods(), "a/x", first)).is_done);
  EXPECT_EQ(MUST_ANSWER(test_.storage().remove(test_.pods(), "a/x", second)).object->label("app"), "2");
  const Written gone = MUST_ANSWER(test_.storage().remove(test_.pods(), "a/x", second));
  EXPECT_FALSE(gone.is_done);
  EXPECT_FALSE(gone.object);
}

TEST_F(Storage, what_the_store_does_not_take_is_said_to_be_too_large) {
  const std::string large(store::kMaxValue, 'x');
  EXPECT_EQ(test_.storage().put(test_.pods(), "a/x", kAbsent, pod_text(large)).error()->code, 413);
}

TEST_F(Storage, everything_is_there_again_after_a_restart) {
  for (int turn = 0; turn < 50; ++turn) {
    store::Transaction many;
    for (int i = 0; i < 100; ++i)
      many.operations.push_back(store::Operation::put(
          test_.pods().key_of(fmt::format("n/{}", turn * 100 + i)), SharedBytes(pod_text("web", "n1"))));
    MUST(test_.store().commit(many));
  }
  const std::string before = list({});
  MUST_ANSWER(
      test_.storage().put(test_.cache().collection("example.com/widgets"), "n/w", kAbsent, pod_text("w")));
  test_.open();
  EXPECT_EQ(list({}), before);
  EXPECT_EQ(list({.selection = select("n", "app=web", "metadata.name=7,spec.nodeName=n1")}), "n/7 ");
  EXPECT_TRUE(test_.cache().collection("example.com/widgets").find("n/w"));
}

TEST_F(Storage, what_lasts_only_so_long_goes_by_itself) {
  MUST_ANSWER(test_.storage().put(test_.pods(), "a/x", kAbsent, pod_text("1"),
                                  {.time_to_live = std::chrono::seconds(1)}));
  put("a/y", pod_text("1"));
  while (list({}) != "a/y ") std::this_thread::yield();
}

TEST_F(Storage, lists_are_of_a_namespace_labels_and_fields) {
  put("a/1", pod_text("web", "n1"));
  put("a/2", pod_text("db", "n2"));
  put("a-b/1", pod_text("web"));
  put("b/1", pod_text("web", "n1"));
  EXPECT_EQ(list({}), "a-b/1 a/1 a/2 b/1 ");
  EXPECT_EQ(list({.selection = select("a")}), "a/1 a/2 ");
  EXPECT_EQ(list({.selection = select("", "app=web")}), "a-b/1 a/1 b/1 ");
  EXPECT_EQ(list({.selection = select("", "app!=web")}), "a/2 ");
  EXPECT_EQ(list({.selection = select("", "", "spec.nodeName=n1")}), "a/1 b/1 ");
  EXPECT_EQ(list({.selection = select("", "", "spec.nodeName=")}), "a-b/1 ");
  EXPECT_EQ(list({.selection = select("", "", "metadata.name=1,metadata.namespace!=a")}), "a-b/1 b/1 ");
  put("a/10", pod_text("web"));
  EXPECT_EQ(list({.selection = select("a", "", "metadata.name=1")}), "a/1 ");
  EXPECT_EQ(list({.selection = select("", "", "metadata.namespace=a,metadata.name=1")}), "a/1 ");
  EXPECT_EQ(list({.selection = select("", "", "metadata.namespace=a,metadata.name!=1")}), "a/10 a/2 ");
  EXPECT_EQ(Selection::make("", {}, MUST_ANSWER(FieldSelector::parse("spec.foo=1")), {}).error()->code, 400);
}

TEST_F(Storage, pages_show_one_moment_whatever_is_written_meanwhile) {
  for (int i = 0; i < 10; ++i) put(fmt::format("a/{}", i), pod_text("web"));
  ListResult page = MUST_ANSWER(test_.storage().list(test_.pods(), {.limit = 4}));
  EXPECT_EQ(page.remaining, 6U);
  const store::Revision revision = page.revision;
  std::string all = names(page.items);
  for (int round = 0; !page.continue_token.empty(); ++round) {
    put(fmt::format("a/{}{}", round, round), pod_text("web"));
    page =
        MUST_ANSWER(test_.storage().list(test_.pods(), {.limit = 4, .continue_token = page.continue_token}));
    EXPECT_EQ(page.revision, revision);
    all += names(page.items);
  }
  EXPECT_EQ(all, "a/0 a/1 a/2 a/3 a/4 a/5 a/6 a/7 a/8 a/9 ");
}

TEST_F(Storage, pages_of_a_selection_show_one_moment_too) {
  std::string expected;
  for (int turn = 10; turn < 20; ++turn) {
    store::Transaction many;
    for (int i = 0; i < 100; ++i)
      many.operations.push_back(store::Operation::put(test_.pods().key_of(fmt::format("a/{}{:02}", turn, i)),
                                                      SharedBytes(pod_text(i == 0 ? "db" : "web"))));
    MUST(test_.store().commit(many));
    expected += fmt::format("a/{}00 ", turn);
  }
  ListRequest request{.selection = select("", "app=db"), .limit = 3};
  // At first out of all objects, then out of an index.
  for (int round = 0; round < 4; ++round) {
    request.continue_token = {};
    ListResult page = MUST_ANSWER(test_.storage().list(test_.pods(), request));
    std::string all = names(page.items), written;
    while (!page.continue_token.empty()) {
      const std::string path = fmt::format("b/{}-{:03}", round, written.size());
      put(path, pod_text("db"));
      written += path + " ";
      request.continue_token = page.continue_token;
      page = MUST_ANSWER(test_.storage().list(test_.pods(), request));
      all += names(page.items);
    }
    EXPECT_EQ(all, expected);
    expected += written;
  }
}

TEST_F(Storage, a_token_of_another_list_does_no_harm) {
  put("a/1", pod_text("web"));
  const store::Revision last = put("z/1", pod_text("web"));
  const std::string token = ContinueToken{last, "z/0"}.text();
  EXPECT_EQ(list({.selection = select("a"), .continue_token = token}), "");
  put("z/2", pod_text("web"));
  EXPECT_EQ(list({.selection = select("a"), .continue_token = token}), "") << "out of the store";
}

TEST_F(Storage, a_state_that_has_passed_is_read_from_the_store_until_it_is_compacted) {
  const store::Revision first = put("a/1", pod_text("1"));
  put("a/2", pod_text("1"));
  const store::Revision last = put("a/3", pod_text("1"));
  const ListRequest then{.version = {.revision = first, .match = RevisionMatch::Exact}};
  EXPECT_EQ(list(then), "a/1 ");
  EXPECT_EQ(list({.version = {.revision = first}}), "a/1 a/2 a/3 ") << "not older than that";
  EXPECT_EQ(list({.version = {.revision = first}, .limit = 5}), "a/1 ") << "with a limit: just that";
  ListRequest page{.version = {.revision = first + 1, .match = RevisionMatch::Exact}, .limit = 1};
  page.continue_token = MUST_ANSWER(test_.storage().list(test_.pods(), page)).continue_token;
  page.version = {};
  MUST(test_.store().compact(last));
  EXPECT_EQ(code(then), 410);
  const auto expired = test_.storage().list(test_.pods(), page);
  EXPECT_EQ(expired.error()->code, 410);
  page.continue_token = expired.error()->continue_token;
  EXPECT_EQ(list(page), "a/2 ") << "what is left, as it is now";
  page.limit = 0;
  EXPECT_EQ(list(page), "a/2 a/3 ");
}

TEST_F(Storage, what_is_against_the_rules_of_revisions_is_refused) {
  EXPECT_EQ(code({.version = {.revision = 1}, .continue_token = "e30="}), 400);
  EXPECT_EQ(code({.continue_token = "nonsense"}), 400);
  EXPECT_EQ(code({.version = {.revision = 4711}}), 504);
  EXPECT_EQ(parse_revision("-1").error()->code, 400);
  EXPECT_EQ(parse_revision("a").error()->code, 400);
}

// ---- Watches

class Watching : public Storage {
 protected:
  std::unique_ptr<TestWatcher> watch(std::optional<store::Revision> revision, WatchOptions options = {},
                                     std::optional<bool> sends_initial = std::nullopt) {
    return std::make_unique<TestWatcher>(MUST_ANSWER(
        test_.storage().watch(test_.pods(), {.revision = revision}, sends_initial, std::move(options))));
  }
  // "ADDED web": type and label.
  static std::string text(const std::vector<WatchEvent>& events) {
    std::string text;
    for (const WatchEvent& event : events) {
      const json::Tree object = MUST(json::Tree::parse(std::string(event.object.view())));
      const std::string_view head = frame_head(event.type).view().substr(9);
      text +=
          fmt::format("{} {}, ", head.substr(0, head.find('"')), object.text_at("metadata", "labels", "app"));
    }
    return text;
  }
};

TEST_F(Watching, a_watch_tells_what_comes_after_a_revision) {
  const store::Revision first = put("a/x", pod_text("1"));
  const store::Revision second = put("a/x", pod_text("2"), first);
  const auto watcher = watch(first);
  EXPECT_EQ(text(watcher->wait_for(1)), "MODIFIED 2, ");
  MUST_ANSWER(test_.storage().remove(test_.pods(), "a/x", second));
  put("a/y", pod_text("3"));
  const auto& events = watcher->wait_for(3);
  EXPECT_EQ(text(events), "MODIFIED 2, DELETED 2, ADDED 3, ");
  const json::Tree gone = MUST(json::Tree::parse(std::string(events[1].object.view())));
  EXPECT_EQ(gone.text_at("metadata", "resourceVersion"), std::to_string(second + 1));
}

TEST_F(Watching, what_leaves_a_selection_is_gone_and_what_enters_is_new) {
  const auto watcher = watch(std::nullopt, {.selection = select("a", "app=web")});
  const store::Revision first = put("a/x", pod_text("db"));
  put("b/x", pod_text("web"));
  const store::Revision second = put("a/x", pod_text("web"), first);
  const store::Revision third = put("a/x", pod_text("db"), second);
  put("a/x", pod_text("other"), third);
  put("a/y", pod_text("web"));
  const auto& events = watcher->wait_for(3);
  EXPECT_EQ(text(events), "ADDED web, DELETED web, ADDED web, ");
  const json::Tree left = MUST(json::Tree::parse(std::string(events[1].object.view())));
  EXPECT_EQ(left.text_at("metadata", "resourceVersion"), std::to_string(third));
}

TEST_F(Watching, a_list_can_be_streamed) {
  put("a/1", pod_text("1"));
  const store::Revision last = put("a/2", pod_text("2"));
  const auto watcher = watch(std::nullopt, {.has_bookmarks = true, .api_version = "v1", .kind = "Pod"}, true);
  const auto& events = watcher->wait_for(3);
  EXPECT_EQ(text(events), "ADDED 1, ADDED 2, BOOKMARK , ");
  EXPECT_EQ(
      events[2].object.view(),
      fmt::format(
          R"({{"kind":"Pod","apiVersion":"v1","metadata":{{"resourceVersion":"{}","creationTimestamp":null,)"
          R"("annotations":{{"k8s.io/initial-events-end":"true"}}}}}})",
          last));
  put("a/3", pod_text("3"));
  EXPECT_EQ(text(watcher->wait_for(4)), "ADDED 1, ADDED 2, BOOKMARK , ADDED 3, ");
}

TEST_F(Watching, without_a_revision_what_is_there_comes_first) {
  put("a/1", pod_text("1"));
  EXPECT_EQ(text(watch(0)->wait_for(1)), "ADDED 1, ");
  EXPECT_EQ(text(watch(std::nullopt)->wait_for(1)), "ADDED 1, ");
  const auto later = watch(std::nullopt, {}, false);
  put("a/2", pod_text("2"));
  EXPECT_EQ(text(later->wait_for(1)), "ADDED 2, ");
}

TEST_F(Watching, its_time_ends_it_with_a_bookmark) {
  const store::Revision revision = put("a/1", pod_text("1"));
  const store::Revision last =
      MUST(test_.store().commit({.operations = {store::Operation::put("/elsewhere", SharedBytes("1"))}}))
          .revision;
  ASSERT_TRUE(test_.cache().wait_for(last, std::chrono::seconds(60)));
  const auto watcher = watch(revision, {.has_bookmarks = true, .time = std::chrono::milliseconds(1)});
  const auto& events = watcher->wait_for_end();
  ASSERT_EQ(events.size(), 1U);
  EXPECT_EQ(events[0].type, WatchEvent::Type::Bookmark);
  EXPECT_NE(events[0].object.view().find(std::to_string(last)), std::string_view::npos);
}

TEST_F(Watching, who_knows_too_little_is_told_so) {
  store::Revision revision = put("a/x", pod_text("1"));
  const store::Revision first = revision;
  const auto slow = watch(first);
  const std::string large(1 << 20, 'x');
  for (int i = 0; i < 20; ++i) revision = put("a/x", pod_text(large), revision);
  const auto& events = slow->wait_for_end();
  ASSERT_FALSE(events.empty());
  EXPECT_EQ(events.back().type, WatchEvent::Type::Error);
  EXPECT_NE(events.back().object.view().find(R"("code":410)"), std::string_view::npos);
  const auto again = test_.storage().watch(test_.pods(), {.revision = first}, std::nullopt, {});
  ASSERT_FALSE(again) << "more than a client wants to go through";
  EXPECT_EQ(again.error()->code, 410);
}

TEST_F(Watching, a_watch_goes_on_where_it_was_when_the_server_was_started_anew) {
  const store::Revision first = put("a/x", pod_text("1"));
  put("a/y", pod_text("web"));
  const store::Revision third = put("a/x", pod_text("web"), first);
  const store::Revision fourth = put("a/x", pod_text("2"), third);
  MUST_ANSWER(test_.storage().remove(test_.pods(), "a/x", fourth));
  test_.open();
  put("a/z", pod_text("3"));
  EXPECT_EQ(text(watch(first)->wait_for(5)), "ADDED web, MODIFIED web, MODIFIED 2, DELETED 2, ADDED 3, ");
  EXPECT_EQ(text(watch(first, {.selection = select("a", "app=web")})->wait_for(3)),
            "ADDED web, ADDED web, DELETED web, ");
  EXPECT_EQ(text(watch(fourth)->wait_for(2)), "DELETED 2, ADDED 3, ");
  MUST(test_.store().compact(fourth));
  EXPECT_EQ(test_.storage().watch(test_.pods(), {.revision = first}, std::nullopt, {}).error()->code, 410);
}

TEST_F(Watching, many_writers_and_watchers_agree) {
  constexpr int kWriters = 4, kWrites = 300;
  const Selection selections[] = {select(""), select("n1"), select("", "", "spec.nodeName=m1"),
                                  select("n1", "app!=other", "spec.nodeName=m1")};
  std::vector<std::unique_ptr<TestWatcher>> watchers;
  for (std::size_t i = 0; i < 8; ++i)
    watchers.push_back(watch(std::nullopt, {.selection = selections[i % 4]}));
  std::vector<std::thread> threads;
  std::vector<std::map<std::string, std::string>> seen(watchers.size());
  // The last thing that all of them are told of.
  const auto is_end = [](const std::map<std::string, std::string>& state) {
    return state.contains("n1/end");
  };
  for (std::size_t i = 0; i < watchers.size(); ++i)
    threads.emplace_back([&, i] {
      std::size_t done = 0;
      while (!is_end(seen[i])) {
        const auto& events = watchers[i]->wait_for(done + 1);
        for (; done < events.size(); ++done) {
          const json::Tree object = MUST(json::Tree::parse(std::string(events[done].object.view())));
          const std::string path(object.text_at("metadata", "labels", "app"));
          const bool was = seen[i].contains(path);
          EXPECT_EQ(events[done].type == WatchEvent::Type::Added, !was) << path;
          if (events[done].type == WatchEvent::Type::Deleted)
            seen[i].erase(path);
          else
            seen[i][path] = object.text_at("metadata", "resourceVersion");
        }
      }
    });
  std::vector<std::thread> writers;
  for (int writer = 0; writer < kWriters; ++writer)
    writers.emplace_back([&, writer] {
      std::mt19937 random(static_cast<unsigned>(writer));
      for (int i = 0; i < kWrites; ++i) {
        const std::string path = fmt::format("n{}/{}", random() % 2, random() % 20);
        const ObjectRef now = test_.pods().find(path);
        if (now && random() % 3 == 0)
          MUST_ANSWER(test_.storage().remove(test_.pods(), path, now->revision()));
        else
          MUST_ANSWER(test_.storage().put(test_.pods(), path, now ? now->revision() : kAbsent,
                                          pod_text(path, fmt::format("m{}", random() % 3))));
      }
    });
  for (std::thread& writer : writers) writer.join();
  put("n1/end", pod_text("n1/end", "m1"));
  for (std::thread& thread : threads) thread.join();
  for (std::size_t i = 0; i < seen.size(); ++i) {
    std::map<std::string, std::string> there;
    const ListRequest request{.selection = selections[i % 4]};
    for (const ObjectRef& item : MUST_ANSWER(test_.storage().list(test_.pods(), request)).items)
      there[item->path()] = std::to_string(item->revision());
    EXPECT_EQ(seen[i], there);
  }
}

}  // namespace
}  // namespace gantry::kube
