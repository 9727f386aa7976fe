// SPDX-License-Identifier: Apache-2.0
#include "kube/storage/value_index.h"

#include <algorithm>
#include <utility>

namespace gantry::kube {

ValueIndex::ValueIndex(const Attribute& attribute, const ObjectMap& objects) : attribute_(attribute) {
  for (auto at = objects.lower_bound(""); at != objects.end(); at = objects.next(at))
    if (const auto value = attribute_.of(*objects.at(at))) put(*value, objects.at(at));
}

// ---- Changing

void ValueIndex::apply(const Change& change) {
  const auto before = change.value_before(attribute_);
  const auto now = change.value_now(attribute_);
  if (before && before != now) remove(*before, change.before->path());
  if (now) put(*now, change.object);
}

void ValueIndex::put(std::string_view value, const ObjectRef& object) {
  auto found = objects_.find(value);
  if (found == objects_.end()) found = objects_.emplace(value, ObjectMap()).first;
  if (!found->second.put(object)) ++size_;
}

void ValueIndex::remove(std::string_view value, std::string_view path) {
  const auto found = objects_.find(value);
  if (found == objects_.end() || !found->second.remove(path)) return;
  --size_;
  if (found->second.size() == 0) objects_.erase(found);
}

// ---- Reading

std::vector<const ObjectMap*> ValueIndex::maps_of(const std::vector<std::string>& values) const {
  std::vector<const ObjectMap*> maps;
  if (values.empty())
    for (const auto& [value, objects] : objects_) maps.push_back(&objects);
  for (const std::string& value : values)
    if (const auto found = objects_.find(value); found != objects_.end()) maps.push_back(&found->second);
  return maps;
}

std::size_t ValueIndex::count(const std::vector<std::string>& values, std::string_view prefix) const {
  if (values.empty()) return size_;
  std::size_t count = 0;
  for (const ObjectMap* objects : maps_of(values)) count += objects->count(prefix);
  return count;
}

// One map is as it is; of several the largest takes in the others.
ObjectMap ValueIndex::objects(const std::vector<std::string>& values) const {
  const std::vector<const ObjectMap*> maps = maps_of(values);
  const auto largest = std::ranges::max_element(maps, {}, &ObjectMap::size);
  if (largest == maps.end()) return {};
  ObjectMap united = **largest;
  for (const ObjectMap* objects : maps) {
    if (objects == *largest) continue;
    for (auto at = objects->lower_bound(""); at != objects->end(); at = objects->next(at))
      united.put(objects->at(at));
  }
  return united;
}

}  // namespace gantry::kube
