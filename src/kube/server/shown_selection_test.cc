// SPDX-License-Identifier: Apache-2.0
#include "kube/server/shown_selection.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "kube/schema/versions.h"
#include "kube/server/test_verbs.h"

namespace gantry::kube {
namespace {

// Config maps of a version v2 that a webhook would make: what v1 says as data.size is data.big there, and a
// label.
class SizesAsLabels final : public Versions {
 public:
  const std::vector<const Resource*>& resources() const override { return resources_; }
  Answer<std::vector<json::Tree>> convert(std::vector<json::Tree> objects,
                                          std::string_view api_version) const override {
    for (json::Tree& object : objects) {
      const bool is_big = object.text_at("data", "size").size() > 1;
      object.object()["apiVersion"] = api_version;
      object.object()["data"].object()["big"] = is_big;
      object.object()["metadata"].object()["labels"].object()["big"] = is_big ? "yes" : "no";
    }
    return objects;
  }
  bool asks_others() const override { return true; }

 private:
  const std::vector<const Resource*> resources_;
};

class Shown : public ::testing::Test {
 protected:
  Shown() {
    resource_.kind.version = "v2";
    resource_.selectable_fields = {"data.big"};
    resource_.versions = std::make_shared<const SizesAsLabels>();
  }

  void put(const std::string& name, std::string_view size) {
    const std::string text =
        fmt::format(R"({{"metadata":{{"name":"{}"}},"data":{{"size":"{}"}}}})", name, size);
    if (code(test_.get("configmaps", name)) == 404)
      MUST_ANSWER(test_.create("configmaps", text));
    else
      MUST_ANSWER(test_.run(test_.request(Verb::Update, "configmaps", name, text)));
  }

  ApiRequest request(Verb verb) const {
    return {
        .user = user_, .verb = verb, .resource = resource_, .name_space = "default", .user_agent = "test"};
  }
  ApiRequest request(Verb verb, std::string fields, std::string labels = "") const {
    ApiRequest request = this->request(verb);
    request.read.field_selector = std::move(fields);
    request.read.label_selector = std::move(labels);
    return request;
  }
  ApiList list(const ApiRequest& request) const {
    return std::get<ApiList>(MUST_ANSWER(test_.run(request)).content);
  }
  static std::vector<std::string> names(const ApiList& list) {
    std::vector<std::string> names;
    for (const SharedBytes& item : list.items)
      names.emplace_back(MUST(json::Tree::parse(std::string(item.view()))).text_at("metadata", "name"));
    return names;
  }

  TestVerbs test_;
  const User user_{.name = "admin"};
  Resource resource_ = test_.resource("configmaps");
};

using Names = std::vector<std::string>;

TEST_F(Shown, a_list_is_selected_by_what_its_version_says) {
  for (const char* name : {"a", "b", "c"}) put(name, *name == 'b' ? "10" : "1");
  EXPECT_EQ(names(list(request(Verb::List, "data.big=true"))), (Names{"b"}));
  EXPECT_EQ(names(list(request(Verb::List, "data.big!=true"))), (Names{"a", "c"}));
  EXPECT_EQ(names(list(request(Verb::List, "", "big=no"))), (Names{"a", "c"}));
  EXPECT_EQ(names(list(request(Verb::List, "metadata.name=c", "big"))), (Names{"c"}));
  EXPECT_EQ(names(list(request(Verb::List, "metadata.name=c", "big=yes"))), Names());
  EXPECT_EQ(code(test_.run(request(Verb::List, "data.size=1"))), 400) << "v2 has no such field";
}

TEST_F(Shown, a_list_in_parts_goes_on_behind_what_was_selected) {
  for (int i = 0; i < 7; ++i) put(fmt::format("a{}", i), i % 3 == 0 ? "10" : "1");
  ApiRequest next = request(Verb::List, "data.big=true");
  next.read.limit = 2;
  const ApiList first = list(next);
  EXPECT_EQ(names(first), (Names{"a0", "a3"}));
  put("a6", "1");  // which the list does not show any more
  next.read.continue_token = first.continue_token;
  const ApiList second = list(next);
  EXPECT_EQ(names(second), (Names{"a6"}));
  EXPECT_EQ(second.revision, first.revision);
  EXPECT_EQ(second.continue_token, "");
}

TEST_F(Shown, a_watch_tells_what_comes_changes_and_goes_in_its_version) {
  put("a", "1");
  put("b", "10");
  TestWatcher watcher(MUST_ANSWER(test_.verbs().watch(request(Verb::Watch, "data.big=true"))));
  const auto told = [&](std::size_t count) {
    std::vector<std::pair<WatchEvent::Type, std::string>> all;
    for (const WatchEvent& event : watcher.wait_for(count)) {
      const json::Tree object = MUST(json::Tree::parse(std::string(event.object.view())));
      EXPECT_EQ(object.text_at("apiVersion"), "v2");
      all.emplace_back(event.type, fmt::format("{} {}", object.text_at("metadata", "name"),
                                               object.text_at("data", "size")));
    }
    return all;
  };
  using enum WatchEvent::Type;
  EXPECT_EQ(told(1).back(), std::pair(Added, std::string("b 10")));
  put("c", "1");  // is of nobody's concern
  put("a", "10");
  EXPECT_EQ(told(2).back(), std::pair(Added, std::string("a 10")));
  put("a", "11");
  EXPECT_EQ(told(3).back(), std::pair(Modified, std::string("a 11")));
  put("a", "2");
  EXPECT_EQ(told(4).back(), std::pair(Deleted, std::string("a 11"))) << "as it was last";
  MUST_ANSWER(test_.remove("configmaps", "a"));
  MUST_ANSWER(test_.remove("configmaps", "b"));
  EXPECT_EQ(told(5).back(), std::pair(Deleted, std::string("b 10")));
}

TEST_F(Shown, what_is_deleted_by_a_selection_is_what_a_list_would_show) {
  for (const char* name : {"a", "b", "c"}) put(name, *name == 'b' ? "10" : "1");
  EXPECT_EQ(names(list(request(Verb::DeleteCollection, "", "big=no"))), (Names{"a", "c"}));
  EXPECT_EQ(names(list(request(Verb::List, ""))), (Names{"b"}));
}

TEST_F(Shown, no_selection_is_made_anew_where_what_is_stored_tells) {
  EXPECT_FALSE(MUST_ANSWER(ShownSelection::of(request(Verb::List, "metadata.name=a"))));
  EXPECT_TRUE(MUST_ANSWER(ShownSelection::of(request(Verb::List, "data.big=true"))));
  resource_.kind = resource_.stored_kind;
  EXPECT_FALSE(MUST_ANSWER(ShownSelection::of(request(Verb::List, "data.big=true"))));
}

}  // namespace
}  // namespace gantry::kube
