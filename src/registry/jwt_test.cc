// SPDX-License-Identifier: Apache-2.0
#include "registry/jwt.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "base/base64.h"
#include "base/file.h"
#include "testing/must.h"
#include "testing/temp_dir.h"

namespace gantry::registry {
namespace {

// The key of RFC 7515, appendix A.3, and the token that it signed there.
constexpr const char* kRfcKey =
    "-----BEGIN PUBLIC KEY-----\n"
    "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEf83OJ3D2xF1Bg8vub9tLe1gHMzV7\n"
    "6e8Tus9uPHvRVEXH8UTNG72bfocs3+257rn0s2ldbqkLJK2KRiMohYjlrQ==\n"
    "-----END PUBLIC KEY-----\n";
constexpr std::string_view kRfcToken =
    "eyJhbGciOiJFUzI1NiJ9"
    ".eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ"
    ".DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q";

Claims sample() {
  return {.issuer = "here",
          .subject = "alice",
          .audience = {"registry"},
          .expires = 2000,
          .not_before = 1000,
          .issued = 1000,
          .id = "1",
          .access = {{"repository", "team/web", {"pull", "push"}}}};
}

std::string with_part(const std::string& token, int part, std::string_view text) {
  std::vector<std::string> parts(3);
  std::size_t at = 0;
  for (std::string& piece : parts) {
    const std::size_t dot = token.find('.', at);
    piece = token.substr(at, dot - at);
    at = dot + 1;
  }
  parts[static_cast<std::size_t>(part)] = text;
  return parts[0] + "." + parts[1] + "." + parts[2];
}

std::string encoded(std::string_view text) {
  std::string out = to_base64url(text);
  out.erase(out.find_last_not_of('=') + 1);
  return out;
}

TEST(Token, TheExampleOfTheRfcIsVerified) {
  const TokenKey key = MUST(TokenKey::parse_public(kRfcKey));
  const Claims claims = MUST(key.verify(kRfcToken));
  EXPECT_EQ(claims.issuer, "joe");
  EXPECT_EQ(claims.expires, 1300819380);
}

TEST(Token, WhatWasSignedIsReadBack) {
  const testing::TempDir dir;
  const TokenKey key = MUST(TokenKey::load_or_create(dir / "key.pem"));
  const Claims claims = MUST(key.verify(MUST(key.sign(sample()))));
  EXPECT_EQ(claims.subject, "alice");
  EXPECT_EQ(claims.audience, std::vector<std::string>{"registry"});
  ASSERT_EQ(claims.access.size(), 1U);
  EXPECT_EQ(claims.access[0].actions, (std::vector<std::string>{"pull", "push"}));
}

TEST(Token, AKeyIsMadeOnceForItsOwnerAlone) {
  const testing::TempDir dir;
  const TokenKey first = MUST(TokenKey::load_or_create(dir / "key.pem"));
  const TokenKey again = MUST(TokenKey::load_or_create(dir / "key.pem"));
  EXPECT_EQ(first.id(), again.id());
  EXPECT_EQ(first.id().size(), 59U);  // twelve groups of four
  struct stat status;
  ASSERT_EQ(::stat((dir / "key.pem").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777U, 0600U);
  EXPECT_EQ(MUST(names_in(dir.fd(), ".")).size(), 1U);
}

TEST(Token, AnotherKeyDoesNotVerify) {
  const testing::TempDir dir;
  const TokenKey ours = MUST(TokenKey::load_or_create(dir / "a.pem"));
  const TokenKey other = MUST(TokenKey::load_or_create(dir / "b.pem"));
  const auto result = other.verify(MUST(ours.sign(sample())));
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code(), Code::PermissionDenied);
}

TEST(Token, NothingInItCanBeChanged) {
  const testing::TempDir dir;
  const TokenKey key = MUST(TokenKey::load_or_create(dir / "key.pem"));
  const std::string token = MUST(key.sign(sample()));
  for (std::size_t at = 0; at < token.size(); ++at) {
    std::string changed = token;
    changed[at] = changed[at] == 'A' ? 'B' : 'A';
    EXPECT_FALSE(key.verify(changed)) << at;
  }
}

TEST(Token, TheKeyDecidesTheAlgorithm) {
  const testing::TempDir dir;
  const TokenKey key = MUST(TokenKey::load_or_create(dir / "key.pem"));
  const std::string token = MUST(key.sign(sample()));
  for (const char* header : {R"({"alg":"none"})", R"({"alg":"HS256"})", R"({"alg":"RS256"})", R"({})", "[]"})
    EXPECT_FALSE(key.verify(with_part(token, 0, encoded(header)))) << header;
  EXPECT_FALSE(key.verify(with_part(token, 2, "")));
}

TEST(Token, WhatIsNoTokenIsRefused) {
  const TokenKey key = MUST(TokenKey::parse_public(kRfcKey));
  for (const std::string_view text : {"", ".", "..", "a.b", "a.b.c.d", "!.!.!", "e30.e30.", "e30.e30.e30"})
    EXPECT_FALSE(key.verify(text)) << text;
  EXPECT_FALSE(key.verify(std::string(100'000, 'a')));
}

TEST(Token, ClaimsHoldForTheirTimeIssuerAndAudience) {
  const Claims claims = sample();
  EXPECT_TRUE(check_claims(claims, "here", "registry", 1500));
  EXPECT_FALSE(check_claims(claims, "there", "registry", 1500));
  EXPECT_FALSE(check_claims(claims, "here", "other", 1500));
  EXPECT_TRUE(check_claims(claims, "here", "registry", 2050));  // clocks differ
  EXPECT_FALSE(check_claims(claims, "here", "registry", 2100));
  EXPECT_FALSE(check_claims(claims, "here", "registry", 900));
}

}  // namespace
}  // namespace gantry::registry
