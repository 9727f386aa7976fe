// SPDX-License-Identifier: Apache-2.0
//
// The objects of one moment of a collection by their values of one attribute: a map for each value. Not for
// several threads by itself; the maps that it gives are snapshots.
#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "kube/storage/attribute.h"
#include "kube/storage/history.h"
#include "kube/storage/object_map.h"

namespace gantry::kube {

class ValueIndex {
 public:
  // The attribute outlives it.
  ValueIndex(const Attribute& attribute, const ObjectMap& objects);

  // The moment after the change.
  void apply(const Change& change);

  // How many objects have one of the values (any, if there are none), about: whether they are below the
  // prefix is not asked of all of them.
  std::size_t count(const std::vector<std::string>& values, std::string_view prefix) const;
  ObjectMap objects(const std::vector<std::string>& values) const;

 private:
  std::vector<const ObjectMap*> maps_of(const std::vector<std::string>& values) const;
  void put(std::string_view value, const ObjectRef& object);
  void remove(std::string_view value, std::string_view path);

  const Attribute& attribute_;
  std::map<std::string, ObjectMap, std::less<>> objects_;  // none of them empty
  std::size_t size_ = 0;                                   // of all together
};

}  // namespace gantry::kube
