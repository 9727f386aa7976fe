// SPDX-License-Identifier: Apache-2.0
//
// Layers by what made them: the cache of builds. A record holds the layer's blob, and with it the unpacked
// directories of the layer and all below (Snapshots::keep_layers()), until it is removed.
//
//   LayerCache cache(store.database());
//   if (auto layer = TRY(cache.find(key))) ...          // its blob is there
//   TRY(cache.add(key, layer));
//
// The key is any text; what makes it is the caller's affair. Thread-safe; used by several processes at once.
// A power loss may take the last records, never their truth.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "database/database.h"
#include "oci/image/descriptor.h"
#include "oci/image/digest.h"

namespace gantry::image {

struct CachedLayer {
  oci::Digest diff_id;
  oci::Descriptor blob;      // media type, digest and size
  std::int64_t created = 0;  // nanoseconds since 1970: when it was made
  std::string description;   // for people
};

class LayerCache {
 public:
  struct Record {
    std::string key;
    CachedLayer layer;
    std::int64_t used = 0;  // nanoseconds since 1970: the last touch()
  };

  // The store's database, which outlives this.
  explicit LayerCache(database::Database& database) : database_(database) {}

  Result<std::optional<CachedLayer>> find(std::string_view key) const;
  // In place of what had the key. NotFound if the blob is not in the store: have a lease hold it meanwhile.
  Result<void> add(std::string_view key, const CachedLayer& layer);
  Result<void> touch(std::span<const std::string> keys);
  // The most recently used first.
  Result<std::vector<Record>> records() const;
  Result<void> remove(std::span<const std::string> keys);

 private:
  database::Database& database_;
};

}  // namespace gantry::image
