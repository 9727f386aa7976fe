// SPDX-License-Identifier: Apache-2.0
#include "image/layer_cache.h"

#include <utility>

#include "base/timestamp.h"

namespace gantry::image {

using database::Connection;
using database::Durability;
using database::Rows;

namespace {

// Of "diff_id, blob, media_type, size, created, description".
Result<CachedLayer> layer_of(const Rows& row) {
  CachedLayer layer;
  layer.diff_id = TRY(oci::Digest::parse(row.get<std::string_view>(0)));
  layer.blob.digest = TRY(oci::Digest::parse(row.get<std::string_view>(1)));
  layer.blob.media_type = row.get<std::string>(2);
  layer.blob.size = row.get<std::uint64_t>(3);
  layer.created = row.get<std::int64_t>(4);
  layer.description = row.get<std::string>(5);
  return layer;
}

}  // namespace

Result<std::optional<CachedLayer>> LayerCache::find(std::string_view key) const {
  return database_.read([&](Connection& connection) -> Result<std::optional<CachedLayer>> {
    Rows rows = TRY(connection.query(
        "SELECT diff_id, blob, media_type, layer_cache.size, created, description FROM layer_cache "
        "JOIN blobs ON digest = blob WHERE key = ?1",
        key));
    if (!TRY(rows.next())) return std::optional<CachedLayer>();
    return std::optional(TRY(layer_of(rows)));
  });
}

Result<void> LayerCache::add(std::string_view key, const CachedLayer& layer) {
  return database_.write(Durability::Lazy, [&](Connection& connection) -> Result<void> {
    const std::string blob = layer.blob.digest.str();
    if (!TRY(connection.value<std::int64_t>("SELECT 1 FROM blobs WHERE digest = ?1", blob)))
      return error(Code::NotFound, "there is no blob '{}' in the store", blob);
    TRY(connection.execute(
        "INSERT INTO layer_cache (key, diff_id, blob, media_type, size, created, used, description) "
        "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT (key) DO UPDATE SET diff_id = excluded.diff_id, "
        "blob = excluded.blob, media_type = excluded.media_type, size = excluded.size, created = "
        "excluded.created, used = excluded.used, description = excluded.description",
        key, layer.diff_id.str(), blob, layer.blob.media_type, layer.blob.size, layer.created,
        wall_clock_ns(), layer.description));
    return {};
  });
}

Result<void> LayerCache::touch(std::span<const std::string> keys) {
  return database_.write(Durability::Lazy, [&](Connection& connection) -> Result<void> {
    for (const std::string& key : keys)
      TRY(connection.execute("UPDATE layer_cache SET used = ?2 WHERE key = ?1", key, wall_clock_ns()));
    return {};
  });
}

Result<std::vector<LayerCache::Record>> LayerCache::records() const {
  return database_.read([](Connection& connection) -> Result<std::vector<Record>> {
    std::vector<Record> records;
    Rows rows = TRY(connection.query(
        "SELECT diff_id, blob, media_type, size, created, description, key, used FROM layer_cache "
        "ORDER BY used DESC, key"));
    while (TRY(rows.next()))
      records.emplace_back(rows.get<std::string>(6), TRY(layer_of(rows)), rows.get<std::int64_t>(7));
    return records;
  });
}

Result<void> LayerCache::remove(std::span<const std::string> keys) {
  return database_.write([&](Connection& connection) -> Result<void> {
    for (const std::string& key : keys)
      TRY(connection.execute("DELETE FROM layer_cache WHERE key = ?1", key));
    return {};
  });
}

}  // namespace gantry::image
