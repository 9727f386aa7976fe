// SPDX-License-Identifier: Apache-2.0
//
// Objects for tests: an ObjectSource that a test fills.
#pragma once

#include <algorithm>
#include <cstdlib>
#include <map>
#include <string>
#include <tuple>

#include "base/split.h"
#include "kube/api/object_source.h"

namespace gantry::kube::testing {

class TestObjects final : public ObjectSource {
 public:
  // JSON with metadata.name, and metadata.namespace if it has one.
  void put(const std::string& stored_as, const std::string& text) {
    auto parsed = json::Tree::parse(text);
    if (!parsed) std::abort();  // the test has a mistake
    json::Tree object = *std::move(parsed);
    const std::string name_space(object.text_at("metadata", "namespace")),
        name(object.text_at("metadata", "name"));
    json::Tree& kept = objects_[{stored_as, name_space, name}] = std::move(object);
    tell(stored_as, {name_space, name, &kept});
  }
  void remove(const std::string& stored_as, const std::string& name_space, const std::string& name) {
    if (objects_.erase({stored_as, name_space, name}) != 0) tell(stored_as, {name_space, name, nullptr});
  }

  std::optional<json::Tree> get(std::string_view stored_as, std::string_view name_space,
                                std::string_view name) const override {
    const auto found = objects_.find({std::string(stored_as), std::string(name_space), std::string(name)});
    return found == objects_.end() ? std::nullopt : std::optional(found->second);
  }
  std::vector<json::Tree> list(std::string_view stored_as, std::string_view name_space) const override {
    std::vector<json::Tree> found;
    for (const auto& [key, object] : objects_)
      if (std::get<0>(key) == stored_as && (name_space.empty() || std::get<1>(key) == name_space))
        found.push_back(object);
    return found;
  }
  std::unique_ptr<ObjectFollower> follow_selected(std::string_view stored_as, FieldSelector selector,
                                                  TellOfChange to_tell) override {
    auto follower =
        std::make_unique<Follower>(*this, std::string(stored_as), std::move(selector), std::move(to_tell));
    for (const auto& [key, object] : objects_)
      if (std::get<0>(key) == stored_as) follower->take({std::get<1>(key), std::get<2>(key), &object});
    return follower;
  }

 private:
  struct Follower final : ObjectFollower {
    Follower(TestObjects& of, std::string kind, FieldSelector which, TellOfChange to_tell)
        : objects(of), stored_as(std::move(kind)), selector(std::move(which)), tell(std::move(to_tell)) {
      objects.followers_.push_back(this);
    }
    ~Follower() override { std::erase(objects.followers_, this); }
    void take(ObjectChange change) const {
      const auto text_of = [&](std::string_view field) {
        const json::Tree* found = change.object;
        for (const std::string_view word : split(field, '.'))
          if (found != nullptr) found = found->find(word);
        return found == nullptr ? std::string_view() : found->as_string();
      };
      if (!selector.matches_by(text_of)) change.object = nullptr;
      tell(change);
    }
    TestObjects& objects;
    std::string stored_as;
    FieldSelector selector;
    TellOfChange tell;
  };

  void tell(const std::string& stored_as, const ObjectChange& change) {
    for (const Follower* follower : followers_)
      if (follower->stored_as == stored_as) follower->take(change);
  }

  std::map<std::tuple<std::string, std::string, std::string>, json::Tree> objects_;
  std::vector<Follower*> followers_;
};

}  // namespace gantry::kube::testing
