// SPDX-License-Identifier: Apache-2.0
#include "registry/authenticator.h"

#include <crypt.h>
#include <gtest/gtest.h>

#include <ctime>
#include <fstream>

#include "http/message.h"
#include "testing/must.h"
#include "testing/temp_dir.h"

namespace gantry::registry {
namespace {

class AuthenticatorTest : public ::testing::Test {
 protected:
  AuthenticatorTest() { set_passwords("wonderland"); }

  void set_passwords(const char* alice) {
    std::ofstream(config_.htpasswd) << "alice:" << ::crypt(alice, "$2y$04$abcdefghijklmnopqrstuu") << "\n"
                                    << "bob:" << ::crypt("builder", "$2y$04$abcdefghijklmnopqrstuu") << "\n";
  }
  void use_tokens() { config_.token = TokenConfig{.key = dir_ / "token.pem", .service = "r", .issuer = "i"}; }
  static std::string basic(std::string user, std::string password) {
    return http::format_basic({std::move(user), std::move(password)});
  }

  testing::TempDir dir_;
  AuthConfig config_{.htpasswd = dir_ / "users",
                     .rules = {{{"team/*"}, {"alice"}, {Action::Pull, Action::Push}},
                               {{"team/*"}, {"bob"}, {Action::Pull}}}};
};

TEST_F(AuthenticatorTest, AnOpenRegistryAsksNobody) {
  const auto gate = MUST(Authenticator::open({}));
  const Caller caller = MUST(gate->identify("Basic nonsense"));
  EXPECT_EQ(gate->may_enter(caller), Verdict::Allowed);
  EXPECT_EQ(gate->may(caller, "a", Action::Delete), Verdict::Allowed);
  EXPECT_EQ(gate->may_list(caller), Verdict::Allowed);
}

TEST_F(AuthenticatorTest, PasswordsAndRulesDecide) {
  const auto gate = MUST(Authenticator::open(config_));
  const Caller alice = MUST(gate->identify(basic("alice", "wonderland")));
  EXPECT_EQ(gate->may(alice, "team/web", Action::Push), Verdict::Allowed);
  EXPECT_EQ(gate->may(alice, "team/web", Action::Delete), Verdict::Denied);
  EXPECT_EQ(gate->may(alice, "other", Action::Pull), Verdict::Denied);
  EXPECT_FALSE(gate->sees(alice, "other"));
  const Caller nobody = MUST(gate->identify(""));
  EXPECT_EQ(gate->may_enter(nobody), Verdict::Unauthorized);
  EXPECT_EQ(gate->may(nobody, "team/web", Action::Pull), Verdict::Unauthorized);
  EXPECT_EQ(gate->may_list(nobody), Verdict::Unauthorized);
}

TEST_F(AuthenticatorTest, WrongCredentialsAreNotAnonymousOnes) {
  const auto gate = MUST(Authenticator::open(config_));
  for (const std::string& wrong : {basic("alice", "x"), basic("eve", "wonderland"), std::string("Basic %%%"),
                                   std::string("Digest a=b"), std::string("Bearer x.y.z")}) {
    const auto caller = gate->identify(wrong);
    ASSERT_FALSE(caller) << wrong;
    EXPECT_EQ(caller.error().code(), Code::PermissionDenied);
  }
}

TEST_F(AuthenticatorTest, AChallengeNamesWhatIsMissing) {
  EXPECT_EQ(MUST(Authenticator::open(config_))->challenge("http://h", "repository:a:pull", ""),
            "Basic realm=\"gantry registry\"");
  use_tokens();
  EXPECT_EQ(
      MUST(Authenticator::open(config_))->challenge("https://h:1", "repository:a:pull", "invalid_token"),
      "Bearer realm=\"https://h:1/token\",service=\"r\",scope=\"repository:a:pull\",error=\"invalid_token\"");
}

TEST_F(AuthenticatorTest, ATokenHoldsWhatWasAskedForAndAllowed) {
  use_tokens();
  const auto gate = MUST(Authenticator::open(config_));
  const auto response =
      MUST(gate->issue({.service = "r",
                        .scopes = MUST(oci::parse_scopes("repository:team/web:pull,push,delete "
                                                         "repository:other:pull")),
                        .user = "alice",
                        .password = "wonderland"}));
  EXPECT_TRUE(response.refresh_token.empty());
  const Caller caller = MUST(gate->identify("Bearer " + response.token));
  EXPECT_EQ(caller.user, "alice");
  EXPECT_EQ(gate->may(caller, "team/web", Action::Push), Verdict::Allowed);
  EXPECT_EQ(gate->may(caller, "team/web", Action::Delete), Verdict::Denied);
  EXPECT_EQ(gate->may(caller, "team/api", Action::Push), Verdict::Unauthorized);  // another token has that
  EXPECT_EQ(gate->may(caller, "other", Action::Pull), Verdict::Denied);
  EXPECT_EQ(gate->may_list(caller), Verdict::Unauthorized);
}

TEST_F(AuthenticatorTest, TheCatalogueHasAScopeOfItsOwn) {
  use_tokens();
  const auto gate = MUST(Authenticator::open(config_));
  const auto response = MUST(gate->issue({.service = "r",
                                          .scopes = MUST(oci::parse_scopes("registry:catalog:*")),
                                          .user = "bob",
                                          .password = "builder"}));
  const Caller caller = MUST(gate->identify("Bearer " + response.token));
  EXPECT_EQ(gate->may_list(caller), Verdict::Allowed);
  EXPECT_TRUE(gate->sees(caller, "team/web"));
  EXPECT_FALSE(gate->sees(caller, "other"));
}

TEST_F(AuthenticatorTest, AnonymousTokensPullWhatIsPublic) {
  use_tokens();
  config_.rules.push_back({{"public/*"}, {"anonymous"}, {Action::Pull}});
  const auto gate = MUST(Authenticator::open(config_));
  const auto response =
      MUST(gate->issue({.service = "r", .scopes = MUST(oci::parse_scopes("repository:public/a:pull,push"))}));
  const Caller caller = MUST(gate->identify("Bearer " + response.token));
  EXPECT_EQ(gate->may_enter(caller), Verdict::Allowed);
  EXPECT_EQ(gate->may(caller, "public/a", Action::Pull), Verdict::Allowed);
  EXPECT_EQ(gate->may(caller, "public/a", Action::Push), Verdict::Unauthorized);
}

TEST_F(AuthenticatorTest, ARefreshTokenOutlivesThePasswordThatMadeItByNothing) {
  use_tokens();
  const auto gate = MUST(Authenticator::open(config_));
  const auto login = MUST(
      gate->issue({.service = "r", .user = "alice", .password = "wonderland", .wants_refresh_token = true}));
  ASSERT_FALSE(login.refresh_token.empty());
  EXPECT_TRUE(gate->issue({.service = "r", .refresh_token = login.refresh_token}));
  EXPECT_FALSE(gate->identify("Bearer " + login.refresh_token));              // not good for requests
  EXPECT_FALSE(gate->issue({.service = "r", .refresh_token = login.token}));  // nor the other way round
  set_passwords("elsewhere");
  EXPECT_FALSE(gate->issue({.service = "r", .refresh_token = login.refresh_token}));
}

TEST_F(AuthenticatorTest, WrongPasswordsAndServicesGetNoToken) {
  use_tokens();
  const auto gate = MUST(Authenticator::open(config_));
  const auto wrong = gate->issue({.service = "r", .user = "alice", .password = "x"});
  ASSERT_FALSE(wrong);
  EXPECT_EQ(wrong.error().code(), Code::PermissionDenied);
  EXPECT_FALSE(gate->issue({.service = "other", .user = "alice", .password = "wonderland"}));
}

TEST_F(AuthenticatorTest, AForeignIssuersWordStandsInPlaceOfTheRules) {
  const TokenKey key = MUST(TokenKey::load_or_create(dir_ / "foreign.pem"));
  std::ofstream(dir_ / "foreign.pub") << MUST(key.public_pem());
  config_.htpasswd.clear();
  config_.issuers = {{"them", dir_ / "foreign.pub", "https://auth/token", "us"}};
  const auto gate = MUST(Authenticator::open(config_));
  const auto token = [&](std::string audience, std::int64_t expires) {
    return MUST(key.sign({.issuer = "them",
                          .subject = "carol",
                          .audience = {std::move(audience)},
                          .expires = std::time(nullptr) + expires,
                          .access = {{"repository", "any/where", {"*"}}}}));
  };
  const Caller carol = MUST(gate->identify("Bearer " + token("us", 100)));
  EXPECT_EQ(gate->may(carol, "any/where", Action::Delete), Verdict::Allowed);
  EXPECT_EQ(gate->may(carol, "else/where", Action::Pull), Verdict::Unauthorized);
  EXPECT_FALSE(gate->identify("Bearer " + token("others", 100)));
  EXPECT_FALSE(gate->identify("Bearer " + token("us", -100)));
  EXPECT_FALSE(gate->identify(basic("alice", "wonderland")));
  EXPECT_EQ(gate->challenge("http://h", "", ""), "Bearer realm=\"https://auth/token\",service=\"us\"");
}

}  // namespace
}  // namespace gantry::registry
