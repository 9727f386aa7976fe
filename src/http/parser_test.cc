// SPDX-License-Identifier: Apache-2.0
#include "http/parser.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "base/byte_stream.h"
#include "testing/must.h"

namespace gantry::http {
namespace {

TEST(HeadFinder, FindsTheEndWhereverTheBytesAreCut) {
  const std::string head = "GET / HTTP/1.1\r\nA: b\r\n\r\n";
  HeadFinder finder;
  for (std::size_t size = 0; size < head.size(); ++size)
    EXPECT_EQ(MUST(finder.find(head.substr(0, size))), std::nullopt) << size;
  EXPECT_EQ(MUST(finder.find(head + "body")), head.size());
}

TEST(HeadFinder, ComplainsAsSoonAsALineIsWrong) {
  for (const char* bad : {"GET / HTTP/1.1\n", "\n", "A\r\nB\n", "A\r\n b", "A\r\n\tb"}) {
    HeadFinder finder;
    EXPECT_FALSE(finder.find(bad)) << bad;
  }
}

TEST(Parser, SaysHowABodyEnds) {
  const auto framing = [](const std::string& fields) {
    return MUST(parse_request("POST / HTTP/1.1\r\nHost: x\r\n" + fields + "\r\n")).framing;
  };
  EXPECT_EQ(framing("").kind, Framing::Kind::None);
  EXPECT_EQ(framing("Content-Length: 0\r\n").kind, Framing::Kind::None);
  EXPECT_EQ(framing("Content-Length: 007\r\n").length, 7U);
  EXPECT_EQ(framing("Transfer-Encoding: CHUNKED\r\n").kind, Framing::Kind::Chunked);
}

TEST(Parser, KnowsWhichAnswersHaveNoBody) {
  const auto kind = [](const std::string& head, const char* method) {
    return MUST(parse_response("HTTP/1.1 " + head + "\r\n\r\n", method)).framing.kind;
  };
  EXPECT_EQ(kind("200 OK\r\nContent-Length: 5", "GET"), Framing::Kind::Length);
  EXPECT_EQ(kind("200 OK\r\nContent-Length: 5", "HEAD"), Framing::Kind::None);
  EXPECT_EQ(kind("200 OK", "GET"), Framing::Kind::UntilClose);
  EXPECT_EQ(kind("200 ", "CONNECT"), Framing::Kind::None);
  EXPECT_EQ(kind("204 No Content\r\nContent-Length: 5", "GET"), Framing::Kind::None);
  EXPECT_EQ(kind("304 Not Modified\r\nContent-Length: 5", "GET"), Framing::Kind::None);
}

TEST(Parser, KnowsWhetherAConnectionStaysOpen) {
  const auto stays = [](const std::string& version, const std::string& fields) {
    return MUST(parse_request("GET / HTTP/" + version + "\r\nHost: x\r\n" + fields + "\r\n")).keeps_alive;
  };
  EXPECT_TRUE(stays("1.1", ""));
  EXPECT_FALSE(stays("1.1", "Connection: foo, Close\r\n"));
  EXPECT_FALSE(stays("1.0", ""));
  EXPECT_TRUE(stays("1.0", "Connection: Keep-Alive\r\n"));
}

// Everything out of chunks that come in pieces of that size, read with that much room.
Result<std::string> decode(const std::string& chunks, std::size_t piece, std::size_t room) {
  ChunkDecoder decoder;
  std::string result, buffer;
  std::vector<std::byte> into(room);
  std::size_t fed = 0;
  for (;;) {
    const auto progress = TRY(decoder.decode(buffer, into));
    buffer.erase(0, progress.consumed);
    result += text_of(std::span(into).first(progress.produced));
    if (progress.is_done) return result + "|" + buffer;
    if (progress.produced > 0) continue;
    if (fed == chunks.size()) return error(Code::DataLoss, "not done");
    buffer += chunks.substr(fed, piece);
    fed = std::min(fed + piece, chunks.size());
  }
}

TEST(ChunkDecoder, DecodesHoweverTheBytesAreCut) {
  const std::string chunks =
      "4\r\nWiki\r\n5;a=b;c=\"d e\"\r\npedia\r\nE\r\n in\r\n\r\nchunks.\r\n0\r\nX: y\r\n\r\n";
  for (std::size_t piece = 1; piece <= chunks.size(); ++piece)
    for (const std::size_t room : {1, 3, 100})
      EXPECT_EQ(MUST(decode(chunks, piece, room)), "Wikipedia in\r\n\r\nchunks.|") << piece << " " << room;
  EXPECT_EQ(MUST(decode(chunks + "next", 1000, 7)), "Wikipedia in\r\n\r\nchunks.|next");
}

TEST(ChunkDecoder, RefusesWhatIsNoChunk) {
  for (const char* bad :
       {"g\r\n", "\r\n", "4\nWiki\r\n0\r\n\r\n", "4\r\nWikix\r\n0\r\n\r\n", "4\r\nWiki0\r\n\r\n",
        "ffffffffffffffffff\r\n", "4 \r\nWiki\r\n0\r\n\r\n", "0\r\nbad trailer\r\n\r\n"})
    for (const std::size_t piece : {1, 100}) EXPECT_FALSE(decode(bad, piece, 100)) << bad << piece;
}

}  // namespace
}  // namespace gantry::http
