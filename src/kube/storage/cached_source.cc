// SPDX-License-Identifier: Apache-2.0
#include "kube/storage/cached_source.h"

#include <cstdlib>

namespace gantry::kube {
namespace {

// What the cache has is JSON.
json::Tree tree_of(const Object& object) {
  auto tree = json::Tree::parse(std::string(object.json().view()), kStoredLimits);
  return tree ? *std::move(tree) : json::Tree();
}

class Follower final : public ObjectFollower, public Collection::Listener {
 public:
  Follower(Collection& collection, Selection selection, TellOfChange tell)
      : collection_(collection), selection_(std::move(selection)), tell_(std::move(tell)) {
    collection_.add_listener(*this);  // which calls on_changes() the first time
  }
  ~Follower() override { collection_.remove_listener(*this); }

  void on_changes() override {
    Collection::Snapshot now = collection_.snapshot();
    const auto changes = collection_.changes_from(next_, now.sequence - next_);
    if (next_ != 0 && changes)
      for (const ChangeRef& change : *changes) tell(*change->object, change->kind == Change::Kind::Deleted);
    else
      tell_difference(now.objects);
    told_ = std::move(now.objects);
    next_ = now.sequence;
  }

 private:
  void tell(const Object& object, bool is_gone) {
    const bool is_there = !is_gone && selection_.matches(object);
    const json::Tree tree = is_there ? tree_of(object) : json::Tree();
    tell_({.name_space = object.name_space(), .name = object.name(), .object = is_there ? &tree : nullptr});
  }

  // At the start, and when changes were forgotten: both maps have the same order.
  void tell_difference(const ObjectMap& now) {
    auto old_at = told_.lower_bound("");
    auto new_at = now.lower_bound("");
    while (old_at != told_.end() || new_at != now.end()) {
      const Object* before = old_at == told_.end() ? nullptr : told_.at(old_at).get();
      const Object* after = new_at == now.end() ? nullptr : now.at(new_at).get();
      const bool is_gone = after == nullptr || (before != nullptr && before->path() < after->path());
      const bool is_same = before != nullptr && after != nullptr && before->path() == after->path();
      if (is_gone)
        tell(*before, true);
      else if (!is_same || before->revision() != after->revision())
        tell(*after, false);
      if (is_gone || is_same) old_at = told_.next(old_at);
      if (!is_gone) new_at = now.next(new_at);
    }
  }

  Collection& collection_;
  const Selection selection_;
  const TellOfChange tell_;
  ObjectMap told_;
  History::Sequence next_ = 0;  // 0: nothing was told yet
};

}  // namespace

std::optional<json::Tree> CachedSource::get(std::string_view stored_as, std::string_view name_space,
                                            std::string_view name) const {
  const ObjectRef object = cache_.collection(stored_as).find(object_path(name_space, name));
  if (!object) return std::nullopt;
  return tree_of(*object);
}

std::vector<json::Tree> CachedSource::list(std::string_view stored_as, std::string_view name_space) const {
  const ObjectMap objects = cache_.collection(stored_as).snapshot().objects;
  const std::string prefix = name_space.empty() ? std::string() : object_path(name_space, "");
  std::vector<json::Tree> trees;
  const auto end = objects.end_of_prefix(prefix);
  for (auto at = objects.lower_bound(prefix); at != end; at = objects.next(at))
    trees.push_back(tree_of(*objects.at(at)));
  return trees;
}

std::unique_ptr<ObjectFollower> CachedSource::follow_selected(std::string_view stored_as,
                                                              FieldSelector selector, TellOfChange tell) {
  Collection& collection = cache_.collection(stored_as);
  auto selection = Selection::make("", LabelSelector(), selector, collection.fields()->fields);
  if (!selection) std::abort();  // a field that this kind does not have: a mistake of whoever follows
  return std::make_unique<Follower>(collection, *std::move(selection), std::move(tell));
}

}  // namespace gantry::kube
