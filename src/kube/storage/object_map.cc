// SPDX-License-Identifier: Apache-2.0
#include "kube/storage/object_map.h"

#include <algorithm>

namespace gantry::kube {

static constexpr auto kPath = [](const ObjectRef& object) -> std::string_view { return object->path(); };

ObjectMap::ObjectMap() : root_(make_counted<Root>()) {}

// ---- Finding

// The last chunk that begins at or before the path, or the first.
std::size_t ObjectMap::chunk_of(std::string_view path) const {
  const auto& chunks = root_->chunks;
  const auto after = std::ranges::upper_bound(
      chunks, path, {}, [](const Ref<Chunk>& chunk) -> std::string_view { return chunk->front()->path(); });
  return after == chunks.begin() ? 0 : static_cast<std::size_t>(after - chunks.begin()) - 1;
}

ObjectMap::Position ObjectMap::lower_bound(std::string_view path) const {
  if (root_->chunks.empty()) return end();
  const std::size_t chunk = chunk_of(path);
  const Chunk& objects = *root_->chunks[chunk];
  const auto found = std::ranges::lower_bound(objects, path, {}, kPath);
  return found_or_next({chunk, static_cast<std::size_t>(found - objects.begin())});
}

ObjectMap::Position ObjectMap::found_or_next(Position position) const {
  if (position.index < root_->chunks[position.chunk]->size()) return position;
  return {position.chunk + 1, 0};
}

ObjectMap::Position ObjectMap::next(Position position) const {
  return found_or_next({position.chunk, position.index + 1});
}

ObjectMap::Position ObjectMap::end_of_prefix(std::string_view prefix) const {
  if (prefix.empty()) return end();
  const std::string end = store::KeyRange::prefix(prefix).end;
  return end.empty() ? this->end() : lower_bound(end);
}

const Object* ObjectMap::find(std::string_view path) const {
  const Position position = lower_bound(path);
  if (position == end()) return nullptr;
  const ObjectRef& object = at(position);
  return object->path() == path ? object.get() : nullptr;
}

std::size_t ObjectMap::count(Position from, Position to) const {
  if (from.chunk == to.chunk) return to.index - from.index;
  std::size_t count = root_->chunks[from.chunk]->size() - from.index + to.index;
  for (std::size_t chunk = from.chunk + 1; chunk < to.chunk; ++chunk) count += root_->chunks[chunk]->size();
  return count;
}

// ---- Changing

ObjectMap::Root& ObjectMap::own_root() {
  if (!root_.is_sole_owner()) root_ = make_counted<Root>(*root_);
  return *root_;
}

ObjectMap::Chunk& ObjectMap::own_chunk(std::size_t index) {
  Ref<Chunk>& chunk = own_root().chunks[index];
  if (!chunk.is_sole_owner()) chunk = make_counted<Chunk>(*chunk);
  return *chunk;
}

ObjectRef ObjectMap::put(ObjectRef object) {
  Root& root = own_root();
  if (root.chunks.empty()) {
    root.chunks.push_back(make_counted<Chunk>());
    root.chunks.front()->push_back(std::move(object));
    ++root.size;
    return {};
  }
  const std::size_t index = chunk_of(object->path());
  Chunk& chunk = own_chunk(index);
  const auto at = std::ranges::lower_bound(chunk, std::string_view(object->path()), {}, kPath);
  if (at != chunk.end() && (*at)->path() == object->path()) return std::exchange(*at, std::move(object));
  chunk.insert(at, std::move(object));
  ++root.size;
  if (chunk.size() > kMaxChunk) split(index);
  return {};
}

// What comes in order (at the start, or names with numbers) fills chunks to the brim.
void ObjectMap::split(std::size_t index) {
  Root& root = *root_;
  Chunk& chunk = *root.chunks[index];
  const bool is_last = index + 1 == root.chunks.size();
  const auto middle = is_last ? chunk.end() - 1 : chunk.begin() + kMaxChunk / 2;
  const Ref<Chunk> right = make_counted<Chunk>();
  right->assign(std::make_move_iterator(middle), std::make_move_iterator(chunk.end()));
  chunk.erase(middle, chunk.end());
  root.chunks.insert(root.chunks.begin() + static_cast<std::ptrdiff_t>(index) + 1, right);
}

ObjectRef ObjectMap::remove(std::string_view path) {
  const Position position = lower_bound(path);
  if (position == end() || at(position)->path() != path) return {};
  Chunk& chunk = own_chunk(position.chunk);
  const auto place = chunk.begin() + static_cast<std::ptrdiff_t>(position.index);
  ObjectRef removed = std::move(*place);
  chunk.erase(place);
  --root_->size;
  if (chunk.empty()) root_->chunks.erase(root_->chunks.begin() + static_cast<std::ptrdiff_t>(position.chunk));
  return removed;
}

}  // namespace gantry::kube
