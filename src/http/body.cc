// SPDX-License-Identifier: Apache-2.0
#include "http/body.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <utility>

namespace gantry::http {
namespace {

constexpr std::size_t kReadAhead = 16 << 10;
constexpr std::size_t kMostReadAhead = 128 << 10;  // of chunks, for a caller with as much room
// A caller with less room than this shares read(2) calls with its next reads.
constexpr std::size_t kSmallRead = 4 << 10;

bool is_end(const Stream::Attempt& attempt) {
  return attempt.bytes == 0 && attempt.wants == Stream::Wants::Nothing;
}

}  // namespace

BodyReader::BodyReader(Stream& stream, Buffer& buffer, Framing framing)
    : stream_(stream),
      buffer_(buffer),
      framing_(framing),
      left_(framing.length),
      is_finished_(framing.kind == Framing::Kind::None ||
                   (framing.kind == Framing::Kind::Length && framing.length == 0)) {
  if (framing.kind == Framing::Kind::Chunked) chunks_.emplace();
}

std::optional<std::uint64_t> BodyReader::length() const {
  switch (framing_.kind) {
    case Framing::Kind::None: return 0;
    case Framing::Kind::Length: return framing_.length;
    case Framing::Kind::Chunked:
    case Framing::Kind::UntilClose: break;
  }
  return std::nullopt;
}

Result<std::size_t> BodyReader::read(std::span<std::byte> into) {
  may_wait_ = true;
  return TRY(read_step(into)).bytes;
}

Result<Stream::Attempt> BodyReader::try_read(std::span<std::byte> into) {
  may_wait_ = false;
  return read_step(into);
}

// Wants something only where it may not wait for it.
Result<Stream::Attempt> BodyReader::read_step(std::span<std::byte> into) {
  if (is_finished_) return Stream::Attempt{};
  if (has_failed_) return error(Code::DataLoss, "the body has broken off before");
  if (before_first_read_) TRY(std::exchange(before_first_read_, {})());
  auto got = read_framed(into);
  has_failed_ = !got;
  if (!got) return got;
  bytes_read_ += got->bytes;
  if (is_over_limit()) {
    has_failed_ = true;
    return error(Code::ResourceExhausted, "the body has more than the {} bytes that are allowed", limit_);
  }
  return got;
}

Result<Stream::Attempt> BodyReader::read_framed(std::span<std::byte> into) {
  if (framing_.kind == Framing::Kind::Chunked) return read_chunks(into);
  if (framing_.kind == Framing::Kind::UntilClose) {
    const auto got = TRY(read_raw(into));
    is_finished_ = is_end(got);
    return got;
  }
  const auto got = TRY(read_raw(into.first(std::min<std::uint64_t>(into.size(), left_))));
  if (is_end(got))
    return error(Code::DataLoss, "the body ended after {} of {} bytes", framing_.length - left_,
                 framing_.length);
  left_ -= got.bytes;
  is_finished_ = left_ == 0;
  return got;
}

Result<Stream::Attempt> BodyReader::fetch(std::span<std::byte> into) {
  if (may_wait_) return Stream::Attempt{.bytes = TRY(stream_.read(into))};
  return stream_.try_read(into);
}

Result<Stream::Attempt> BodyReader::read_raw(std::span<std::byte> into) {
  if (buffer_.empty()) {
    // A large read goes where it is wanted. A small one fills the buffer, but not beyond the body: who hands
    // the connection over needs nothing given back.
    if (into.size() >= kSmallRead) return fetch(into);
    std::span<std::byte> room = buffer_.prepare(kReadAhead);
    if (framing_.kind == Framing::Kind::Length)
      room = room.first(std::min<std::uint64_t>(room.size(), left_));
    const auto got = TRY(fetch(room));
    if (got.bytes == 0) return got;
    buffer_.commit(got.bytes);
  }
  const std::size_t bytes = std::min(into.size(), buffer_.size());
  std::memcpy(into.data(), buffer_.view().data(), bytes);
  buffer_.consume(bytes);
  return Stream::Attempt{.bytes = bytes};
}

Result<Stream::Attempt> BodyReader::read_chunks(std::span<std::byte> into) {
  for (;;) {
    const ChunkDecoder::Progress progress = TRY(chunks_->decode(buffer_.view(), into));
    buffer_.consume(progress.consumed);
    is_finished_ = progress.is_done;
    if (progress.produced > 0 || is_finished_) return Stream::Attempt{.bytes = progress.produced};
    const std::size_t wanted = std::clamp(into.size(), kReadAhead, kMostReadAhead);
    const auto got = TRY(fetch(buffer_.prepare(wanted)));
    if (is_end(got))
      return error(Code::DataLoss, "the body ended in the middle, after {} bytes", bytes_read_);
    if (got.bytes == 0) return got;
    buffer_.commit(got.bytes);
  }
}

BodyWriter::BodyWriter(Stream& stream, std::string head, Framing framing)
    : stream_(stream), head_(std::move(head)), framing_(framing), left_(framing.length) {}

Result<void> BodyWriter::flush_head() {
  if (head_.empty()) return {};
  TRY(stream_.write(bytes_of(head_)));
  head_.clear();
  return {};
}

Result<void> BodyWriter::account(std::uint64_t bytes) {
  if (framing_.kind == Framing::Kind::Length) {
    if (bytes > left_)
      return error(Code::InvalidArgument, "more body than the {} bytes of its Content-Length",
                   framing_.length);
    left_ -= bytes;
  }
  bytes_written_ += bytes;
  return {};
}

Result<void> BodyWriter::write(std::span<const std::byte> from) {
  if (framing_.kind == Framing::Kind::None) return flush_head();
  if (from.empty()) return {};  // in chunks it would be the end
  TRY(account(from.size()));
  if (framing_.kind == Framing::Kind::Chunked) {
    const std::string size = fmt::format("{:x}\r\n", from.size());
    const std::string_view pieces[] = {head_, size, text_of(from), "\r\n"};
    TRY(stream_.write(pieces));
  } else {
    const std::string_view pieces[] = {head_, text_of(from)};
    TRY(stream_.write(pieces));
  }
  head_.clear();
  return {};
}

Result<void> BodyWriter::write_file(int file, std::uint64_t offset, std::uint64_t length) {
  if (framing_.kind == Framing::Kind::None || length == 0) return flush_head();
  TRY(account(length));
  const std::string_view head = head_;
  if (!head.empty()) TRY(stream_.write(std::span(&head, 1), true));
  head_.clear();
  return stream_.write_file(file, offset, length);
}

Result<void> BodyWriter::finish() {
  if (framing_.kind == Framing::Kind::Length && left_ > 0)
    return error(Code::InvalidArgument, "the body is {} bytes shorter than its Content-Length", left_);
  if (framing_.kind == Framing::Kind::Chunked) {
    const std::string_view pieces[] = {head_, "0\r\n\r\n"};
    TRY(stream_.write(pieces));
    head_.clear();
    return {};
  }
  return flush_head();
}

}  // namespace gantry::http
