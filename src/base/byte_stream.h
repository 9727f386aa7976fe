// SPDX-License-Identifier: Apache-2.0
//
// Bytes on their way: who has them is a ByteSource, who takes them a ByteSink. Streams are stacked (a file,
// its decompression, the archive in it), and none holds more than a buffer. A stream borrows the one below
// it, which has to live longer; it is used by one thread at a time.
//
//   FdSource file(fd.get(), path);
//   StringSink text;
//   TRY(copy(file, text));
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "base/error.h"

namespace gantry {

// How much is moved at once where nothing else says: large enough to hide a system call's cost, small enough
// to stay in a second-level cache.
inline constexpr std::size_t kStreamBuffer = 256 << 10;  // bytes

struct ByteSource {
  virtual ~ByteSource() = default;
  // Fills the beginning of `into`, as far as bytes are at hand, at least by one; waits for that one. 0 is the
  // end, for good. `into` is not empty. After an error the source is of no more use.
  virtual Result<std::size_t> read(std::span<std::byte> into) = 0;
};

struct ByteSink {
  virtual ~ByteSink() = default;
  // Takes all of it. After an error the sink is of no more use.
  virtual Result<void> write(std::span<const std::byte> from) = 0;
};

// Reads what `fd` has from where it stands. Owned by the caller; `what` names it in errors.
class FdSource final : public ByteSource {
 public:
  explicit FdSource(int fd, std::string_view what) : fd_(fd), what_(what) {}
  Result<std::size_t> read(std::span<std::byte> into) override;

 private:
  int fd_;
  std::string what_;
};

class FdSink final : public ByteSink {
 public:
  explicit FdSink(int fd, std::string_view what) : fd_(fd), what_(what) {}
  Result<void> write(std::span<const std::byte> from) override;

 private:
  int fd_;
  std::string what_;
};

// Reads `text`, which it does not own.
class StringSource final : public ByteSource {
 public:
  explicit StringSource(std::string_view text) : rest_(text) {}
  Result<std::size_t> read(std::span<std::byte> into) override;

 private:
  std::string_view rest_;
};

class StringSink final : public ByteSink {
 public:
  Result<void> write(std::span<const std::byte> from) override;
  const std::string& text() const { return text_; }
  std::string take() { return std::move(text_); }

 private:
  std::string text_;
};

// Shows `to` every byte that is read through it.
class TeeSource final : public ByteSource {
 public:
  TeeSource(ByteSource& from, ByteSink& to) : from_(from), to_(to) {}
  Result<std::size_t> read(std::span<std::byte> into) override;

 private:
  ByteSource& from_;
  ByteSink& to_;
};

// Everything up to the end; answers how many bytes that was.
Result<std::uint64_t> copy(ByteSource& from, ByteSink& to);

// Everything up to the end, as text; an error if there is more than `limit` bytes.
Result<std::string> read_all(ByteSource& from, std::string_view what, std::size_t limit);

// Fills `into` unless the end comes first; answers how many bytes there were.
Result<std::size_t> read_fully(ByteSource& from, std::span<std::byte> into);

inline std::span<const std::byte> bytes_of(std::string_view text) { return std::as_bytes(std::span(text)); }
inline std::string_view text_of(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace gantry
