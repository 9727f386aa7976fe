// SPDX-License-Identifier: Apache-2.0
#include "base/byte_stream.h"

#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <vector>

#include "base/file.h"

namespace gantry {

static constexpr std::size_t kFirstBuffer = 8 << 10;

Result<std::size_t> FdSource::read(std::span<std::byte> into) {
  for (;;) {
    const ssize_t n = ::read(fd_, into.data(), into.size());
    if (n >= 0) return static_cast<std::size_t>(n);
    if (errno != EINTR) return sys_error("read '{}'", what_);
  }
}

Result<void> FdSink::write(std::span<const std::byte> from) { return write_all(fd_, text_of(from), what_); }

Result<std::size_t> StringSource::read(std::span<std::byte> into) {
  const std::size_t size = std::min(into.size(), rest_.size());
  std::memcpy(into.data(), rest_.data(), size);
  rest_.remove_prefix(size);
  return size;
}

Result<void> StringSink::write(std::span<const std::byte> from) {
  text_.append(text_of(from));
  return {};
}

Result<std::size_t> TeeSource::read(std::span<std::byte> into) {
  const std::size_t size = TRY(from_.read(into));
  if (size > 0) TRY(to_.write(into.first(size)));
  return size;
}

Result<std::uint64_t> copy(ByteSource& from, ByteSink& to) {
  std::vector<std::byte> buffer(kStreamBuffer);
  std::uint64_t copied = 0;
  while (const std::size_t size = TRY(from.read(buffer))) {
    TRY(to.write(std::span(buffer).first(size)));
    copied += size;
  }
  return copied;
}

Result<std::string> read_all(ByteSource& from, std::string_view what, std::size_t limit) {
  // What is short, and most is, costs no large buffer; what fills one gets a larger one.
  std::size_t room = std::min(limit + 1, kFirstBuffer);
  auto buffer = std::make_unique_for_overwrite<std::byte[]>(room);
  std::string text;
  while (const std::size_t size = TRY(from.read({buffer.get(), room}))) {
    if (size > limit - text.size())
      return error(Code::ResourceExhausted, "read '{}': larger than {} bytes", what, limit);
    text.append(text_of(std::span(buffer.get(), size)));
    if (size < room || room >= kStreamBuffer) continue;
    room *= 2;
    buffer = std::make_unique_for_overwrite<std::byte[]>(room);
  }
  return text;
}

Result<std::size_t> read_fully(ByteSource& from, std::span<std::byte> into) {
  std::size_t used = 0;
  while (used < into.size()) {
    const std::size_t size = TRY(from.read(into.subspan(used)));
    if (size == 0) break;
    used += size;
  }
  return used;
}

}  // namespace gantry
