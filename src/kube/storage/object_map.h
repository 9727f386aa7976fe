// SPDX-License-Identifier: Apache-2.0
//
// Objects by their paths, in the order of the paths' bytes. A copy is a snapshot and costs one count: parts
// that two maps share are copied by whoever changes one of them, and only when he does.
//
// Two levels: a sorted list of chunks of some hundred objects. A change copies at most one chunk and the list
// of chunks, once for each snapshot that was taken in between.
#pragma once

#include <compare>
#include <cstddef>
#include <string_view>
#include <vector>

#include "kube/storage/counted.h"
#include "kube/storage/object.h"

namespace gantry::kube {

class ObjectMap {
 public:
  ObjectMap();

  // What was there before; null: nothing.
  ObjectRef put(ObjectRef object);
  ObjectRef remove(std::string_view path);

  // Null if there is none.
  const Object* find(std::string_view path) const;
  std::size_t size() const { return root_->size; }

  // Where an object stands; valid as long as a map that it was asked of is not changed.
  struct Position {
    std::size_t chunk = 0;
    std::size_t index = 0;
    friend auto operator<=>(const Position&, const Position&) = default;
  };
  // The first object whose path does not stand before `path`; end() if there is none.
  Position lower_bound(std::string_view path) const;
  // The first object behind all whose paths begin with `prefix`.
  Position end_of_prefix(std::string_view prefix) const;
  Position end() const { return {root_->chunks.size(), 0}; }
  const ObjectRef& at(Position position) const { return (*root_->chunks[position.chunk])[position.index]; }
  Position next(Position position) const;
  // How many there are from one to the other, or below a prefix.
  std::size_t count(Position from, Position to) const;
  std::size_t count(std::string_view prefix) const {
    return count(lower_bound(prefix), end_of_prefix(prefix));
  }

 private:
  static constexpr std::size_t kMaxChunk = 256;

  struct Chunk : Counted, std::vector<ObjectRef> {};
  struct Root : Counted {
    std::vector<Ref<Chunk>> chunks;  // none of them empty
    std::size_t size = 0;
  };
  std::size_t chunk_of(std::string_view path) const;
  Position found_or_next(Position position) const;
  Root& own_root();
  Chunk& own_chunk(std::size_t index);
  void split(std::size_t index);

  Ref<Root> root_;
};

}  // namespace gantry::kube
