// SPDX-License-Identifier: Apache-2.0
#include "kube/identity/key.h"

#include <gtest/gtest.h>

#include "base/base64.h"
#include "testing/must.h"

namespace gantry::kube {
namespace {

TEST(Key, VerifiesWhatItSigned) {
  const Key key = MUST(Key::generate());
  const std::string signature = MUST(key.sign("content"));
  EXPECT_EQ(signature.size(), 64u);
  EXPECT_TRUE(key.verify("ES256", "content", signature));
  EXPECT_FALSE(key.verify("ES256", "Content", signature));
  EXPECT_FALSE(key.verify("ES256", "content", signature.substr(1)));
  EXPECT_FALSE(MUST(Key::generate()).verify("ES256", "content", signature));
}

TEST(Key, TheAlgorithmMustBeTheKeys) {
  const Key key = MUST(Key::generate());
  const std::string signature = MUST(key.sign("content"));
  for (const char* algorithm : {"none", "HS256", "RS256", "ES384", ""})
    EXPECT_FALSE(key.verify(algorithm, "content", signature)) << algorithm;
}

TEST(Key, SurvivesPemAndJwk) {
  const Key key = MUST(Key::generate());
  const std::string signature = MUST(key.sign("content"));
  const Key again = MUST(Key::from_pem(MUST(key.private_pem())));
  EXPECT_TRUE(again.is_private());
  EXPECT_EQ(again.id(), key.id());
  const Key half = MUST(Key::from_pem(MUST(key.public_pem())));
  EXPECT_FALSE(half.is_private());
  EXPECT_TRUE(half.verify("ES256", "content", signature));
  EXPECT_FALSE(half.sign("content"));
  EXPECT_FALSE(half.private_pem());
  const Key web = MUST(Key::from_jwk(MUST(key.to_jwk())));
  EXPECT_EQ(web.id(), key.id());
  EXPECT_TRUE(web.verify("ES256", "content", signature));
}

TEST(Key, TextThatIsNoKeyIsRefused) {
  EXPECT_EQ(Key::from_pem("").error().code(), Code::InvalidArgument);
  EXPECT_EQ(Key::from_pem("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n").error().code(),
            Code::InvalidArgument);
  EXPECT_FALSE(Key::from_jwk(MUST(json::Tree::parse(R"({"kty":"oct","k":"AAAA"})"))));
  EXPECT_FALSE(Key::from_jwk(MUST(json::Tree::parse(R"({"kty":"EC","crv":"P-256","x":"AA","y":"AA"})"))));
  EXPECT_FALSE(Key::from_jwk(MUST(json::Tree::parse(R"({"kty":"RSA","n":"AQAB","e":"AQAB"})"))))
      << "too short";
}

// RFC 7515 appendix A.3 and A.2: keys and signatures of others.
TEST(Key, KnowsTheExamplesOfTheStandard) {
  const Key ec = MUST(Key::from_jwk(
      MUST(json::Tree::parse(R"({"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",)"
                             R"("y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"})"))));
  constexpr std::string_view kClaims =
      "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";
  EXPECT_TRUE(ec.verify(
      "ES256", fmt::format("eyJhbGciOiJFUzI1NiJ9.{}", kClaims),
      *from_jose_base64("DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-"
                        "Kg6NU1Q")));
  const Key rsa = MUST(Key::from_jwk(MUST(json::Tree::parse(
      R"({"kty":"RSA","e":"AQAB","n":"ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2)"
      R"(mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexM)"
      R"(dbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco)"
      R"(9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ"})"))));
  EXPECT_TRUE(rsa.verify(
      "RS256", fmt::format("eyJhbGciOiJSUzI1NiJ9.{}", kClaims),
      *from_jose_base64(
          "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGb"
          "ds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0"
          "GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6L"
          "bgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw")));
}

TEST(Secrets, AreComparedWhole) {
  EXPECT_TRUE(equal_secrets("abc", "abc"));
  EXPECT_FALSE(equal_secrets("abc", "abd"));
  EXPECT_FALSE(equal_secrets("abc", "ab"));
}

}  // namespace
}  // namespace gantry::kube
