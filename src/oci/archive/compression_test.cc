// SPDX-License-Identifier: Apache-2.0
#include "oci/archive/compression.h"
#include "oci/archive/trickle.h"

#include <gtest/gtest.h>
#include <zlib.h>
#include <zstd.h>

#include <random>
#include <string>
#include <vector>

#include "testing/must.h"

namespace gantry::oci {
namespace {

// Neither random nor uniform.
std::string sample(std::size_t size) {
  std::mt19937 random(7);
  std::string text;
  while (text.size() < size) {
    text += "line " + std::to_string(random() % 5000) + " of a file that compresses like most files do\n";
    text += static_cast<char>(random());
  }
  text.resize(size);
  return text;
}

std::string zlib_gzip(std::string_view text) {
  z_stream stream{};
  EXPECT_EQ(::deflateInit2(&stream, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
  std::string out(::deflateBound(&stream, text.size()) + 64, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  EXPECT_EQ(::deflate(&stream, Z_FINISH), Z_STREAM_END);
  out.resize(stream.total_out);
  (void)::deflateEnd(&stream);
  return out;
}

std::string zstd(std::string_view text, int level = 3) {
  std::string out(ZSTD_compressBound(text.size()), '\0');
  out.resize(ZSTD_compress(out.data(), out.size(), text.data(), text.size(), level));
  return out;
}

Result<std::string> unpacked(std::string_view data, std::size_t most_in = std::string::npos,
                             std::size_t most_out = kStreamBuffer, const DecompressLimits& limits = {}) {
  Trickle source(data, most_in);
  const std::unique_ptr<Decompressor> decompressor = TRY(decompress(source, limits));
  std::string text;
  std::vector<std::byte> buffer(most_out);
  while (const std::size_t size = TRY(decompressor->read(buffer)))
    text += text_of(std::span(buffer).first(size));
  EXPECT_EQ(decompressor->bytes_in(), data.size());
  EXPECT_EQ(decompressor->bytes_out(), text.size());
  return text;
}

std::string packed(std::string_view text, const CompressOptions& options, std::size_t piece = 100'000) {
  StringSink sink;
  const std::unique_ptr<Compressor> compressor = MUST(compress(sink, options));
  while (!text.empty()) {
    const std::size_t size = std::min(piece, text.size());
    MUST(compressor->write(bytes_of(text.substr(0, size))));
    text.remove_prefix(size);
  }
  MUST(compressor->finish());
  return sink.take();
}

TEST(Compression, IsDetectedByItsFirstBytes) {
  EXPECT_EQ(detect_compression(bytes_of(zlib_gzip("x"))), Compression::Gzip);
  EXPECT_EQ(detect_compression(bytes_of(zstd("x"))), Compression::Zstd);
  EXPECT_EQ(detect_compression(bytes_of("etc/motd")), Compression::None);
  EXPECT_EQ(detect_compression({}), Compression::None);
}

TEST(Decompress, OthersWritersStreamsComeOutInWhateverPieces) {
  const std::string text = sample(400'000);
  for (const std::string& data : {zlib_gzip(text), zstd(text), text}) {
    EXPECT_EQ(MUST(unpacked(data)), text);
    EXPECT_EQ(MUST(unpacked(data, 1)), text);
    EXPECT_EQ(MUST(unpacked(data, 4099, 7)), text);
  }
}

TEST(Decompress, MembersAndFramesInARowAreOneStream) {
  const std::string text = sample(30'000);
  std::string gzip, frames, expected;
  for (std::size_t i = 0; i < 300; ++i) {
    const std::string part = text.substr(0, i * i % 997);
    gzip += zlib_gzip(part);
    frames += zstd(part);
    expected += part;
  }
  for (const std::size_t most :
       {std::size_t{1}, std::size_t{2}, std::size_t{7}, std::size_t{1000}, std::string::npos}) {
    SCOPED_TRACE(most);
    EXPECT_EQ(MUST(unpacked(gzip, most)), expected);
    EXPECT_EQ(MUST(unpacked(frames, most)), expected);
    EXPECT_EQ(MUST(unpacked(gzip, most, 13)), expected);
  }
}

TEST(Decompress, HeadersWithNameCommentAndExtraFieldAreRead) {
  const std::string text = sample(1000);
  std::string plain = zlib_gzip(text);
  std::string header = plain.substr(0, 10);
  header[3] = 0x1c;  // FEXTRA, FNAME, FCOMMENT
  const std::string data =
      header + std::string("\x05\x00", 2) + "extra" + std::string("name\0comment\0", 13) + plain.substr(10);
  EXPECT_EQ(MUST(unpacked(data)), text);
  EXPECT_EQ(MUST(unpacked(data, 1)), text);
}

TEST(Decompress, ZerosBehindGzipArePadding) {
  const std::string data = zlib_gzip("abc") + std::string(10'000, '\0');
  EXPECT_EQ(MUST(unpacked(data)), "abc");
  const auto garbage = unpacked(data + "x");
  ASSERT_FALSE(garbage);
  EXPECT_EQ(garbage.error().code(), Code::InvalidArgument);
  EXPECT_FALSE(unpacked(zlib_gzip("abc") + "x"));
}

TEST(Decompress, AStreamCutAnywhereIsRefused) {
  const std::string text = sample(3000);
  for (const std::string& data :
       {zlib_gzip(text), zstd(text), packed(text, {.compression = Compression::Zstd})}) {
    for (std::size_t size = 4; size < data.size(); ++size) {
      const auto result = unpacked(data.substr(0, size));
      ASSERT_FALSE(result) << size;
      EXPECT_EQ(result.error().code(), Code::InvalidArgument);
    }
  }
}

TEST(Decompress, ADamagedStreamIsRefused) {
  const std::string text = sample(3000);
  // The checksum covers what comes out, so every bit counts but those of the header that say nothing.
  const std::string data = zlib_gzip(text);
  for (std::size_t i = 10; i < data.size(); ++i) {
    std::string damaged = data;
    damaged[i] = static_cast<char>(damaged[i] ^ 0x10);
    for (const std::size_t most_in : {std::size_t{1}, std::size_t{13}, data.size()})
      EXPECT_FALSE(unpacked(damaged, most_in)) << i << " in pieces of " << most_in;
  }
  const std::string frame = packed(text, {.compression = Compression::Zstd});
  std::string damaged = frame;
  damaged[frame.size() - 1] = static_cast<char>(damaged[frame.size() - 1] ^ 1);
  EXPECT_FALSE(unpacked(damaged));
}

TEST(Decompress, BombsEndAtTheLimits) {
  const std::string zeros(64 << 20, '\0');
  for (const std::string& bomb : {zlib_gzip(zeros), zstd(zeros)}) {
    auto result = unpacked(bomb, 4096, kStreamBuffer, {.max_bytes = 10 << 20});
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().code(), Code::ResourceExhausted);
    result = unpacked(bomb, 4096, kStreamBuffer, {.max_ratio = 100});
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().code(), Code::ResourceExhausted);
  }
  EXPECT_FALSE(unpacked(zstd(zeros), 4096)) << "zstd reaches ratios that nobody needs";
}

// Of a length that is not known when it begins.
std::string zstd_with_window(std::string_view text, int window_log) {
  ZSTD_CCtx* context = ZSTD_createCCtx();
  ZSTD_CCtx_setParameter(context, ZSTD_c_windowLog, window_log);
  std::string data(ZSTD_compressBound(text.size()), '\0');
  ZSTD_outBuffer out{data.data(), data.size(), 0};
  ZSTD_inBuffer in{text.data(), text.size(), 0};
  EXPECT_FALSE(ZSTD_isError(ZSTD_compressStream2(context, &out, &in, ZSTD_e_continue)));
  EXPECT_EQ(ZSTD_compressStream2(context, &out, &in, ZSTD_e_end), 0U);
  ZSTD_freeCCtx(context);
  data.resize(out.pos);
  return data;
}

TEST(Decompress, RoomForAWindowIsAskedForBeforeItIsTaken) {
  struct Asked final : WindowRoom {
    Result<std::span<std::byte>> take(std::uint64_t bytes) override {
      sizes.push_back(bytes);
      return std::span<std::byte>();
    }
    void has_moved(std::uint64_t bytes) override { moved += bytes; }
    std::vector<std::uint64_t> sizes;
    std::uint64_t moved = 0;
  };
  constexpr std::uint64_t kBeside = 512 << 10;  // bytes, more than zstd needs for anything else
  const std::string text = sample(100'000);
  const std::string frames = zstd("x") + zstd(text.substr(0, 300)) + zstd(text) + zstd_with_window(text, 20) +
                             zstd_with_window(text, 19) + zstd_with_window(text, 24);
  for (const std::size_t most_in : {std::size_t{1}, std::string::npos}) {
    Asked asked;
    const std::string out = MUST(unpacked(frames, most_in, kStreamBuffer, {.windows = &asked}));
    EXPECT_EQ(asked.moved, out.size());
    const std::vector<std::uint64_t> windows = {1, 300, 100'000, 1 << 20, 1 << 24};
    ASSERT_EQ(asked.sizes.size(), windows.size());
    for (std::size_t i = 0; i < windows.size(); ++i) {
      EXPECT_GE(asked.sizes[i], windows[i]);
      EXPECT_LE(asked.sizes[i], windows[i] + kBeside);
    }
  }
  Asked none;
  EXPECT_FALSE(
      unpacked(zstd_with_window(text, 24), 1000, kStreamBuffer, {.max_window_log = 23, .windows = &none}));
  EXPECT_TRUE(none.sizes.empty()) << "what is refused needs no room";
}

TEST(Decompress, WindowsAreWhereTheirRoomIs) {
  struct Given final : WindowRoom {
    Result<std::span<std::byte>> take(std::uint64_t bytes) override {
      if (bytes > memory.size()) return error(Code::ResourceExhausted, "no room for {} bytes", bytes);
      return std::span(memory).first(bytes);
    }
    void has_moved(std::uint64_t) override {}
    std::vector<std::byte> memory = std::vector<std::byte>(2 << 20);
  };
  const std::string text = sample(3'000'000);
  Given given;
  EXPECT_EQ(MUST(unpacked(zstd_with_window(text, 20) + zstd_with_window(text, 18), 1000, kStreamBuffer,
                          {.windows = &given})),
            text + text);
  EXPECT_NE(given.memory, std::vector<std::byte>(given.memory.size()));
  const auto refused = unpacked(zstd_with_window(text, 22), 1000, kStreamBuffer, {.windows = &given});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), Code::ResourceExhausted);
}

TEST(Decompress, ALargeWindowIsTheSendersWishNotOurs) {
  const std::string text = sample(100'000);
  const std::string data = zstd_with_window(text, 24);
  EXPECT_EQ(MUST(unpacked(data, 1000)), text);
  const auto result = unpacked(data, 1000, kStreamBuffer, {.max_window_log = 23});
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().message(), "decompress zstd: a window of more than 8 MiB");
}

TEST(Decompress, OtherMethodsAreCalledByName) {
  const auto result =
      unpacked(std::string_view("\xfd"
                                "7zXZ\0\0\0",
                                8));
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code(), Code::Unsupported);
  EXPECT_EQ(result.error().message(), "decompress: xz is not supported, only gzip and zstd");
}

TEST(Compress, ComesBackAndDependsOnNothingButTheBytes) {
  for (const Compression method : {Compression::None, Compression::Gzip, Compression::Zstd}) {
    for (const std::size_t size : {0, 1, 1000, 1 << 20, (5 << 20) + 3}) {
      SCOPED_TRACE(size);
      const std::string text = sample(size);
      const std::string data = packed(text, {.compression = method, .threads = 1});
      EXPECT_EQ(MUST(unpacked(data)), text);
      EXPECT_EQ(detect_compression(bytes_of(data)), method);
      EXPECT_EQ(packed(text, {.compression = method, .threads = 3}, 333'333), data);
      EXPECT_EQ(packed(text, {.compression = method, .threads = 8}, 1 << 30), data);
    }
  }
}

TEST(Compress, LevelsOutOfRangeAreRefused) {
  StringSink sink;
  EXPECT_FALSE(compress(sink, {.compression = Compression::Gzip, .level = 13}));
  EXPECT_FALSE(compress(sink, {.compression = Compression::Zstd, .level = -1}));
}

}  // namespace
}  // namespace gantry::oci
