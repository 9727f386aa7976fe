// SPDX-License-Identifier: Apache-2.0
#include "kube/storage/indexes.h"

#include <algorithm>

namespace gantry::kube {

bool Indexes::are_made() const {
  return std::ranges::any_of(indexes_, [](const Index& index) { return index.values.has_value(); });
}

void Indexes::apply(std::span<const ChangeRef> changes) {
  for (Index& index : indexes_)
    if (index.values)
      for (const ChangeRef& change : changes) index.values->apply(*change);
  next_ += changes.size();
}

void Indexes::restart(History::Sequence next) {
  for (Index& index : indexes_) index.values.reset();
  next_ = next;
}

Indexes::Index* Indexes::find(const Attribute& attribute) {
  const auto found = std::ranges::find(indexes_, attribute, &Index::attribute);
  return found == indexes_.end() ? nullptr : &*found;
}

std::optional<Indexes::Part> Indexes::narrow(const ObjectMap& objects, std::string_view prefix,
                                             const std::vector<Term>& terms, Time now) {
  std::size_t least = objects.count(prefix);
  if (least <= kFew) return std::nullopt;
  Index* best = nullptr;
  const Term* best_term = nullptr;
  for (const Term& term : terms) {
    Index* index = find(term.attribute);
    if (index == nullptr) continue;
    if (!index->values) index->values.emplace(index->attribute, objects);
    const std::size_t count = index->values->count(term.values, prefix);
    if (count >= least) continue;
    least = count;
    best = index;
    best_term = &term;
  }
  if (best == nullptr) return std::nullopt;
  best->used = now;
  return Part{best->values->objects(best_term->values), *best_term};
}

void Indexes::learn_from(const Search& search, Time now) {
  if (!would_help(search)) return;
  // One term at a time: with its index it is seen whether that was enough.
  for (const Term& term : search.selection().terms()) {
    if (find(term.attribute) != nullptr) continue;
    if (indexes_.size() < kMost) indexes_.push_back({.attribute = term.attribute, .used = now});
    return;
  }
}

void Indexes::forget_unused_since(Time time) {
  std::erase_if(indexes_, [&](const Index& index) { return index.used < time; });
}

}  // namespace gantry::kube
