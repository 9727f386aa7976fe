// SPDX-License-Identifier: Apache-2.0
//
// What was changed in the writable layer of an overlay mount, read from that layer alone: as a list, and as
// the tar of an image layer. Only for opaque directories the layers below are listed, too.
//
//   for (const Change& change : TRY(changes(upper.get(), lowers))) ...   // "C /etc", "A /etc/motd"
//   TRY(write_layer(upper.get(), lowers, {}, sink));
//
// The overlay must not be mounted with redirect_dir=on or metacopy=on, which leave in the upper directory
// less than the truth; what they leave is an error (Unsupported). For an id-mapped container hand in
// id-mapped descriptors. A file that grows meanwhile is written as long as it was; one that shrinks is an
// error.
#pragma once

#include <cstdint>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "base/byte_stream.h"
#include "base/error.h"

namespace gantry::image {

// With the values of the Docker Engine API.
enum class ChangeKind : std::uint8_t { Modified = 0, Added = 1, Deleted = 2 };

struct Change {
  ChangeKind kind = ChangeKind::Modified;
  std::string path;  // "/etc/motd": bytes, in no encoding
  friend bool operator==(const Change&, const Change&) = default;
};

// In the order of a walk with sorted names, a directory before what is in it. A directory is modified when
// its own attributes are, or when something in it was added or deleted. `lowers` are directories of layers as
// unpack() makes them, the topmost first; not owned.
Result<std::vector<Change>> changes(int upper, std::span<const int> lowers);

struct LayerOptions {
  // Off: whiteouts are an error. For a merged tree, to be written as it is seen.
  bool has_whiteouts = true;
  // Paths, as Change has them, of files and directories that are left out where they are empty: on which
  // something was mounted. Not owned; null: none.
  const std::set<std::string>* left_out = nullptr;
};

// The layer: entries sorted by name, hard links as such, whiteouts as ".wh." files, sparse files sparse,
// xattrs without the marks of overlayfs and security.selinux. The directory itself is in it, as "./", only if
// its owner, mode or xattrs are not those of the topmost of `lowers`. Equal trees make equal bytes.
Result<void> write_layer(int upper, std::span<const int> lowers, const LayerOptions& options, ByteSink& tar);

}  // namespace gantry::image
