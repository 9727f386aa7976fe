// SPDX-License-Identifier: Apache-2.0
//
// Objects for tests: an ObjectSource that a test fills.
#pragma once

#include <algorithm>
#include <cstdlib>
#include <map>
#include <string>
#include <tuple>

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
  std::unique_ptr<ObjectFollower> follow(std::string_view stored_as,
                                         std::function<void(const ObjectChange&)> to_tell) override {
    for (const auto& [key, object] : objects_)
      if (std::get<0>(key) == stored_as) to_tell({std::get<1>(key), std::get<2>(key), &object});
    return std::make_unique<Follower>(*this, std::string(stored_as), std::move(to_tell));
  }

 private:
  struct Follower final : ObjectFollower {
    Follower(TestObjects& of, std::string kind, std::function<void(const ObjectChange&)> to_tell)
        : objects(of), stored_as(std::move(kind)), tell(std::move(to_tell)) {
      objects.followers_.push_back(this);
    }
    ~Follower() override { std::erase(objects.followers_, this); }
    TestObjects& objects;
    std::string stored_as;
    std::function<void(const ObjectChange&)> tell;
  };

  void tell(const std::string& stored_as, const ObjectChange& change) {
    for (const Follower* follower : followers_)
      if (follower->stored_as == stored_as) follower->tell(change);
  }

  std::map<std::tuple<std::string, std::string, std::string>, json::Tree> objects_;
  std::vector<Follower*> followers_;
};

}  // namespace gantry::kube::testing
