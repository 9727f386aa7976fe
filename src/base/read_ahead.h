// SPDX-License-Identifier: Apache-2.0
//
// Reads a source on a thread of its own, a few buffers ahead of who reads it here: two stages of a stream
// that each cost time (decompressing, unpacking) then run side by side, and the slower sets the pace.
//
//   ReadAhead ahead(*decompressor);   // from now on nobody else touches the decompressor
//   TRY(unpack(ahead, ...));
//
// What is read by next_piece() stays in the buffer that the thread has read it into. An error of the source
// comes out behind the bytes that were before it. The destructor ends the thread; it waits for a read of the
// source that is under way.
#pragma once

#include <cstddef>
#include <deque>
#include <memory>
#include <optional>
#include <thread>
#include <vector>

#include "base/byte_stream.h"
#include "base/mutex.h"
#include "base/piece_source.h"

namespace gantry {

class ReadAhead final : public ByteSource, public PieceSource {
 public:
  // Memory: `buffers` times `buffer_size` bytes.
  explicit ReadAhead(ByteSource& source, std::size_t buffers = 4, std::size_t buffer_size = kStreamBuffer);
  ReadAhead(const ReadAhead&) = delete;
  ReadAhead& operator=(const ReadAhead&) = delete;
  ~ReadAhead() override;

  Result<std::size_t> read(std::span<std::byte> into) override;
  Result<std::span<const std::byte>> next_piece() override;

 private:
  struct Buffer {
    std::unique_ptr<std::byte[]> bytes;
    std::size_t size = 0;  // of them, filled
  };
  void run();
  // Gives the current buffer back for the next one, once all of it was taken. Empty at the end.
  Result<std::span<const std::byte>> rest_of_buffer();

  ByteSource& source_;
  const std::size_t buffer_size_;
  const std::size_t wake_at_;  // empty buffers, from which on the thread is woken
  Buffer current_;             // of the reader
  std::size_t taken_ = 0;      // bytes of it
  bool is_at_end_ = false;     // of the reader
  Mutex mutex_;                // guards what follows
  std::deque<Buffer> full_ GUARDED_BY(mutex_);
  // The last one that came back is used first: it is still in a cache, and while the reader keeps up, the
  // others are never touched.
  std::vector<Buffer> empty_ GUARDED_BY(mutex_);
  std::optional<Error> error_ GUARDED_BY(mutex_);
  bool is_finished_ GUARDED_BY(mutex_) = false;  // the source has ended, well or not
  bool is_stopping_ GUARDED_BY(mutex_) = false;  // nobody reads any more
  CondVar changed_;
  std::thread thread_;  // last: it uses all of the above
};

}  // namespace gantry
