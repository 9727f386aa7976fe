// SPDX-License-Identifier: Apache-2.0
//
// Pieces of another source, each hashed beside what is done with it, if a thread is free for that. Where none
// is, its reader hashes it before the next, while it is still in the cache.
#pragma once

#include <optional>
#include <span>

#include "base/beside.h"
#include "base/piece_source.h"
#include "base/thread_pool.h"
#include "oci/image/digest.h"

namespace gantry::image {

class HashedPieces final : public PieceSource {
 public:
  HashedPieces(PieceSource& from, oci::DigestAlgorithm algorithm, ThreadPool& hashers)
      : from_(from), hashers_(hashers), hasher_(algorithm) {}

  Result<std::span<const std::byte>> next_piece() override {
    hashing_.reset();  // of the piece before, which goes away now
    const std::span<const std::byte> piece = TRY(from_.next_piece());
    if (!piece.empty()) hashing_.emplace(hashers_, [this, piece] { hasher_.update(piece); });
    return piece;
  }

  // Of all that was read. Once.
  oci::Digest finish() {
    hashing_.reset();
    return hasher_.finish();
  }

 private:
  PieceSource& from_;
  ThreadPool& hashers_;
  oci::Hasher hasher_;
  std::optional<Beside> hashing_;  // last: it uses the hasher
};

}  // namespace gantry::image
