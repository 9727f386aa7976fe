// SPDX-License-Identifier: Apache-2.0
//
// Objects as this server has them, out of memory: what authorisation, admission and quotas look at.
// Kinds are named by where they are stored (Resource::stored_as), so the objects are of the stored version.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/json_tree.h"
#include "kube/api/selector.h"

namespace gantry::kube {

struct ObjectChange {
  std::string_view name_space;  // empty: it has none
  std::string_view name;
  const json::Tree* object = nullptr;  // as it is now; null: it has gone
};

// Until it goes away, somebody is told of changes; afterwards he is not any more.
class ObjectFollower {
 public:
  virtual ~ObjectFollower() = default;
};

using TellOfChange = std::function<void(const ObjectChange&)>;

// All calls are for any thread.
class ObjectSource {
 public:
  virtual ~ObjectSource() = default;

  // `name_space`: empty for kinds without. What other servers have just written may be missing for a moment.
  virtual std::optional<json::Tree> get(std::string_view stored_as, std::string_view name_space,
                                        std::string_view name) const = 0;
  // `name_space`: empty for all.
  virtual std::vector<json::Tree> list(std::string_view stored_as, std::string_view name_space) const = 0;
  // Every object that is there, before this returns, then every change, in order, by one thread at a time.
  // `tell` is quick and does not call this source.
  std::unique_ptr<ObjectFollower> follow(std::string_view stored_as, TellOfChange tell) {
    return follow_selected(stored_as, FieldSelector(), std::move(tell));
  }
  // The same, but what is not selected is told as gone, and no tree is made of it: for kinds of which there
  // are many. By fields that the kind has.
  virtual std::unique_ptr<ObjectFollower> follow_selected(std::string_view stored_as, FieldSelector selector,
                                                          TellOfChange tell) = 0;
};

}  // namespace gantry::kube
