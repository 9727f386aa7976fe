// SPDX-License-Identifier: Apache-2.0
//
// The table of layer_cache.h, for schema.cc.
#pragma once

namespace gantry::image {

inline constexpr const char* kLayerCacheTable = R"sql(
CREATE TABLE layer_cache (
  key TEXT PRIMARY KEY,
  diff_id TEXT NOT NULL,
  blob TEXT NOT NULL,
  media_type TEXT NOT NULL,
  size INTEGER NOT NULL,        -- of the blob
  created INTEGER NOT NULL,     -- when the layer was made
  used INTEGER NOT NULL,
  description TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX layer_cache_by_blob ON layer_cache (blob);
CREATE TRIGGER layer_cache_gone AFTER DELETE ON layer_cache
  BEGIN INSERT INTO candidates SELECT old.blob WHERE old.blob NOT IN candidates; END;
CREATE TRIGGER layer_cache_changed AFTER UPDATE OF blob ON layer_cache WHEN old.blob <> new.blob
  BEGIN INSERT INTO candidates SELECT old.blob WHERE old.blob NOT IN candidates; END;
DROP VIEW held;
CREATE VIEW held (digest) AS
  SELECT child FROM edges UNION ALL SELECT target FROM names UNION ALL SELECT manifest FROM images
  UNION ALL SELECT digest FROM lease_blobs UNION ALL SELECT digest FROM repository_blobs
  UNION ALL SELECT digest FROM repository_manifests UNION ALL SELECT blob FROM layer_cache;
)sql";

}  // namespace gantry::image
