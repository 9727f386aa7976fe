// SPDX-License-Identifier: Apache-2.0
//
// Pieces of another source, hashed as they pass. They come into the cache by that, from which who uses them
// next has them.
#pragma once

#include <span>

#include "base/piece_source.h"
#include "oci/image/digest.h"

namespace gantry::image {

class HashedPieces final : public PieceSource {
 public:
  HashedPieces(PieceSource& from, oci::DigestAlgorithm algorithm) : from_(from), hasher_(algorithm) {}

  Result<std::span<const std::byte>> next_piece() override {
    const std::span<const std::byte> piece = TRY(from_.next_piece());
    hasher_.update(piece);
    return piece;
  }
  // Of all that has passed. Once.
  oci::Digest finish() { return hasher_.finish(); }

 private:
  PieceSource& from_;
  oci::Hasher hasher_;
};

}  // namespace gantry::image
