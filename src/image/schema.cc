// SPDX-License-Identifier: Apache-2.0
#include "image/schema.h"

#include "image/attachments_schema.h"
#include "image/layer_cache_schema.h"
#include "image/snapshots_schema.h"

namespace gantry::image {

// Digests are text ("sha256:…"), so that sqlite3(1) shows what is there and a prefix is a range; times are
// nanoseconds since 1970.
//
// Reference counting is the triggers: whatever lets go of a digest, however it came to that, makes it a
// candidate in the same transaction. (Not by INSERT OR IGNORE: the conflict clause of the statement that
// fires a trigger replaces that of the trigger.) The view `held` is the other side of them.
static constexpr const char* kTables = R"sql(
CREATE TABLE blobs (
  digest TEXT PRIMARY KEY,
  size INTEGER NOT NULL,
  is_small INTEGER NOT NULL,  -- its bytes are in small_blobs, else in a file
  added INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE small_blobs (digest TEXT PRIMARY KEY, content BLOB NOT NULL);
-- Files that may still be there though their blobs are gone.
CREATE TABLE removed_files (digest TEXT PRIMARY KEY) WITHOUT ROWID;
-- What was let go of since the collector looked.
CREATE TABLE candidates (digest TEXT PRIMARY KEY) WITHOUT ROWID;

CREATE TABLE manifests (
  digest TEXT PRIMARY KEY,
  media_type TEXT NOT NULL,
  artifact_type TEXT NOT NULL,  -- or the media type of the config; may be empty
  subject TEXT,                 -- may not be there
  annotations TEXT NOT NULL     -- JSON object; empty: none
) WITHOUT ROWID;
CREATE INDEX manifests_by_subject ON manifests (subject) WHERE subject IS NOT NULL;
CREATE TABLE edges (
  parent TEXT NOT NULL,
  child TEXT NOT NULL,          -- may not be there
  is_required INTEGER NOT NULL, -- 0: a layer that is fetched from elsewhere
  is_manifest INTEGER NOT NULL,
  PRIMARY KEY (parent, child)
) WITHOUT ROWID;
CREATE INDEX edges_by_child ON edges (child);

CREATE TABLE images (
  id TEXT PRIMARY KEY,
  manifest TEXT NOT NULL,
  platform TEXT NOT NULL,
  created INTEGER NOT NULL,
  size INTEGER NOT NULL,
  unpacked_size INTEGER NOT NULL,
  labels TEXT NOT NULL,  -- JSON object; empty: none
  added INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX images_by_manifest ON images (manifest);
CREATE TABLE names (
  name TEXT PRIMARY KEY,
  image TEXT NOT NULL,
  target TEXT NOT NULL,
  updated INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX names_by_image ON names (image);
CREATE INDEX names_by_target ON names (target);
CREATE TABLE image_users (image TEXT NOT NULL, user TEXT NOT NULL, PRIMARY KEY (image, user)) WITHOUT ROWID;

CREATE TABLE leases (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  session TEXT NOT NULL,  -- file in sessions/ that its process has locked
  owner TEXT NOT NULL,
  created INTEGER NOT NULL,
  expires INTEGER         -- NULL: with its process
);
CREATE TABLE lease_blobs (
  lease INTEGER NOT NULL,
  digest TEXT NOT NULL,
  PRIMARY KEY (lease, digest)
) WITHOUT ROWID;
CREATE INDEX lease_blobs_by_digest ON lease_blobs (digest);

CREATE TABLE repositories (
  id INTEGER PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,
  bytes INTEGER NOT NULL DEFAULT 0  -- kept by triggers
);
CREATE TABLE repository_blobs (
  repository INTEGER NOT NULL,
  digest TEXT NOT NULL,
  size INTEGER NOT NULL,
  pending INTEGER,  -- since when it waits for a manifest; NULL: one of the repository points at it
  PRIMARY KEY (repository, digest)
) WITHOUT ROWID;
CREATE INDEX repository_blobs_by_digest ON repository_blobs (digest);
CREATE INDEX repository_blobs_pending ON repository_blobs (pending) WHERE pending IS NOT NULL;
CREATE TABLE repository_manifests (
  repository INTEGER NOT NULL,
  digest TEXT NOT NULL,
  size INTEGER NOT NULL,
  pushed INTEGER NOT NULL,
  pushed_by TEXT NOT NULL,
  PRIMARY KEY (repository, digest)
) WITHOUT ROWID;
CREATE INDEX repository_manifests_by_digest ON repository_manifests (digest);
CREATE TABLE tags (
  repository INTEGER NOT NULL,
  tag TEXT NOT NULL,
  digest TEXT NOT NULL,
  PRIMARY KEY (repository, tag)
) WITHOUT ROWID;
CREATE INDEX tags_by_digest ON tags (repository, digest);
CREATE TABLE tag_history (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  repository INTEGER NOT NULL,
  tag TEXT NOT NULL,
  digest TEXT,  -- NULL: the tag was removed
  at INTEGER NOT NULL,
  changed_by TEXT NOT NULL
);
CREATE INDEX tag_history_by_tag ON tag_history (repository, tag, id);

CREATE TRIGGER edge_gone AFTER DELETE ON edges
  BEGIN INSERT INTO candidates SELECT old.child WHERE old.child NOT IN candidates; END;
CREATE TRIGGER image_gone AFTER DELETE ON images
  BEGIN INSERT INTO candidates SELECT old.manifest WHERE old.manifest NOT IN candidates; END;
CREATE TRIGGER image_changed AFTER UPDATE OF manifest ON images WHEN old.manifest <> new.manifest
  BEGIN INSERT INTO candidates SELECT old.manifest WHERE old.manifest NOT IN candidates; END;
CREATE TRIGGER name_gone AFTER DELETE ON names
  BEGIN INSERT INTO candidates SELECT old.target WHERE old.target NOT IN candidates; END;
CREATE TRIGGER name_moved AFTER UPDATE OF target ON names WHEN old.target <> new.target
  BEGIN INSERT INTO candidates SELECT old.target WHERE old.target NOT IN candidates; END;
CREATE TRIGGER lease_gone AFTER DELETE ON leases
  BEGIN DELETE FROM lease_blobs WHERE lease = old.id; END;
CREATE TRIGGER lease_blob_gone AFTER DELETE ON lease_blobs
  BEGIN INSERT INTO candidates SELECT old.digest WHERE old.digest NOT IN candidates; END;
CREATE TRIGGER repository_blob_new AFTER INSERT ON repository_blobs
  BEGIN UPDATE repositories SET bytes = bytes + new.size WHERE id = new.repository; END;
CREATE TRIGGER repository_blob_gone AFTER DELETE ON repository_blobs BEGIN
  UPDATE repositories SET bytes = bytes - old.size WHERE id = old.repository;
  INSERT INTO candidates SELECT old.digest WHERE old.digest NOT IN candidates;
END;
CREATE TRIGGER repository_manifest_new AFTER INSERT ON repository_manifests
  BEGIN UPDATE repositories SET bytes = bytes + new.size WHERE id = new.repository; END;
CREATE TRIGGER repository_manifest_gone AFTER DELETE ON repository_manifests BEGIN
  UPDATE repositories SET bytes = bytes - old.size WHERE id = old.repository;
  INSERT INTO candidates SELECT old.digest WHERE old.digest NOT IN candidates;
END;

-- Every digest that something holds.
CREATE VIEW held (digest) AS
  SELECT child FROM edges UNION ALL SELECT target FROM names UNION ALL SELECT manifest FROM images
  UNION ALL SELECT digest FROM lease_blobs UNION ALL SELECT digest FROM repository_blobs
  UNION ALL SELECT digest FROM repository_manifests;
)sql";

static constexpr const char* kVersions[] = {kTables, kSnapshotTables, kLayerCacheTable, kAttachmentsTable,
                                            kLayerSupportsTable};

std::span<const char* const> schema_versions() { return kVersions; }

}  // namespace gantry::image
