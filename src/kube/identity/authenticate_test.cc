// SPDX-License-Identifier: Apache-2.0
#include "kube/identity/authenticate.h"

#include <gtest/gtest.h>

#include "kube/access/authorizer.h"
#include "kube/identity/token_file.h"
#include "kube/identity/token_reviews.h"
#include "testing/must.h"

namespace gantry::kube {
namespace {

constexpr std::int64_t kNow = 1'800'000'000;

http::Peer peer_with(http::PeerCertificate certificate) {
  certificate.not_after = kNow + 60;
  return {.is_tls = true,
          .certificate = std::make_shared<const http::PeerCertificate>(std::move(certificate))};
}

std::shared_ptr<const TokenAuthenticator> bobs_token() {
  return MUST(TokenFile::parse("secret,bob,7,\"dev,ops\"\n"));
}

class AuthenticatorTest : public ::testing::Test {
 protected:
  Answer<Identity> ask(const http::HeaderMap& headers, const http::Peer& peer = {},
                       std::string_view path = "/api", std::int64_t now = kNow) {
    return authenticator.authenticate(headers, peer, path, now);
  }
  std::string name(const http::HeaderMap& headers, const http::Peer& peer = {},
                   std::string_view path = "/api") {
    const auto identity = ask(headers, peer, path);
    return identity ? identity->user.name : std::to_string(identity.error()->code);
  }

  std::string why;
  Authenticator authenticator{{.client_authorities = {"users"},
                               .front_proxy = {.authorities = {"proxies"}, .allowed_names = {"front"}},
                               .tokens = bobs_token(),
                               .audiences = {"us"},
                               .on_refused = [this](std::string_view reason) { why = reason; }}};
};

TEST_F(AuthenticatorTest, ACertificateNamesItsOwner) {
  const auto alice =
      ask({}, peer_with({.common_name = "alice", .organizations = {"ops"}, .authority = "users"}));
  ASSERT_TRUE(alice);
  EXPECT_EQ(alice->user.name, "alice");
  EXPECT_EQ(alice->user.groups, (std::vector<std::string>{"ops", kAuthenticatedGroup}));
}

TEST_F(AuthenticatorTest, ACertificateThatIsNotTrustedIsRefused) {
  EXPECT_EQ(name({}, peer_with({.common_name = "alice", .problem = "certificate has expired"})), "401");
  EXPECT_NE(why.find("certificate has expired"), why.npos);
  EXPECT_EQ(name({}, peer_with({.common_name = "alice", .authority = "proxies"})), "401");
  EXPECT_EQ(name({}, peer_with({.common_name = "", .authority = "users"})), "401");
  EXPECT_EQ(
      ask({}, peer_with({.common_name = "alice", .authority = "users"}), "/api", kNow + 61).error()->code,
      401)
      << "a connection may outlive the certificate";
  EXPECT_EQ(name({}, peer_with({.common_name = "alice", .problem = "no"}), "/healthz"), "401");
  EXPECT_EQ(name({{"Authorization", "Bearer secret"}}, peer_with({.problem = "no"})), "bob");
}

TEST_F(AuthenticatorTest, ATokenNamesItsOwner) {
  const auto bob = ask({{"Authorization", "bearer secret"}});
  ASSERT_TRUE(bob);
  EXPECT_EQ(bob->user.uid, "7");
  EXPECT_EQ(bob->user.groups, (std::vector<std::string>{"dev", "ops", kAuthenticatedGroup}));
  EXPECT_EQ(name({{"Authorization", "Bearer wrong"}}), "401");
  EXPECT_EQ(why.find("wrong"), why.npos) << "what was shown is not told";
  EXPECT_EQ(name({{"Authorization", "Basic c2VjcmV0"}}), "401");
  EXPECT_EQ(
      name({{"Sec-WebSocket-Protocol", "v4.channel.k8s.io, base64url.bearer.authorization.k8s.io.c2VjcmV0"}}),
      "bob");
}

TEST_F(AuthenticatorTest, OnlyFrontProxiesSpeakForOthers) {
  const http::HeaderMap headers = {{"X-Remote-User", "carol"},
                                   {"x-remote-group", "dev"},
                                   {"X-Remote-Group", "ops"},
                                   {"X-Remote-Extra-Scopes%2fa", "read"}};
  const auto carol = ask(headers, peer_with({.common_name = "front", .authority = "proxies"}));
  ASSERT_TRUE(carol);
  EXPECT_EQ(carol->user.name, "carol");
  EXPECT_EQ(carol->user.groups, (std::vector<std::string>{"dev", "ops", kAuthenticatedGroup}));
  EXPECT_EQ(carol->user.extra.at("scopes/a"), std::vector<std::string>{"read"});
  EXPECT_EQ(name(headers, peer_with({.common_name = "other", .authority = "proxies"})), "401");
  EXPECT_EQ(name(headers, peer_with({.common_name = "alice", .authority = "users"})), "alice");
  EXPECT_EQ(name(headers), "401");
}

TEST_F(AuthenticatorTest, WhoShowsNothingMayAskForHealth) {
  EXPECT_EQ(name({}, {}, "/healthz"), kAnonymous);
  EXPECT_EQ(name({}, {}, "/readyz/store"), kAnonymous);
  EXPECT_EQ(name({}, {}, "/healthzz"), "401");
  EXPECT_EQ(name({}, {}, "/api"), "401");
}

// Lets nobody but alice impersonate, and her bob and the group dev alone.
class AliceMayBeBob final : public Authorizer {
 public:
  Decision decide(const AccessRequest& request) const override {
    const bool is_right = request.user.name == "alice" && request.verb == "impersonate" &&
                          ((request.resource == "users" && request.name == "bob") ||
                           (request.resource == "groups" && request.name == "dev") ||
                           (request.resource == "serviceaccounts" && request.name_space == "work") ||
                           (request.resource == "userextras" && request.subresource == "scopes"));
    return {.opinion = is_right ? Opinion::Allow : Opinion::None};
  }
  void list_rules(const User& /*user*/, std::string_view /*name_space*/, RuleList& /*list*/) const override {}
};

TEST(Impersonation, NeedsTheRightTo) {
  const AliceMayBeBob authorizer;
  const Identity alice{.user = {.name = "alice"}};
  const auto bob = impersonate(
      authorizer, alice,
      {{"Impersonate-User", "bob"}, {"Impersonate-Group", "dev"}, {"Impersonate-Extra-Scopes", "read"}});
  ASSERT_TRUE(bob);
  EXPECT_EQ(bob->user.name, "bob");
  EXPECT_EQ(bob->user.groups, (std::vector<std::string>{"dev", kAuthenticatedGroup}));
  EXPECT_EQ(bob->user.extra.at("scopes"), std::vector<std::string>{"read"});
  EXPECT_EQ(bob->impersonator->name, "alice");
  const auto root =
      impersonate(authorizer, alice, {{"Impersonate-User", "bob"}, {"Impersonate-Group", "system:masters"}});
  ASSERT_FALSE(root);
  EXPECT_EQ(
      root.error()->message,
      R"(groups "system:masters" is forbidden: User "alice" cannot impersonate resource "groups" in API group )"
      R"("" at the cluster scope)");
  EXPECT_EQ(impersonate(authorizer, {.user = {.name = "bob"}}, {{"Impersonate-User", "alice"}}).error()->code,
            403);
}

TEST(Impersonation, AccountsHaveTheirGroups) {
  const auto account = impersonate(AliceMayBeBob(), {.user = {.name = "alice"}},
                                   {{"Impersonate-User", "system:serviceaccount:work:web"}});
  ASSERT_TRUE(account);
  EXPECT_EQ(account->user.groups,
            (std::vector<std::string>{"system:serviceaccounts", "system:serviceaccounts:work",
                                      kAuthenticatedGroup}));
}

TEST(Impersonation, WithoutHeadersNothingChangesAndHalfOfThemIsAMistake) {
  const AliceMayBeBob authorizer;
  EXPECT_EQ(impersonate(authorizer, {.user = {.name = "x"}}, {})->user.name, "x");
  EXPECT_EQ(impersonate(authorizer, {.user = {.name = "x"}}, {{"Impersonate-Group", "a"}}).error()->code,
            400);
}

TEST(TokenFile, LinesThatAreWrongAreNamedButNotShown) {
  const auto failed = TokenFile::parse("a,b,c\nhunter2\n");
  ASSERT_FALSE(failed);
  EXPECT_NE(failed.error().message().find("line 2"), std::string::npos);
  EXPECT_EQ(failed.error().message().find("hunter2"), std::string::npos);
  EXPECT_FALSE(TokenFile::parse("a,b,c,\"d\n"));
}

TEST(Reviews, SayWhoseATokenIs) {
  const auto tokens = MUST(TokenFile::parse("secret,bob,7,dev\n"));
  const auto review = [&](const std::string& spec) {
    return review_token(*tokens, {"us"}, MUST(json::Tree::parse(R"({"spec":)" + spec + "}")), kNow);
  };
  EXPECT_EQ(review(R"({"token":"secret"})")->find("status")->to_text(),
            R"({"audiences":["us"],"authenticated":true,)"
            R"("user":{"groups":["dev","system:authenticated"],"uid":"7","username":"bob"}})");
  EXPECT_EQ(review(R"({"token":"other"})")->find("status")->to_text(), "{}");
  EXPECT_FALSE(
      review(R"({"token":"secret","audiences":["them"]})")->find("status", "authenticated")->as_bool());
  EXPECT_EQ(review("{}").error()->code, 400);
  EXPECT_EQ(review_self({.name = "x"}, json::TreeObject()).text_at("status", "userInfo", "username"), "x");
}

}  // namespace
}  // namespace gantry::kube
