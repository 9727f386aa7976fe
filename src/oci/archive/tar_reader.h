// SPDX-License-Identifier: Apache-2.0
//
// Reads a tar archive from front to back: v7, ustar, star, pax (also global headers), GNU long names, numbers
// in base 256, and sparse files in all four forms (GNU's old one; pax 0.0, 0.1 and 1.0).
//
//   TarReader reader(source);
//   while (std::optional<TarEntry> entry = TRY(reader.next()))
//     if (entry->path == "manifest.json") manifest = TRY(read_all(reader, entry->path, kSmallFile));
//
// Contents that are not read are skipped by next(). Everything that cannot be understood exactly is an error
// (InvalidArgument, with the archive's own names made printable), never a guess: bad checksums, numbers,
// records or sparse maps, unknown types, volumes of a series, archives that are cut anywhere.
// Memory: a buffer, where the source has none, and what TarLimits allows.
//
// Not applied: access and change times, names of users and groups (ids are what counts inside a layer),
// SCHILY.acl.* (text with names; layers carry ACLs as SCHILY.xattr.system.posix_acl_*), comments.
//
// Sources: POSIX.1-2017 pax(1), "ustar Interchange Format" and "pax Interchange Format"; GNU tar manual,
// "Basic Tar Format" and "Storing Sparse Files"; star(5).
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/byte_stream.h"
#include "base/piece_source.h"
#include "oci/archive/tar_entry.h"

namespace gantry::oci {

struct TarLimits {
  std::size_t max_header = 1 << 20;    // bytes of the extended headers of one entry, names included
  std::size_t max_segments = 1 << 18;  // of a sparse file
  // Whether the two empty blocks at the end may be missing, as some builders leave them out. Then an archive
  // that is cut exactly between two entries cannot be told from a whole one: for those whose digest is
  // verified.
  bool may_lack_end = false;
};

class TarReader final : public ByteSource {
 public:
  // Through a buffer of its own.
  explicit TarReader(ByteSource& source, const TarLimits& limits = {});
  explicit TarReader(PieceSource& source, const TarLimits& limits = {});
  TarReader(const TarReader&) = delete;
  TarReader& operator=(const TarReader&) = delete;
  ~TarReader() override;

  // The next entry; nothing at the end of the archive.
  Result<std::optional<TarEntry>> next();

  // The contents of the last entry, holes as zeros.
  Result<std::size_t> read(std::span<std::byte> into) override;

  // The same without a copy, and without the holes: the next piece that is stored and where in the file it
  // belongs. In memory of the reader or its source, good until the next call; an empty one is the end.
  struct Piece {
    std::uint64_t offset = 0;
    std::span<const std::byte> data;
  };
  Result<Piece> next_piece();

  // Reads what stands behind the archive's end (padding, mostly), so that who hashes the source sees all of
  // it.
  Result<void> drain();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace gantry::oci
