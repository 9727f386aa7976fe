// SPDX-License-Identifier: Apache-2.0
#include "kube/storage/search.h"

#include <algorithm>

namespace gantry::kube {

static ObjectMap::Position first_behind(const ObjectMap& objects, std::string_view prefix,
                                        std::string_view after) {
  const std::string first = after.empty() ? std::string() : std::string(after) + '\0';
  return objects.lower_bound(std::max<std::string_view>(first, prefix));
}

Search::Search(ObjectMap objects, const Selection& selection, std::string_view after)
    : objects_(std::move(objects)),
      selection_(selection),
      end_(objects_.end_of_prefix(selection.prefix())),
      // Clients say where they go on, and may say anything.
      at_(std::min(first_behind(objects_, selection.prefix(), after), end_)) {}

const ObjectRef* Search::next() {
  while (at_ != end_) {
    const ObjectRef& object = objects_.at(at_);
    at_ = objects_.next(at_);
    if (selection_.is_of_all() || selection_.matches(*object)) {
      ++found_;
      return &object;
    }
    ++in_vain_;
  }
  return nullptr;
}

}  // namespace gantry::kube
