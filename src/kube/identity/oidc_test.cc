// SPDX-License-Identifier: Apache-2.0
#include "kube/identity/oidc.h"

#include <gtest/gtest.h>

#include <atomic>

#include "base/file.h"
#include "http/server.h"
#include "kube/identity/certificate.h"
#include "kube/identity/jwt.h"
#include "testing/must.h"
#include "testing/temp_dir.h"

namespace gantry::kube {
namespace {

constexpr std::int64_t kNow = 1'800'000'000;

std::string new_key_pem() { return MUST(MUST(Key::generate()).private_pem()); }

// A provider on this machine, with a certificate of an authority of its own.
class Provider {
 public:
  Provider() {
    const std::int64_t today = ::time(nullptr);  // TLS looks at the real clock
    const Key key = MUST(Key::generate());
    const Authority authority =
        MUST(Authority::create("test", MUST(Key::generate()), today - 60, today + 3600));
    MUST(replace_file_at(AT_FDCWD, directory / "ca.pem", authority.pem(), 0600));
    MUST(replace_file_at(AT_FDCWD, directory / "cert.pem",
                         MUST(authority.issue({.common_name = "localhost",
                                               .names = {.dns = {"localhost"}},
                                               .for_servers = true,
                                               .not_before = today - 60,
                                               .not_after = today + 3600},
                                              key)),
                         0600));
    MUST(replace_file_at(AT_FDCWD, directory / "key.pem", MUST(key.private_pem()), 0600));
    std::vector<http::Listener> listeners;
    listeners.push_back(MUST(http::Listener::tcp("127.0.0.1", 0))
                            .with_tls(MUST(http::TlsContext::for_server(
                                {.identity = {directory / "cert.pem", directory / "key.pem"}}))));
    server = MUST(http::Server::start(std::move(listeners),
                                      [this](http::Request& request, http::ResponseWriter& response) {
                                        return answer(request, response);
                                      }));
  }

  std::string url() const { return fmt::format("https://localhost:{}", server->listeners()[0].port()); }

  Result<void> answer(http::Request& request, http::ResponseWriter& response) {
    ++asked;
    if (request.path() == "/.well-known/openid-configuration")
      return response.send(200, fmt::format(R"({{"issuer":"{0}","jwks_uri":"{0}/keys"}})", url()));
    json::TreeObject set;
    set["keys"].array().push_back(MUST(MUST(Key::from_pem(signer_pem)).to_jwk()));
    return response.send(200, json::Tree(std::move(set)).to_text());
  }

  gantry::testing::TempDir directory;
  std::string signer_pem = new_key_pem();
  std::atomic<int> asked = 0;
  std::unique_ptr<http::Server> server;
};

class OidcTest : public ::testing::Test {
 protected:
  std::shared_ptr<const Oidc> oidc(OidcOptions options = {}) {
    options.issuer_url = provider.url();
    options.client_id = "cluster";
    options.ca_file = provider.directory / "ca.pem";
    options.signing_algorithms = {"ES256"};
    return MUST(Oidc::make(std::move(options)));
  }
  std::string token(const std::string& more) {
    const Key key = MUST(Key::from_pem(provider.signer_pem));
    return MUST(sign_jwt(
        key, MUST(json::Tree::parse(fmt::format(R"({{"iss":"{}","aud":"cluster","sub":"alice","exp":{}{}}})",
                                                provider.url(), kNow + 60, more)))));
  }
  Provider provider;
};

TEST_F(OidcTest, ATokenOfTheProviderNamesItsUser) {
  const auto with_groups = oidc({.groups_claim = "groups", .groups_prefix = "oidc:"});
  const auto alice = MUST(with_groups->identify(token(R"(,"groups":["dev","ops"])"), {}, kNow));
  ASSERT_TRUE(alice);
  EXPECT_EQ(alice->user.name, provider.url() + "#alice");
  EXPECT_EQ(alice->user.groups, (std::vector<std::string>{"oidc:dev", "oidc:ops"}));
  EXPECT_EQ(
      MUST(oidc({.username_claim = "email"})->identify(token(R"(,"email":"a@b")"), {}, kNow))->user.name,
      "a@b");
  EXPECT_EQ(MUST(oidc({.username_prefix = "-"})->identify(token(""), {}, kNow))->user.name, "alice");
}

TEST_F(OidcTest, WhatDoesNotFitIsRefused) {
  const auto authenticator = oidc({.username_claim = "email", .required_claims = {{"team", "x"}}});
  const auto refuses = [&](const std::string& more) {
    const auto answer = authenticator->identify(token(more), {}, kNow);
    return !answer && answer.error().code() == Code::PermissionDenied;
  };
  EXPECT_TRUE(MUST(authenticator->identify(token(R"(,"email":"a@b","team":"x")"), {}, kNow)));
  EXPECT_TRUE(refuses(R"(,"email":"a@b")"));
  EXPECT_TRUE(refuses(R"(,"team":"x")"));
  EXPECT_TRUE(refuses(R"(,"email":"a@b","team":"x","email_verified":false)"));
  EXPECT_FALSE(authenticator->identify(token(R"(,"email":"a@b","team":"x")"), {}, kNow + 3600)) << "expired";
  EXPECT_FALSE(MUST(authenticator->identify("a.b.c", {}, kNow))) << "not of the provider";
}

TEST_F(OidcTest, KeysAreFetchedOnceAndAnewWhenOneIsNotKnown) {
  const auto authenticator = oidc();
  ASSERT_TRUE(MUST(authenticator->identify(token(""), {}, kNow)));
  ASSERT_TRUE(MUST(authenticator->identify(token(R"(,"a":1)"), {}, kNow)));
  EXPECT_EQ(provider.asked, 2) << "the discovery document and the keys";
  provider.signer_pem = new_key_pem();
  EXPECT_FALSE(authenticator->identify(token(""), {}, kNow + 1)) << "too early to ask again";
  EXPECT_EQ(provider.asked, 2);
  EXPECT_TRUE(authenticator->identify(token(""), {}, kNow + 20));
  EXPECT_EQ(provider.asked, 4);
}

TEST(Oidc, OptionsThatCannotWorkAreRefused) {
  EXPECT_FALSE(Oidc::make({.issuer_url = "http://a", .client_id = "x"}));
  EXPECT_FALSE(Oidc::make({.issuer_url = "https://a"}));
}

}  // namespace
}  // namespace gantry::kube
