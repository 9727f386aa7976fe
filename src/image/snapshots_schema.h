// SPDX-License-Identifier: Apache-2.0
//
// The tables of snapshots.cc in <root>/metadata.db, described in docs/formats/snapshots.md.
#pragma once

namespace gantry::image {

inline constexpr const char* kSnapshotTables = R"sql(
-- <root>/snapshots/<number>
CREATE TABLE directories (
  number INTEGER PRIMARY KEY AUTOINCREMENT,
  diff_id TEXT,            -- NULL: of a snapshot
  is_independent INTEGER NOT NULL DEFAULT 0,  -- may serve above any layer
  has_root INTEGER NOT NULL DEFAULT 0,
  size INTEGER NOT NULL DEFAULT 0,
  unsynced TEXT            -- the boot id of the host when it was unpacked; NULL: was synced since
);
CREATE INDEX directories_by_diff_id ON directories (diff_id) WHERE is_independent;
CREATE INDEX directories_unsynced ON directories (unsynced) WHERE unsynced IS NOT NULL;
CREATE TABLE layers (
  chain_id TEXT PRIMARY KEY,
  parent TEXT,             -- chain id, may not be there (yet)
  directory INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX layers_by_parent ON layers (parent);
CREATE INDEX layers_by_directory ON layers (directory);
-- Configs of images that a layer and all below it belong to: for as long as they are in `blobs`.
CREATE TABLE layer_configs (
  config TEXT NOT NULL,
  chain_id TEXT NOT NULL,
  PRIMARY KEY (config, chain_id)
) WITHOUT ROWID;
CREATE INDEX layer_configs_by_layer ON layer_configs (chain_id);
CREATE TABLE snapshots (
  key TEXT PRIMARY KEY,
  top TEXT,                -- chain id
  directory INTEGER NOT NULL,
  options TEXT NOT NULL,   -- JSON
  created INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX snapshots_by_top ON snapshots (top);
CREATE INDEX snapshots_by_directory ON snapshots (directory);
)sql";

// layer_support.h: layers whose directories have what differs from another one's, with all that is below
// that.
inline constexpr const char* kLayerSupportsTable = R"sql(
CREATE TABLE layer_supports (
  chain_id TEXT PRIMARY KEY,  -- counts once it is in `layers`
  support TEXT NOT NULL       -- a chain id, too
) WITHOUT ROWID;
CREATE INDEX layer_supports_by_support ON layer_supports (support);
)sql";

}  // namespace gantry::image
