// SPDX-License-Identifier: Apache-2.0
#include "base/byte_stream.h"

#include <gtest/gtest.h>

#include <string>

#include "base/file.h"
#include "base/hex.h"
#include "base/read_ahead.h"
#include "testing/must.h"
#include "testing/temp_dir.h"

namespace gantry {
namespace {

using testing::TempDir;

std::string pattern(std::size_t size) {
  std::string text(size, '\0');
  for (std::size_t i = 0; i < size; ++i) text[i] = static_cast<char>(i * 7 + i / 251);
  return text;
}

// Answers at most `most` bytes at once, and fails after `good` bytes.
class Trickle final : public ByteSource {
 public:
  Trickle(std::string_view text, std::size_t most, std::size_t good = std::string::npos)
      : rest_(text), most_(most), good_(good) {}
  Result<std::size_t> read(std::span<std::byte> into) override {
    if (good_ == 0) return error(Code::Unavailable, "the line is cut");
    const std::size_t size = TRY(StringSource(rest_).read(into.first(std::min({into.size(), most_, good_}))));
    rest_.remove_prefix(size);
    good_ -= size;
    return size;
  }

 private:
  std::string_view rest_;
  std::size_t most_, good_;
};

TEST(ByteStream, CopyMovesEverythingHoweverItArrives) {
  const std::string text = pattern(700'000);
  Trickle source(text, 1237);
  StringSink sink;
  EXPECT_EQ(MUST(copy(source, sink)), text.size());
  EXPECT_EQ(sink.text(), text);
}

TEST(ByteStream, AFileIsReadFromWhereItStandsAndWrittenWhole) {
  TempDir directory;
  const std::string text = pattern(600'000);
  {
    UniqueFd fd = MUST(open_at(directory.fd(), "x", O_WRONLY | O_CREAT, 0600));
    FdSink sink(fd.get(), "x");
    MUST(sink.write(bytes_of(text)));
  }
  UniqueFd fd = MUST(open_at(directory.fd(), "x", O_RDONLY));
  ASSERT_EQ(::lseek(fd.get(), 5, SEEK_SET), 5);
  FdSource source(fd.get(), "x");
  EXPECT_EQ(MUST(read_all(source, "x", 1 << 20)), text.substr(5));
}

TEST(ByteStream, AFailedReadNamesTheFile) {
  FdSource source(-1, "etc/motd");
  std::byte byte;
  const auto result = source.read(std::span(&byte, 1));
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().message(), "read 'etc/motd': Bad file descriptor (EBADF)");
}

TEST(ByteStream, ReadAllStopsAtItsLimit) {
  const std::string text = pattern(1000);
  StringSource fits(text), does_not(text);
  EXPECT_EQ(MUST(read_all(fits, "x", 1000)), text);
  const auto result = read_all(does_not, "x", 999);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code(), Code::ResourceExhausted);
}

TEST(ByteStream, ReadFullyGathersPiecesAndStopsAtTheEnd) {
  Trickle source("abcdefgh", 3);
  std::byte buffer[5];
  EXPECT_EQ(MUST(read_fully(source, buffer)), 5U);
  EXPECT_EQ(text_of(buffer), "abcde");
  EXPECT_EQ(MUST(read_fully(source, buffer)), 3U);
}

TEST(ByteStream, ATeeShowsWhatIsRead) {
  Trickle source("abcdef", 2);
  StringSink seen;
  TeeSource tee(source, seen);
  EXPECT_EQ(MUST(read_all(tee, "x", 10)), "abcdef");
  EXPECT_EQ(seen.text(), "abcdef");
}

TEST(ReadAhead, BytesComeInOrderThroughFewSmallBuffers) {
  const std::string text = pattern(300'000);
  Trickle source(text, 999);
  ReadAhead ahead(source, 2, 4096);
  EXPECT_EQ(MUST(read_all(ahead, "x", 1 << 20)), text);
  std::byte byte;
  EXPECT_EQ(MUST(ahead.read(std::span(&byte, 1))), 0U) << "the end stays the end";
}

TEST(ReadAhead, PiecesAndReadsTakeTheSameBytesInTurns) {
  const std::string text = pattern(300'000);
  Trickle source(text, 999);
  ReadAhead ahead(source, 3, 4096);
  std::string got;
  for (;;) {
    std::byte first[100];
    got += text_of(std::span(first).first(MUST(ahead.read(first))));
    const std::span<const std::byte> rest = MUST(ahead.next_piece());
    got += text_of(rest);
    if (rest.empty()) break;
  }
  EXPECT_EQ(got, text);
  EXPECT_TRUE(MUST(ahead.next_piece()).empty()) << "the end stays the end";
}

TEST(BufferedPieces, HandOutWhatIsAtHand) {
  const std::string text = pattern(10'000);
  Trickle source(text, 999);
  BufferedPieces pieces(source, 4096);
  std::string got;
  for (;;) {
    const std::span<const std::byte> piece = MUST(pieces.next_piece());
    if (piece.empty()) break;
    EXPECT_LE(piece.size(), 999U);
    got += text_of(piece);
  }
  EXPECT_EQ(got, text);
}

TEST(ReadAhead, AnErrorComesBehindTheBytesBeforeIt) {
  const std::string text = pattern(50'000);
  Trickle source(text, 1000, 20'000);
  ReadAhead ahead(source, 3, 4096);
  std::string got;
  for (;;) {
    std::byte buffer[512];
    const auto size = ahead.read(buffer);
    if (!size) {
      EXPECT_EQ(size.error().message(), "the line is cut");
      break;
    }
    ASSERT_GT(*size, 0U);
    got += text_of(std::span(buffer).first(*size));
  }
  EXPECT_EQ(got, text.substr(0, 20'000));
}

TEST(ReadAhead, WhoStopsReadingEndsTheThread) {
  const std::string text = pattern(300'000);
  StringSource source(text);
  ReadAhead ahead(source, 2, 1024);
  std::byte byte;
  EXPECT_EQ(MUST(ahead.read(std::span(&byte, 1))), 1U);
}

TEST(Hex, BothDirections) {
  const std::string bytes("\x00\x7f\x80\xff", 4);
  EXPECT_EQ(to_hex(bytes_of(bytes)), "007f80ff");
  EXPECT_EQ(from_hex("007F80ff"), bytes);
  EXPECT_EQ(from_hex(""), "");
  EXPECT_EQ(from_hex("0"), std::nullopt);
  EXPECT_EQ(from_hex("0g"), std::nullopt);
}

}  // namespace
}  // namespace gantry
