// SPDX-License-Identifier: Apache-2.0
//
// Gzip and zstd, as layers use them, as streams. Decompression tells by itself which it is, verifies every
// checksum there is, takes several members or frames in a row, and ends with an error when a limit is passed:
// a few kilobytes can stand for gigabytes.
//
//   std::unique_ptr<Decompressor> tar = TRY(decompress(blob, {}));
//
//   std::unique_ptr<Compressor> blob = TRY(compress(file, {.compression = Compression::Zstd}));
//   TRY(copy(tar, *blob));
//   TRY(blob->finish());
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "base/byte_stream.h"
#include "base/piece_source.h"

namespace gantry::oci {

enum class Compression : std::uint8_t { None, Gzip, Zstd };
const char* name_of(Compression compression);  // "gzip"

// By the first bytes; what is too short or unknown is None.
Compression detect_compression(std::span<const std::byte> head);

// Who has the memory for windows of zstd frames. Called by the thread that decompresses.
class WindowRoom {
 public:
  // Before a frame gets a larger window than those before it, whose memory is not used any more: so many
  // bytes for that and what zstd needs beside it, good until the next call; empty if they may be taken from
  // the heap. May wait.
  virtual Result<std::span<std::byte>> take(std::uint64_t bytes) = 0;
  // So many bytes have come out, and into the window.
  virtual void has_moved(std::uint64_t bytes) = 0;

 protected:
  ~WindowRoom() = default;
};

struct DecompressLimits {
  std::uint64_t max_bytes = std::uint64_t{1} << 40;  // that come out
  // Bytes out for a byte in, from the first mebibyte on. Deflate's own bound is 1032; zstd has none to speak
  // of, and a disk image of mostly zeros may come near that honestly.
  double max_ratio = 1100;
  // Zstd: how far back a frame may refer, as a power of two: memory that the sender decides about. zstd(1)
  // accepts 27 (128 MiB) and writes at most 23 unless told otherwise; what builders of images write has 23
  // to 25.
  int max_window_log = 27;
  WindowRoom* windows = nullptr;  // null: nobody is asked; outlives the decompressor
};

class Decompressor : public ByteSource {
 public:
  virtual Compression compression() const = 0;
  std::uint64_t bytes_in() const { return bytes_in_; }  // taken from the compressed source so far
  std::uint64_t bytes_out() const { return bytes_out_; }

 protected:
  std::uint64_t bytes_in_ = 0;
  std::uint64_t bytes_out_ = 0;
};

// Waits for the first bytes of `from`, which has to outlive the answer. InvalidArgument (when reading, too)
// for what is damaged or cut, ResourceExhausted when a limit is passed, Unsupported for bzip2, xz and the
// like. The source is read to its end before read() answers 0.
Result<std::unique_ptr<Decompressor>> decompress(ByteSource& from, const DecompressLimits& limits = {});
// The same without a copy of what is read.
Result<std::unique_ptr<Decompressor>> decompress(PieceSource& from, const DecompressLimits& limits = {});

struct CompressOptions {
  Compression compression = Compression::Gzip;
  int level = 0;         // 0: 6 for gzip (libdeflate's, 1..12), 3 for zstd (1..19)
  unsigned threads = 0;  // 0: as many as there are processors, at most 8
};

// The bytes that come out depend on those that go in, the method and the level; never on the threads or on
// how the bytes were cut into writes.
class Compressor : public ByteSink {
 public:
  // Ends the stream. Without it what was written is cut.
  virtual Result<void> finish() = 0;
};

Result<std::unique_ptr<Compressor>> compress(ByteSink& to, const CompressOptions& options = {});

}  // namespace gantry::oci
