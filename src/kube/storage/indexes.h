// SPDX-License-Identifier: Apache-2.0
//
// What selected lists are answered from instead of all objects: the few indexes of a collection that somebody
// uses. One is made for who has looked at many objects in vain and comes again, and goes when nobody asks for
// it. Writes do nothing for them: all are brought along the collection's changes when they are asked, so what
// they give is exactly of the moment that is asked for. Not for several threads by itself.
#pragma once

#include <chrono>
#include <cstddef>
#include <list>
#include <optional>
#include <span>
#include <vector>

#include "kube/storage/history.h"
#include "kube/storage/object_map.h"
#include "kube/storage/search.h"
#include "kube/storage/value_index.h"

namespace gantry::kube {

class Indexes {
 public:
  using Time = History::Time;

  // Looking at so many objects costs less than to find out how not to.
  static constexpr std::size_t kFew = 256;

  // ---- The moment that they show

  // The first change that they do not show.
  History::Sequence next() const { return next_; }
  // Whether a change makes a difference to them.
  bool are_made() const;
  // Those that are next.
  void apply(std::span<const ChangeRef> changes);
  // From now on they are of the moment before `next`, and what they had is forgotten.
  void restart(History::Sequence next);

  // ---- Asking

  // Some objects, and what they all have.
  struct Part {
    ObjectMap objects;
    Term has;
  };
  // Those of `objects`, which is everything at their moment, among which all are that have the terms and are
  // below the prefix. Nothing if there are not much fewer of them.
  std::optional<Part> narrow(const ObjectMap& objects, std::string_view prefix,
                             const std::vector<Term>& terms, Time now);
  // Whether it has looked at many objects in vain.
  static bool would_help(const Search& search) { return search.in_vain() > search.found() + kFew; }
  void learn_from(const Search& search, Time now);
  void forget_unused_since(Time time);

 private:
  static constexpr std::size_t kMost = 8;

  struct Index {
    const Attribute attribute;
    Time used;
    std::optional<ValueIndex> values;  // nothing until somebody asks a second time
  };
  Index* find(const Attribute& attribute);

  std::list<Index> indexes_;
  History::Sequence next_ = 0;
};

}  // namespace gantry::kube
