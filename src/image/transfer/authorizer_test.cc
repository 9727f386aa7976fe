// SPDX-License-Identifier: Apache-2.0
#include "image/transfer/authorizer.h"

#include <gtest/gtest.h>

#include "image/transfer/fake_registry.h"
#include "oci/image/media_type.h"

namespace gantry::image {
namespace {

// A registry that wants a token, and the server that gives them out.
class AuthorizerTest : public testing::Test {
 protected:
  AuthorizerTest() {
    registry.before_all([this](http::Request& request, http::ResponseWriter& response) -> Result<bool> {
      if (request.path() == "/token") return false;
      const std::string_view token = request.headers().get_or("Authorization", "");
      if (token == "Bearer " + valid_token) return false;
      response.headers.set(
          "WWW-Authenticate",
          challenge.empty() ? fmt::format(R"(Bearer realm="http://{}/token",service="fake")", registry.host())
                            : challenge);
      TRY(response.send(401, R"({"errors":[{"code":"UNAUTHORIZED","message":"show a token"}]})"));
      return true;
    });
    const auto give = [this](http::Request& request, http::ResponseWriter& response) -> Result<void> {
      MutexLock lock(mutex);
      asked.push_back(std::string(request.query()) + TRY(request.read_body()));
      shown.emplace_back(request.headers().get_or("Authorization", ""));
      valid_token = "token-" + std::to_string(asked.size());
      return response.send(200, fmt::format(R"({{"token":"{}","expires_in":{}}})", valid_token, expires_in));
    };
    registry.answer("GET /token", give);
    registry.answer("POST /token", give);
    registry.put_manifest("app", "1", "{}", std::string(oci::media_type::kOciManifest));
  }

  ~AuthorizerTest() override { registry.stop(); }  // its handlers use all below

  std::unique_ptr<RegistryClient> client(std::optional<Credentials> credentials = std::nullopt) {
    RegistryClientOptions options = impatient();
    options.credentials = std::move(credentials);
    return std::make_unique<RegistryClient>("fake", registry.url(), options);
  }

  FakeRegistry registry;
  Mutex mutex;
  std::vector<std::string> asked, shown;
  std::string valid_token = "none yet";
  std::string challenge;
  int expires_in = 300;
};

TEST_F(AuthorizerTest, a_token_is_fetched_once_for_a_scope) {
  const auto anonymous = client();
  for (int i = 0; i < 3; ++i) EXPECT_EQ(MUST(anonymous->manifest("app", "1")).bytes, "{}");
  EXPECT_EQ(asked, std::vector<std::string>{"service=fake&scope=repository%3Aapp%3Apull"});
  EXPECT_EQ(shown, std::vector<std::string>{""});
}

TEST_F(AuthorizerTest, pulling_and_pushing_are_different_scopes) {
  const auto anonymous = client();
  MUST(anonymous->manifest("app", "1"));
  EXPECT_FALSE(MUST(anonymous->has_blob("app", oci::digest_of("x"))));
  ASSERT_EQ(asked.size(), 2U);
  EXPECT_NE(asked[1].find("scope=repository%3Aapp%3Apull%2Cpush"), std::string::npos) << asked[1];
}

TEST_F(AuthorizerTest, a_password_is_shown_to_the_token_server_only) {
  MUST(client(Credentials{.username = "alice", .password = "secret"})->manifest("app", "1"));
  EXPECT_EQ(shown, std::vector<std::string>{http::format_basic({"alice", "secret"})});
  EXPECT_NE(asked.at(0).find("account=alice"), std::string::npos);
}

TEST_F(AuthorizerTest, an_identity_token_is_exchanged) {
  MUST(client(Credentials{.identity_token = "long-lived"})->manifest("app", "1"));
  EXPECT_NE(asked.at(0).find("grant_type=refresh_token&refresh_token=long-lived"), std::string::npos)
      << asked.at(0);
  EXPECT_EQ(shown, std::vector<std::string>{""});
}

TEST_F(AuthorizerTest, a_token_that_expired_on_the_way_is_replaced) {
  const auto anonymous = client();
  MUST(anonymous->manifest("app", "1"));
  valid_token = "something else by now";
  EXPECT_EQ(MUST(anonymous->manifest("app", "1")).bytes, "{}");
  EXPECT_EQ(asked.size(), 2U);
}

TEST_F(AuthorizerTest, a_token_that_is_about_to_expire_is_not_used) {
  expires_in = 1;
  const auto anonymous = client();
  MUST(anonymous->manifest("app", "1"));
  MUST(anonymous->manifest("app", "1"));
  EXPECT_EQ(asked.size(), 2U);
}

TEST_F(AuthorizerTest, a_registry_that_is_never_content_gets_a_few_tries) {
  registry.answer("GET /token", [](http::Request&, http::ResponseWriter& response) {
    return response.send(200, R"({"token":"wrong"})");
  });
  const auto manifest = client()->manifest("app", "1");
  ASSERT_FALSE(manifest);
  EXPECT_EQ(manifest.error().code(), Code::PermissionDenied);
  EXPECT_NE(manifest.error().message().find("show a token (UNAUTHORIZED)"), std::string::npos)
      << manifest.error().message();
  EXPECT_LE(registry.count("GET /v2/app/manifests/1"), 3U);
}

TEST_F(AuthorizerTest, the_token_servers_refusal_is_told) {
  registry.answer("GET /token", [](http::Request&, http::ResponseWriter& response) {
    return response.send(403, R"({"errors":[{"code":"DENIED","message":"wrong password"}]})");
  });
  const auto manifest = client(Credentials{.username = "alice", .password = "x"})->manifest("app", "1");
  ASSERT_FALSE(manifest);
  EXPECT_EQ(manifest.error().code(), Code::PermissionDenied);
  const std::string& text = manifest.error().message();
  EXPECT_NE(text.find("get a token from 'http://"), std::string::npos) << text;
  EXPECT_NE(text.find("wrong password (DENIED)"), std::string::npos) << text;
}

TEST_F(AuthorizerTest, basic_is_used_where_it_is_asked_for) {
  challenge = "Basic realm=\"fake\"";
  const auto nobody = client()->manifest("app", "1");
  ASSERT_FALSE(nobody);
  EXPECT_EQ(nobody.error().code(), Code::PermissionDenied);
  registry.before_all([](http::Request& request, http::ResponseWriter& response) -> Result<bool> {
    if (request.headers().get_or("Authorization", "") == http::format_basic({"alice", "secret"}))
      return false;
    response.headers.set("WWW-Authenticate", "Basic realm=\"fake\"");
    TRY(response.send(401));
    return true;
  });
  EXPECT_EQ(MUST(client(Credentials{.username = "alice", .password = "secret"})->manifest("app", "1")).bytes,
            "{}");
  EXPECT_FALSE(client(Credentials{.username = "alice", .password = "wrong"})->manifest("app", "1"));
}

TEST_F(AuthorizerTest, odd_challenges_are_errors) {
  for (const char* odd : {"Negotiate", "Bearer", "Bearer realm=\"not a url\"", "Bearer realm=\"file:///x\"",
                          "\x01\x02", "Bearer realm=\"a\",realm=\"b\""}) {
    challenge = odd;
    EXPECT_FALSE(client()->manifest("app", "1")) << odd;
  }
}

TEST_F(AuthorizerTest, a_token_of_the_callers_own_serves_everything) {
  valid_token = "from the caller";
  EXPECT_EQ(MUST(client(Credentials{.registry_token = "from the caller"})->manifest("app", "1")).bytes, "{}");
  EXPECT_TRUE(asked.empty());
}

}  // namespace
}  // namespace gantry::image
