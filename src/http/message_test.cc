// SPDX-License-Identifier: Apache-2.0
#include "http/message.h"

#include <gtest/gtest.h>

#include "testing/must.h"

namespace gantry::http {
namespace {

TEST(HeaderMap, ComparesNamesWithoutCaseAndKeepsTheOrder) {
  HeaderMap headers{{"Content-Type", "a"}, {"X", "1"}, {"x", "2"}};
  EXPECT_EQ(headers.get("content-TYPE"), "a");
  EXPECT_EQ(headers.count("X"), 2U);
  EXPECT_EQ(headers.all("x").back(), "2");
  headers.set("X", "3");
  EXPECT_EQ(headers.count("x"), 1U);
  headers.remove("CONTENT-type");
  EXPECT_FALSE(headers.has("Content-Type"));
}

TEST(HeaderMap, FindsWordsInLists) {
  const HeaderMap headers{{"Connection", "keep-alive , Upgrade"}, {"connection", "x"}};
  EXPECT_TRUE(headers.has_token("Connection", "upgrade"));
  EXPECT_TRUE(headers.has_token("Connection", "X"));
  EXPECT_FALSE(headers.has_token("Connection", "keep"));
  EXPECT_FALSE(headers.has_token("Connection", "alive"));
}

TEST(Heads, AreWrittenOnlyWhenTheyAreSound) {
  EXPECT_EQ(MUST(serialize(RequestHead{.method = "PUT", .target = "/x?y", .headers = {{"A", "b c"}}})),
            "PUT /x?y HTTP/1.1\r\nA: b c\r\n\r\n");
  EXPECT_EQ(MUST(serialize(ResponseHead{.status = 404})), "HTTP/1.1 404 Not Found\r\n\r\n");
  EXPECT_EQ(MUST(serialize(ResponseHead{.status = 299})), "HTTP/1.1 299 \r\n\r\n");
  for (const Header& bad : {Header{"A", "b\r\nC: d"}, Header{"A", "b\n"}, Header{"A", std::string("b\0", 2)},
                            Header{"A:", "b"}, Header{"A B", "c"}, Header{"", "c"}, Header{"A\r\n", "c"}})
    EXPECT_FALSE(serialize(ResponseHead{.headers = {bad}}));
  EXPECT_FALSE(serialize(RequestHead{.method = "GET /"}));
  EXPECT_FALSE(serialize(RequestHead{.target = "/a b"}));
  EXPECT_FALSE(serialize(RequestHead{.target = "/\r\n"}));
  EXPECT_FALSE(serialize(ResponseHead{.status = 20}));
}

TEST(Dates, AreReadAsTheyAreWritten) {
  EXPECT_EQ(format_http_date(784111777), "Sun, 06 Nov 1994 08:49:37 GMT");
  EXPECT_EQ(parse_http_date("Sun, 06 Nov 1994 08:49:37 GMT"), 784111777);
  for (const char* bad : {"", "Mon, 06 Nov 1994 08:49:37 GMT", "Sun, 31 Feb 1994 08:49:37 GMT",
                          "Sun, 06 Nov 1994 08:49:37 UTC", "Sun, 06 Nov 1994 8:49:37 GMTx"})
    EXPECT_EQ(parse_http_date(bad), std::nullopt) << bad;
}

TEST(Ranges, AreCutToWhatIsThere) {
  const auto range = [](const char* value, std::uint64_t size) { return MUST(parse_range(value, size)); };
  EXPECT_EQ(range("bytes=0-0", 10), (ByteRange{0, 1}));
  EXPECT_EQ(range("bytes=5-", 10), (ByteRange{5, 5}));
  EXPECT_EQ(range("bytes=5-100", 10), (ByteRange{5, 5}));
  EXPECT_EQ(range("bytes=-3", 10), (ByteRange{7, 3}));
  EXPECT_EQ(range("bytes=-30", 10), (ByteRange{0, 10}));
  EXPECT_EQ(range("Bytes= 1-2", 10), (ByteRange{1, 2}));
  for (const char* ignored : {"lines=1-2", "bytes=1-2,4-5", "bytes=2-1", "bytes=a-b", "bytes=", "bytes=-",
                              "bytes", "bytes=+1-2", "bytes=1-18446744073709551616"})
    EXPECT_EQ(range(ignored, 10), std::nullopt) << ignored;
  for (const char* outside : {"bytes=10-", "bytes=10-20", "bytes=-0", "bytes=99-"})
    EXPECT_FALSE(parse_range(outside, 10)) << outside;
  EXPECT_FALSE(parse_range("bytes=-1", 0));
}

TEST(ContentRanges, AreReadAsTheyAreWritten) {
  EXPECT_EQ(format_content_range({.range = {10, 5}, .size = 100}), "bytes 10-14/100");
  EXPECT_EQ(format_content_range({.size = 100}), "bytes */100");
  const ContentRange known = MUST(parse_content_range("bytes 10-14/100"));
  EXPECT_EQ(known.range, (ByteRange{10, 5}));
  EXPECT_EQ(known.size, 100U);
  EXPECT_EQ(MUST(parse_content_range("bytes 0-0/*")).size, std::nullopt);
  for (const char* bad : {"", "bytes 0-9", "bytes 9-0/10", "bytes 0-10/10", "0-9/10", "bytes 0-9/x",
                          "bytes -9/10", "bytes 0-18446744073709551615/*"})
    EXPECT_FALSE(parse_content_range(bad)) << bad;
}

TEST(RetryAfter, IsSecondsOrADate) {
  EXPECT_EQ(parse_retry_after("120", 0), 120U);
  EXPECT_EQ(parse_retry_after("Sun, 06 Nov 1994 08:49:37 GMT", 784111770), 7U);
  EXPECT_EQ(parse_retry_after("Sun, 06 Nov 1994 08:49:37 GMT", 784111999), 0U);
  EXPECT_EQ(parse_retry_after("soon", 0), std::nullopt);
  EXPECT_EQ(parse_retry_after("-1", 0), std::nullopt);
}

TEST(Basic, CredentialsAreReadAsTheyAreWritten) {
  EXPECT_EQ(format_basic({"Aladdin", "open sesame"}), "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
  const auto read = parse_basic("basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
  ASSERT_TRUE(read);
  EXPECT_EQ(read->user, "Aladdin");
  EXPECT_EQ(read->password, "open sesame");
  for (const char* bad : {"", "Basic", "Basic ", "Bearer QWxh", "Basic !!!!", "Basic QWxh"})
    EXPECT_FALSE(parse_basic(bad)) << bad;
}

TEST(Statuses, AndCodesAreTranslatedBothWays) {
  EXPECT_EQ(status_of(Code::NotFound), 404);
  EXPECT_EQ(code_of_status(404), Code::NotFound);
  EXPECT_EQ(code_of_status(418), Code::InvalidArgument);
  EXPECT_EQ(code_of_status(599), Code::Internal);
}

}  // namespace
}  // namespace gantry::http
