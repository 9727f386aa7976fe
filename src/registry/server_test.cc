// SPDX-License-Identifier: Apache-2.0
//
// The registry as its configuration makes it: accounts, tokens, TLS, limits, logs, metrics.
#include <crypt.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>

#include "base/file.h"
#include "http/message.h"
#include "oci/distribution/challenge.h"
#include "oci/distribution/scope.h"
#include "registry/test_registry.h"

namespace gantry::registry {
namespace {

std::string basic(std::string user, std::string password) {
  return http::format_basic({std::move(user), std::move(password)});
}

class RegistryServerTest : public ::testing::Test {
 protected:
  RegistryServerTest() {
    std::ofstream users(dir_ / "users");
    for (const char* name : {"alice", "bob"})
      users << name << ":" << ::crypt(name, "$2y$04$abcdefghijklmnopqrstuu") << "\n";
  }
  // Alice may do all in team/, Bob pull from it.
  Config with_accounts() {
    Config config;
    config.auth.htpasswd = dir_ / "users";
    config.auth.rules = {{{"team/**"}, {"alice"}, {Action::Pull, Action::Push, Action::Delete}},
                         {{"team/**"}, {"bob"}, {Action::Pull}}};
    return config;
  }
  Config with_tokens() {
    Config config = with_accounts();
    config.auth.token = TokenConfig{.key = dir_ / "token.pem", .service = "test", .issuer = "test"};
    return config;
  }
  testing::TempDir dir_;
};

TEST_F(RegistryServerTest, BasicAccountsHaveTheRightsOfTheirRules) {
  TestRegistry registry(with_accounts());
  const Answer nobody = registry.get("/v2/");
  EXPECT_EQ(nobody.status, 401);
  EXPECT_EQ(nobody.code(), "UNAUTHORIZED");
  EXPECT_EQ(nobody.header("WWW-Authenticate"), "Basic realm=\"gantry registry\"");
  EXPECT_EQ(nobody.header("Docker-Distribution-API-Version"), "registry/2.0");
  EXPECT_EQ(registry.get("/v2/team/web/manifests/v1").status, 401);
  EXPECT_EQ(registry.get("/v2/", {{"Authorization", basic("alice", "wrong")}}).status, 401);

  registry.log_in(basic("alice", "alice"));
  EXPECT_EQ(registry.get("/v2/").status, 200);
  const std::string digest = registry.push_image("team/web", "v1", "layer");
  EXPECT_EQ(registry.call("POST", "/v2/other/blobs/uploads/").status, 403);
  EXPECT_EQ(registry.call("POST", "/v2/other/blobs/uploads/").code(), "DENIED");

  registry.log_in(basic("bob", "bob"));
  EXPECT_EQ(registry.get("/v2/team/web/manifests/v1").status, 200);
  EXPECT_EQ(registry.call("DELETE", "/v2/team/web/manifests/" + digest).status, 403);
  EXPECT_EQ(registry.put_manifest("team/web", "v2", TestRegistry::manifest_json("layer")).status, 403);
  EXPECT_EQ(registry.get("/v2/_catalog").body, R"({"repositories":["team/web"]})");
}

TEST_F(RegistryServerTest, ABlobIsNotMountedFromWhereOneMayNotPull) {
  Config config = with_accounts();
  config.auth.rules.push_back({{"bob/**"}, {"bob"}, {Action::Pull, Action::Push}});
  config.auth.rules.push_back({{"secret"}, {"alice"}, {Action::Pull, Action::Push}});
  TestRegistry registry(std::move(config));
  registry.log_in(basic("alice", "alice"));
  const std::string secret = registry.push_blob("secret", "secret");
  const std::string shared = registry.push_blob("team/web", "shared");
  registry.log_in(basic("bob", "bob"));
  const auto mount = [&](const std::string& query) {
    return registry.call("POST", "/v2/bob/x/blobs/uploads/?mount=" + query).status;
  };
  EXPECT_EQ(mount(secret + "&from=secret"), 202);
  EXPECT_EQ(mount(secret), 202);
  EXPECT_EQ(registry.get("/v2/bob/x/blobs/" + secret).status, 404);
  EXPECT_EQ(mount(shared + "&from=team/web"), 201);
  EXPECT_EQ(mount(shared), 201);
}

TEST_F(RegistryServerTest, ATokenIsFetchedAsTheChallengeSays) {
  TestRegistry registry(with_tokens());
  const Answer refused = registry.call("POST", "/v2/team/web/blobs/uploads/");
  EXPECT_EQ(refused.status, 401);
  const auto challenges = MUST(oci::parse_challenges(refused.header("WWW-Authenticate")));
  ASSERT_EQ(challenges.size(), 1U);
  EXPECT_EQ(challenges[0].scheme, "bearer");
  EXPECT_EQ(*challenges[0].parameter("realm"), registry.url("/token"));
  EXPECT_EQ(*challenges[0].parameter("scope"), "repository:team/web:pull,push");

  const std::string target =
      *challenges[0].parameter("realm") + "?service=test&scope=" + *challenges[0].parameter("scope");
  EXPECT_EQ(registry.get(target, {{"Authorization", basic("alice", "x")}}).status, 401);
  const Answer given = registry.get(target, {{"Authorization", basic("alice", "alice")}});
  ASSERT_EQ(given.status, 200) << given.body;
  registry.log_in("Bearer " + MUST(oci::parse_token_response(given.body)).token);
  registry.push_image("team/web", "v1", "layer");
  // What is not in it needs another one.
  const Answer missing = registry.call("DELETE", "/v2/team/web/manifests/v1");
  EXPECT_EQ(missing.status, 401);
  EXPECT_NE(missing.header("WWW-Authenticate").find("error=\"insufficient_scope\""), std::string::npos);
  EXPECT_NE(missing.header("WWW-Authenticate").find("scope=\"repository:team/web:delete\""),
            std::string::npos);
  registry.log_in("Bearer nonsense");
  EXPECT_NE(registry.get("/v2/").header("WWW-Authenticate").find("invalid_token"), std::string::npos);
}

TEST_F(RegistryServerTest, ATokenIsGivenForAForm) {
  TestRegistry registry(with_tokens());
  const auto post = [&](const std::string& form) {
    return registry.call("POST", "/token", {{"Content-Type", "application/x-www-form-urlencoded"}}, form);
  };
  const Answer login = post(
      "grant_type=password&service=test&client_id=c&access_type=offline&username=bob&password=bob"
      "&scope=repository%3Ateam%2Fweb%3Apull+repository%3Ateam%2Fapi%3Apull");
  ASSERT_EQ(login.status, 200) << login.body;
  const oci::TokenResponse tokens = MUST(oci::parse_token_response(login.body));
  registry.log_in("Bearer " + tokens.token);
  EXPECT_EQ(registry.get("/v2/team/web/tags/list").status, 404);  // allowed, and not there
  EXPECT_EQ(registry.get("/v2/team/api/tags/list").status, 404);
  EXPECT_EQ(registry.get("/v2/team/other/tags/list").status, 401);
  EXPECT_EQ(post("grant_type=refresh_token&service=test&refresh_token=" + tokens.refresh_token).status, 200);
  EXPECT_EQ(post("grant_type=refresh_token&service=test&refresh_token=" + tokens.token).status, 401);
  EXPECT_EQ(post("grant_type=password&service=test&username=bob&password=x").status, 401);
  EXPECT_EQ(post("grant_type=magic&service=test").status, 400);
  EXPECT_EQ(post("grant_type=password&service=else&username=bob&password=bob").status, 400);
}

TEST_F(RegistryServerTest, AReadOnlyRegistryGivesAndTakesNothing) {
  const std::string root = dir_ / "store";
  std::string digest;
  {
    TestRegistry registry({}, root);
    digest = registry.push_image("a", "v1", "layer");
  }
  Config config;
  config.read_only = true;
  TestRegistry registry(std::move(config), root);
  EXPECT_EQ(registry.get("/v2/a/manifests/v1").status, 200);
  EXPECT_EQ(registry.call("HEAD", "/v2/a/blobs/" + oci::digest_of("layer").str()).status, 200);
  EXPECT_EQ(registry.call("POST", "/v2/a/blobs/uploads/").status, 405);
  EXPECT_EQ(registry.call("POST", "/v2/a/blobs/uploads/").code(), "UNSUPPORTED");
  EXPECT_EQ(registry.put_manifest("a", "v2", TestRegistry::manifest_json("layer")).status, 405);
  EXPECT_EQ(registry.call("DELETE", "/v2/a/manifests/" + digest).status, 405);
  EXPECT_EQ(registry.call("POST", "/v2/a/_gantry/rollback/v1").status, 405);
}

TEST_F(RegistryServerTest, DeletionCanBeTurnedOff) {
  Config config;
  config.allow_delete = false;
  TestRegistry registry(std::move(config));
  registry.push_image("a", "v1", "layer");
  EXPECT_EQ(registry.call("DELETE", "/v2/a/manifests/v1").status, 405);
  EXPECT_EQ(registry.call("DELETE", "/v2/a/blobs/" + oci::digest_of("layer").str()).status, 405);
}

TEST_F(RegistryServerTest, AQuotaIsOfEachRepository) {
  Config config;
  config.quotas = {{{"small/*"}, 10'000}};
  TestRegistry registry(std::move(config));
  const std::string layer(8'000, 'q');
  registry.push_image("small/a", "v1", layer);
  registry.push_image("small/b", "v1", layer);
  const std::string more(3'000, 'm');
  const std::string digest = oci::digest_of(more).str();
  const Answer answer = registry.call("POST", "/v2/small/a/blobs/uploads/?digest=" + digest, {}, more);
  EXPECT_EQ(answer.status, 403);
  EXPECT_EQ(answer.code(), "DENIED");
  EXPECT_NE(answer.body.find("quota"), std::string::npos);
  registry.push_blob("large", more);
  EXPECT_EQ(registry.call("POST", "/v2/small/a/blobs/uploads/?from=large&mount=" + digest).status, 403);
  EXPECT_EQ(
      registry
          .call("DELETE", "/v2/small/a/manifests/" + oci::digest_of(TestRegistry::manifest_json(layer)).str())
          .status,
      202);
  registry.push_blob("small/a", more);
}

TEST_F(RegistryServerTest, BlobsAndManifestsHaveLimits) {
  Config config;
  config.max_blob_bytes = 1000;
  config.max_manifest_bytes = 2000;
  TestRegistry registry(std::move(config));
  const std::string large(1001, 'l');
  const std::string digest = oci::digest_of(large).str();
  EXPECT_EQ(registry.call("POST", "/v2/a/blobs/uploads/?digest=" + digest, {}, large).status, 413);
  const std::string location = registry.call("POST", "/v2/a/blobs/uploads/").header("Location");
  EXPECT_EQ(registry.call("PATCH", location, {}, std::string(600, 'l')).status, 202);
  EXPECT_EQ(registry.call("PATCH", location, {}, std::string(600, 'l')).status, 413);
  EXPECT_EQ(registry.put_manifest("a", "v1", std::string(2001, ' ')).status, 413);
}

TEST_F(RegistryServerTest, MetricsCountWhatHappened) {
  TestRegistry registry;
  registry.push_image("a", "v1", "layer");
  EXPECT_EQ(registry.get("/v2/a/manifests/none").status, 404);
  // A request is counted after its answer.
  std::string page;
  while (page.find("code=\"404\"") == std::string::npos) page = registry.get("/metrics").body;
  EXPECT_NE(
      page.find("gantry_registry_requests_total{endpoint=\"manifest\",method=\"PUT\",code=\"201\"} 1\n"),
      std::string::npos)
      << page;
  EXPECT_NE(
      page.find("gantry_registry_requests_total{endpoint=\"manifest\",method=\"GET\",code=\"404\"} 1\n"),
      std::string::npos);
  EXPECT_NE(
      page.find("gantry_registry_request_duration_seconds_bucket{endpoint=\"uploads\",le=\"+Inf\"} 2\n"),
      std::string::npos);
  Config off;
  off.metrics = false;
  EXPECT_EQ(TestRegistry(std::move(off)).get("/metrics").status, 404);
}

TEST_F(RegistryServerTest, TheAccessLogNamesWhoWasVerified) {
  for (const AccessLogFormat format : {AccessLogFormat::Combined, AccessLogFormat::Json}) {
    const std::string path = dir_ / fmt::format("log{}", static_cast<int>(format));
    {
      Config config = with_accounts();
      config.access_log = {path, format};
      TestRegistry registry(std::move(config));
      EXPECT_EQ(
          registry.get("/v2/", {{"Authorization", basic("alice", "alice")}, {"User-Agent", "me \"too\""}})
              .status,
          200);
      EXPECT_EQ(registry.get("/v2/", {{"Authorization", basic("eve", "x")}}).status, 401);
      registry.server().stop(std::chrono::seconds(1));
      ASSERT_EQ(::rename(path.c_str(), (path + ".old").c_str()), 0);
    }
    const std::string log = MUST(read_file(path + ".old"));
    EXPECT_EQ(std::ranges::count(log, '\n'), 2);
    EXPECT_EQ(log.find("eve"), std::string::npos) << log;
    if (format == AccessLogFormat::Combined) {
      EXPECT_EQ(log.find("127.0.0.1 - alice ["), 0U) << log;
      EXPECT_NE(log.find("\"GET /v2/ HTTP/1.1\" 200 2 \"-\" \"me \\\"too\\\"\"\n"), std::string::npos) << log;
      EXPECT_NE(log.find("127.0.0.1 - - ["), std::string::npos) << log;
    } else {
      const json::Document line = MUST(json::Document::parse(log.substr(0, log.find('\n'))));
      EXPECT_EQ(line.root().find("user")->as_string(), "alice");
      EXPECT_EQ(line.root().find("status")->as_int64(), 200);
      EXPECT_EQ(line.root().find("agent")->as_string(), "me \"too\"");
    }
  }
}

TEST_F(RegistryServerTest, ALogThatWasRenamedIsOpenedAnew) {
  const std::string path = dir_ / "log";
  Config config;
  config.access_log.path = path;
  TestRegistry registry(std::move(config));
  EXPECT_EQ(registry.get("/v2/").status, 200);
  ASSERT_EQ(::rename(path.c_str(), (path + ".1").c_str()), 0);
  MUST(registry.server().reload());
  EXPECT_EQ(registry.get("/v2/?after").status, 200);
  registry.server().stop(std::chrono::seconds(1));
  EXPECT_NE(MUST(read_file(path)).find("/v2/?after"), std::string::npos);
}

TEST_F(RegistryServerTest, ItListensOnUnixSocketsToo) {
  image::ImageStore store = MUST(image::ImageStore::open(dir_ / "store"));
  const Logger log(STDERR_FILENO);
  Config config;
  config.listen = {"unix:" + (dir_ / "socket"), "127.0.0.1:0"};
  const auto server = MUST(RegistryServer::start(std::move(config), store, log));
  EXPECT_EQ(server->addresses().size(), 2U);
  http::Client client({.unix_socket = dir_ / "socket"});
  EXPECT_EQ(MUST(client.send({.url = MUST(http::Url::parse("http://registry/v2/"))})).status(), 200);
}

TEST_F(RegistryServerTest, WhatItCannotStartWithIsAnErrorThatNamesIt) {
  image::ImageStore store = MUST(image::ImageStore::open(dir_ / "store"));
  const Logger log(STDERR_FILENO);
  const auto why = [&](Config config) {
    const auto server = RegistryServer::start(std::move(config), store, log);
    return server ? "it started" : server.error().message();
  };
  Config config;
  config.listen = {"localhost"};
  EXPECT_NE(why(config).find("'localhost'"), std::string::npos);
  config.listen = {"127.0.0.1:0"};
  config.tls = TlsConfig{.certificate = dir_ / "none.crt", .key = dir_ / "none.key"};
  EXPECT_NE(why(config).find("none.crt"), std::string::npos);
  config.tls.reset();
  config.auth.htpasswd = dir_ / "nobody";
  EXPECT_NE(why(config).find("nobody"), std::string::npos);
}

// TLS with a certificate made on the spot by openssl(1); a new one is taken without losing the port.
TEST_F(RegistryServerTest, TlsCertificatesAreReadAgain) {
  const auto make_certificate = [&](const char* name) {
    const std::string command = fmt::format(
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout {0}/key.pem -out "
        "{0}/cert.pem "
        "-days 2 -subj /CN={1} -addext subjectAltName=IP:127.0.0.1 2>/dev/null",
        dir_.path(), name);
    ASSERT_EQ(std::system(command.c_str()), 0);
  };
  make_certificate("first");
  image::ImageStore store = MUST(image::ImageStore::open(dir_ / "store"));
  const Logger log(STDERR_FILENO);
  Config config;
  config.listen = {"127.0.0.1:0"};
  config.tls = TlsConfig{.certificate = dir_ / "cert.pem", .key = dir_ / "key.pem"};
  const auto server = MUST(RegistryServer::start(std::move(config), store, log));
  const std::string address = server->addresses().front();
  const auto status = [&] {
    http::ClientOptions options;
    options.tls.trust_system = false;
    options.tls.ca_files = {dir_ / "cert.pem"};
    http::Client client(std::move(options));
    const auto response = client.send({.url = MUST(http::Url::parse("https://" + address + "/v2/"))});
    return response ? response->status() : 0;
  };
  EXPECT_EQ(status(), 200);
  make_certificate("second");
  EXPECT_EQ(status(), 0);  // still the first, which nobody trusts any more
  MUST(server->reload());
  EXPECT_EQ(server->addresses().front(), address);
  EXPECT_EQ(status(), 200);
}

}  // namespace
}  // namespace gantry::registry
