// SPDX-License-Identifier: Apache-2.0
#include "kube/identity/service_account_tokens.h"

#include <gtest/gtest.h>

#include "base/base64.h"
#include "kube/api/stored_kinds.h"
#include "kube/api/test_objects.h"
#include "testing/must.h"

namespace gantry::kube {
namespace {

constexpr std::int64_t kNow = 1'800'000'000;

Key new_key() { return MUST(Key::generate()); }

class ServiceAccountTokensTest : public ::testing::Test {
 protected:
  ServiceAccountTokensTest() {
    objects.put(stored::kServiceAccounts, R"({"metadata":{"namespace":"work","name":"web","uid":"u1"}})");
    objects.put(stored::kPods, R"({"metadata":{"namespace":"work","name":"web-0","uid":"p1"},)"
                               R"("spec":{"serviceAccountName":"web","nodeName":"n1"}})");
    objects.put(stored::kNodes, R"({"metadata":{"name":"n1","uid":"m1"}})");
  }

  Answer<json::Tree> ask(const std::string& spec) {
    return tokens.answer("work", "web", MUST(json::Tree::parse(R"({"spec":)" + spec + "}")), kNow);
  }
  std::string token_for(const std::string& spec) {
    auto answer = ask(spec);
    EXPECT_TRUE(answer) << (answer ? "" : answer.error()->message);
    return answer ? std::string(answer->text_at("status", "token")) : std::string();
  }
  Result<std::optional<TokenIdentity>> identify(const std::string& token, std::int64_t now = kNow) {
    return tokens.identify(token, tokens.audiences(), now);
  }

  const Key key = new_key();
  kube::testing::TestObjects objects;
  ServiceAccountTokens tokens{{.issuers = {"https://issuer.example", "https://older.example"}}, key, objects};
};

TEST_F(ServiceAccountTokensTest, ATokenSaysWhoItsAccountIs) {
  const auto identity = MUST(identify(token_for("{}")));
  ASSERT_TRUE(identity);
  EXPECT_EQ(identity->user.name, "system:serviceaccount:work:web");
  EXPECT_EQ(identity->user.uid, "u1");
  EXPECT_EQ(identity->user.groups,
            (std::vector<std::string>{"system:serviceaccounts", "system:serviceaccounts:work"}));
  EXPECT_EQ(identity->audiences, std::vector<std::string>{"https://issuer.example"});
  EXPECT_EQ(identity->valid_until, kNow + 3600);
}

TEST_F(ServiceAccountTokensTest, ItExpiresAndIsForItsAudience) {
  const std::string token = token_for(R"({"expirationSeconds":600})");
  EXPECT_TRUE(MUST(identify(token, kNow + 600)));
  EXPECT_EQ(identify(token, kNow + 601).error().code(), Code::PermissionDenied);
  EXPECT_FALSE(identify(token_for(R"({"audiences":["vault"]})")));
  EXPECT_TRUE(MUST(tokens.identify(token_for(R"({"audiences":["vault","x"]})"), {"vault"}, kNow)));
}

TEST_F(ServiceAccountTokensTest, ItDiesWithWhatItIsBoundTo) {
  const std::string token =
      token_for(R"({"boundObjectRef":{"kind":"Pod","apiVersion":"v1","name":"web-0"}})");
  const auto identity = MUST(identify(token));
  EXPECT_EQ(identity->user.extra.at("authentication.kubernetes.io/pod-name"),
            std::vector<std::string>{"web-0"});
  EXPECT_EQ(identity->user.extra.at("authentication.kubernetes.io/node-name"),
            std::vector<std::string>{"n1"});
  objects.remove(stored::kNodes, "", "n1");
  EXPECT_TRUE(identify(token)) << "it is bound to the pod, not to its node";
  objects.put(stored::kPods, R"({"metadata":{"namespace":"work","name":"web-0","uid":"p2"}})");
  EXPECT_FALSE(identify(token)) << "another pod of that name";
  objects.remove(stored::kPods, "work", "web-0");
  EXPECT_FALSE(identify(token));
  const std::string unbound = token_for("{}");
  objects.put(stored::kServiceAccounts, R"({"metadata":{"namespace":"work","name":"web","uid":"u2"}})");
  EXPECT_FALSE(identify(unbound)) << "another account of that name";
}

TEST_F(ServiceAccountTokensTest, WhatCannotBeBoundIsSaid) {
  const auto code = [&](const std::string& spec) {
    const auto answer = ask(spec);
    return answer ? 0 : answer.error()->code;
  };
  EXPECT_EQ(code(R"({"expirationSeconds":599})"), 422);
  EXPECT_EQ(code(R"({"boundObjectRef":{"kind":"Pod","apiVersion":"v1","name":"gone"}})"), 404);
  EXPECT_EQ(code(R"({"boundObjectRef":{"kind":"Pod","apiVersion":"v1","name":"web-0","uid":"x"}})"), 409);
  EXPECT_EQ(code(R"({"boundObjectRef":{"kind":"Service","apiVersion":"v1","name":"a"}})"), 400);
  EXPECT_EQ(tokens.answer("work", "nobody", json::TreeObject(), kNow).error()->code, 404);
  objects.put(stored::kPods, R"({"metadata":{"namespace":"work","name":"other","uid":"p3"},)"
                             R"("spec":{"serviceAccountName":"default"}})");
  EXPECT_EQ(code(R"({"boundObjectRef":{"kind":"Pod","apiVersion":"v1","name":"other"}})"), 400);
}

TEST_F(ServiceAccountTokensTest, NodesGetLongerOnesThanTheyAskFor) {
  const auto answer =
      ask(R"({"expirationSeconds":3607,"boundObjectRef":{"kind":"Pod","apiVersion":"v1","name":"web-0"}})");
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->text_at("status", "expirationTimestamp"), "2027-01-15T09:00:07Z");
  EXPECT_TRUE(identify(std::string(answer->text_at("status", "token")), kNow + 30 * 86'400));
}

TEST_F(ServiceAccountTokensTest, ForgedOnesAreRefusedAndOthersAreLeftAlone) {
  json::Tree claims = MUST(Jwt::parse(token_for("{}"))).claims;
  EXPECT_EQ(identify(MUST(sign_jwt(MUST(Key::generate()), claims))).error().code(), Code::PermissionDenied);
  claims.object()["iss"] = "https://older.example";
  EXPECT_TRUE(MUST(identify(MUST(sign_jwt(key, claims))))) << "an issuer that is accepted";
  claims.object()["iss"] = "https://elsewhere.example";
  EXPECT_FALSE(MUST(identify(MUST(sign_jwt(key, claims)))));
  EXPECT_FALSE(MUST(identify("abc")));
  claims.object()["iss"] = "https://issuer.example";
  claims.object()["sub"] = "system:serviceaccount:kube-system:admin";
  EXPECT_FALSE(identify(MUST(sign_jwt(key, claims)))) << "subject and claims differ";
}

TEST_F(ServiceAccountTokensTest, ASecretsTokenIsGoodAsLongAsTheSecretHasIt) {
  const json::Tree account = *objects.get(stored::kServiceAccounts, "work", "web");
  const std::string token = MUST(tokens.legacy_token("work", account, "web-token"));
  EXPECT_FALSE(identify(token));
  objects.put(stored::kSecrets, fmt::format(R"({{"metadata":{{"namespace":"work","name":"web-token"}},)"
                                            R"("data":{{"token":"{}"}}}})",
                                            to_base64(token)));
  EXPECT_EQ(MUST(identify(token))->user.name, "system:serviceaccount:work:web");
  objects.put(stored::kSecrets,
              R"({"metadata":{"namespace":"work","name":"web-token"},"data":{"token":"AAAA"}})");
  EXPECT_FALSE(identify(token));
}

TEST_F(ServiceAccountTokensTest, OthersCanVerifyThemByTheDocuments) {
  const json::Tree discovery = MUST(json::Tree::parse(MUST(tokens.discovery_document())));
  EXPECT_EQ(discovery.text_at("jwks_uri"), "https://issuer.example/openid/v1/jwks");
  const json::Tree set = MUST(json::Tree::parse(MUST(tokens.key_set())));
  ASSERT_EQ(set.find("keys")->array().size(), 1u);
  const json::Tree& jwk = set.find("keys")->array()[0];
  EXPECT_EQ(jwk.find("d"), nullptr) << "the private half stays here";
  EXPECT_TRUE(MUST(Jwt::parse(token_for("{}"))).is_signed_by(MUST(Key::from_jwk(jwk))));
}

}  // namespace
}  // namespace gantry::kube
