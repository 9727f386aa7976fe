// SPDX-License-Identifier: Apache-2.0
//
// Message bodies on a connection, the same for both sides: out of their framing
// and into it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/byte_stream.h"
#include "base/error.h"
#include "http/buffer.h"
#include "http/parser.h"
#include "http/stream.h"

namespace gantry::http {

// Reads exactly one body: what is behind it stays in the buffer and the socket.
class BodyReader final : public ByteSource {
 public:
  using Hook = std::move_only_function<Result<void>()>;

  BodyReader(Stream& stream, Buffer& buffer, Framing framing);

  // More bytes than this are an Error ResourceExhausted.
  void set_limit(std::uint64_t bytes) { limit_ = bytes; }
  // Is called once, when somebody wants the body.
  void set_before_first_read(Hook hook) { before_first_read_ = std::move(hook); }

  Result<std::size_t> read(std::span<std::byte> into) override;
  // For event loops: never waits.
  Result<Stream::Attempt> try_read(std::span<std::byte> into);

  // The whole body was read, so the connection stands at what follows it.
  bool is_finished() const { return is_finished_; }
  bool has_failed() const { return has_failed_; }
  bool is_over_limit() const { return bytes_read_ > limit_; }
  // Nobody has asked for it yet, so a peer that waits for 100 Continue has not sent it.
  bool is_unasked() const { return static_cast<bool>(before_first_read_); }
  std::uint64_t bytes_read() const { return bytes_read_; }
  std::optional<std::uint64_t> length() const;

 private:
  Result<Stream::Attempt> read_step(std::span<std::byte> into);
  Result<Stream::Attempt> read_framed(std::span<std::byte> into);
  Result<Stream::Attempt> read_raw(std::span<std::byte> into);
  Result<Stream::Attempt> read_chunks(std::span<std::byte> into);
  Result<Stream::Attempt> fetch(std::span<std::byte> into);

  Stream& stream_;
  Buffer& buffer_;
  const Framing framing_;
  std::uint64_t left_;  // of Kind::Length
  std::optional<ChunkDecoder> chunks_;
  Hook before_first_read_;
  std::uint64_t limit_ = UINT64_MAX;
  std::uint64_t bytes_read_ = 0;
  bool may_wait_ = true;
  bool is_finished_;
  bool has_failed_ = false;
};

// Writes a head and its body. The head goes out with the first bytes of the body, in one packet.
class BodyWriter final : public ByteSink {
 public:
  // Kind::None drops what is written.
  BodyWriter(Stream& stream, std::string head, Framing framing);

  Result<void> flush_head();
  Result<void> write(std::span<const std::byte> from) override;
  // `length` bytes of a file; not in chunks.
  Result<void> write_file(int file, std::uint64_t offset, std::uint64_t length);
  // Fails when fewer bytes were written than the head has announced.
  Result<void> finish();

  std::uint64_t bytes_written() const { return bytes_written_; }

 private:
  Result<void> account(std::uint64_t bytes);

  Stream& stream_;
  std::string head_;  // empty once it is written
  const Framing framing_;
  std::uint64_t left_;
  std::uint64_t bytes_written_ = 0;
};

}  // namespace gantry::http
