// SPDX-License-Identifier: Apache-2.0
//
// Goes over the objects of a map and finds those that are selected, in the order of their paths. Counts what
// it has looked at, so that a collection learns which searches are worth an index (indexes.h).
#pragma once

#include <cstddef>
#include <string_view>

#include "kube/storage/object_map.h"
#include "kube/storage/selection.h"

namespace gantry::kube {

class Search {
 public:
  // Behind the path `after`. The selection outlives it.
  Search(ObjectMap objects, const Selection& selection, std::string_view after = "");

  // Null: there is none any more.
  const ObjectRef* next();
  // How many objects were not looked at yet.
  std::size_t left() const { return objects_.count(at_, end_); }

  const Selection& selection() const { return selection_; }
  std::size_t found() const { return found_; }
  std::size_t in_vain() const { return in_vain_; }  // looked at, and not selected

 private:
  const ObjectMap objects_;
  const Selection& selection_;
  const ObjectMap::Position end_;
  ObjectMap::Position at_;
  std::size_t found_ = 0;
  std::size_t in_vain_ = 0;
};

}  // namespace gantry::kube
