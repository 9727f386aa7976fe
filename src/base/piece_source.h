// SPDX-License-Identifier: Apache-2.0
//
// Bytes on their way that are used where they are: a ByteSource (byte_stream.h) whose reader needs no buffer
// of its own, so that a stage of a long stream costs no copy. Borrowed, ended and used by threads as those
// are.
//
//   ReadAhead ahead(*decompressor);
//   for (;;) {
//     const std::span<const std::byte> piece = TRY(ahead.next_piece());
//     if (piece.empty()) break;
//     hasher.update(piece);
//   }
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "base/byte_stream.h"
#include "base/error.h"

namespace gantry {

class PieceSource {
 public:
  virtual ~PieceSource() = default;
  // What is at hand, at least a byte; waits for that one. Empty: the end, for good. In memory of the source,
  // good until the next call. After an error the source is of no more use.
  virtual Result<std::span<const std::byte>> next_piece() = 0;
};

// Any source in pieces, through one buffer.
class BufferedPieces final : public PieceSource {
 public:
  explicit BufferedPieces(ByteSource& source, std::size_t buffer_size = kStreamBuffer)
      : source_(source), buffer_(buffer_size) {}

  Result<std::span<const std::byte>> next_piece() override {
    const std::size_t size = TRY(source_.read(buffer_));
    return std::span<const std::byte>(buffer_).first(size);
  }

 private:
  ByteSource& source_;
  std::vector<std::byte> buffer_;
};

}  // namespace gantry
