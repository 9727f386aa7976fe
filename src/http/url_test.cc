// SPDX-License-Identifier: Apache-2.0
#include "http/url.h"

#include <gtest/gtest.h>

#include <string>

#include "testing/must.h"

namespace gantry::http {
namespace {

TEST(Url, HasItsParts) {
  const Url url = MUST(Url::parse("HTTPS://us%40er:pw@Registry.Example:5000/v2/a%2Fb?n=1&x#fragment"));
  EXPECT_EQ(url.scheme, "https");
  EXPECT_EQ(url.user_info, "us%40er:pw");
  EXPECT_EQ(url.host, "registry.example");
  EXPECT_EQ(url.port, 5000);
  EXPECT_EQ(url.path, "/v2/a%2Fb");
  EXPECT_EQ(url.query, "n=1&x");
  EXPECT_EQ(url.target(), "/v2/a%2Fb?n=1&x");
  EXPECT_EQ(url.str(), "https://registry.example:5000/v2/a%2Fb?n=1&x");
}

TEST(Url, FillsInWhatIsNotThere) {
  EXPECT_EQ(MUST(Url::parse("http://a")).target(), "/");
  EXPECT_EQ(MUST(Url::parse("http://a?q")).target(), "/?q");
  EXPECT_EQ(MUST(Url::parse("http://a:/b")).effective_port(), 80);
  EXPECT_EQ(MUST(Url::parse("https://a")).origin(), "https://a:443");
  EXPECT_EQ(MUST(Url::parse("https://a:443/")).authority(), "a");
  EXPECT_EQ(MUST(Url::parse("http://[2001:DB8::1]:80/")).host, "2001:db8::1");
  EXPECT_EQ(MUST(Url::parse("http://[::1]:8080")).authority(), "[::1]:8080");
}

TEST(Url, RefusesWhatIsNone) {
  for (const char* bad : {"",
                          "a",
                          "/a",
                          "ftp://a/",
                          "http:",
                          "http:/a",
                          "http://",
                          "http:///a",
                          "http://a b/",
                          "http://a/b c",
                          "http://a\r\nX: y/",
                          "http://a:0/",
                          "http://a:65536/",
                          "http://a:x/",
                          "http://a:80:80/",
                          "http://[::1/",
                          "http://[x]/",
                          "http://[::1]x/",
                          "http://[::1]80/",
                          "http://\xc3\xa9/",
                          "http://a/\x7f",
                          "http://@/",
                          "file:///etc/passwd",
                          "http://a,b/"})
    EXPECT_FALSE(Url::parse(bad)) << bad;
}

TEST(Url, ResolvesReferences) {
  // RFC 3986 section 5.4, as far as http URLs have it.
  const Url base = MUST(Url::parse("http://a/b/c/d?q"));
  const std::pair<const char*, const char*> kCases[] = {
      {"g", "/b/c/g"},      {"./g", "/b/c/g"},      {"g/", "/b/c/g/"},    {"/g", "/g"},
      {"?y", "/b/c/d?y"},   {"g?y", "/b/c/g?y"},    {"", "/b/c/d?q"},     {".", "/b/c/"},
      {"./", "/b/c/"},      {"..", "/b/"},          {"../", "/b/"},       {"../g", "/b/g"},
      {"../..", "/"},       {"../../g", "/g"},      {"../../../g", "/g"}, {"/./g", "/g"},
      {"/../g", "/g"},      {"g.", "/b/c/g."},      {"..g", "/b/c/..g"},  {"./../g", "/b/g"},
      {"./g/.", "/b/c/g/"}, {"g/./h", "/b/c/g/h"},  {"g/../h", "/b/c/h"}, {"g?y/./x", "/b/c/g?y/./x"},
      {"#s", "/b/c/d?q"},   {"g#s/../x", "/b/c/g"},
  };
  for (const auto& [reference, target] : kCases)
    EXPECT_EQ(MUST(base.resolve(reference)).target(), target) << reference;
  EXPECT_EQ(MUST(base.resolve("//other:1/x")).str(), "http://other:1/x");
  EXPECT_EQ(MUST(base.resolve("https://other/x")).origin(), "https://other:443");
  EXPECT_FALSE(base.resolve("file:///x"));
  EXPECT_FALSE(base.resolve("/x y"));
}

TEST(Url, UserInfoStaysAtItsOrigin) {
  const Url base = MUST(Url::parse("http://user:pw@a/b"));
  EXPECT_EQ(MUST(base.resolve("/c")).user_info, "user:pw");
  EXPECT_EQ(MUST(base.resolve("//other/c")).user_info, "");
  EXPECT_EQ(MUST(base.resolve("http://a/c")).user_info, "");
}

TEST(Percent, EncodesAndDecodes) {
  EXPECT_EQ(percent_encode("a b/\xc3\xa9~"), "a%20b%2F%C3%A9~");
  EXPECT_EQ(percent_encode("a/b", "/"), "a/b");
  EXPECT_EQ(MUST(percent_decode("a%20b%2f%00")), std::string("a b/\0", 5));
  for (const char* bad : {"%", "%2", "%g0", "%0g", "a%"}) EXPECT_FALSE(percent_decode(bad)) << bad;
}

TEST(Query, HasParameters) {
  const Query query = MUST(Query::parse("n=10&last=a%2Fb&&flag&n=11&x=a+b&y=="));
  EXPECT_EQ(query.get("n"), "10");
  EXPECT_EQ(query.all("n").size(), 2U);
  EXPECT_EQ(query.get("last"), "a/b");
  EXPECT_EQ(query.get("flag"), "");
  EXPECT_EQ(query.get("x"), "a b");
  EXPECT_EQ(query.get("y"), "=");
  EXPECT_FALSE(query.has("z"));
  EXPECT_FALSE(Query::parse("a=%"));
  Query made;
  made.add("a b", "c&d");
  made.add("e", "");
  EXPECT_EQ(made.str(), "a%20b=c%26d&e=");
}

}  // namespace
}  // namespace gantry::http
