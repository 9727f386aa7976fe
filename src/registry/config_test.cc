// SPDX-License-Identifier: Apache-2.0
#include "registry/config.h"

#include <gtest/gtest.h>

#include "testing/must.h"

namespace gantry::registry {
namespace {

std::string why(std::string_view json) {
  const Result<Config> config = Config::parse(json);
  return config ? "no error" : config.error().message();
}

TEST(RegistryConfig, AnEmptyFileIsAnOpenRegistryOnLoopback) {
  const Config config = MUST(Config::parse("{}"));
  EXPECT_EQ(config.listen, std::vector<std::string>{"127.0.0.1:5000"});
  EXPECT_FALSE(config.tls);
  EXPECT_FALSE(config.read_only);
}

TEST(RegistryConfig, EveryKeyIsRead) {
  const Config config = MUST(Config::parse(R"({
    "listen": ["0.0.0.0:443", "unix:/run/r.sock"],
    "tls": {"certificate": "c.pem", "key": "k.pem", "clientCa": "ca.pem"},
    "auth": {"htpasswd": "users", "realm": "here",
      "rules": [{"repositories": ["team/**"], "users": ["alice", "anonymous"], "actions": ["pull", "delete"]}],
      "token": {"key": "t.pem", "realm": "https://r/token", "service": "r", "issuer": "i", "lifetimeSeconds": 600}},
    "readOnly": true, "allowDelete": false, "metrics": false,
    "quotas": [{"repositories": ["*"], "bytes": 1000}],
    "upstreams": [{"prefix": "hub", "registry": "docker.io", "refreshSeconds": 60}],
    "accessLog": {"path": "-", "format": "json"},
    "maxManifestBytes": 1000, "maxBlobBytes": 2000, "uploadTimeoutSeconds": 60, "threads": 4})"));
  EXPECT_EQ(config.listen.size(), 2U);
  EXPECT_EQ(config.tls->client_ca, "ca.pem");
  EXPECT_EQ(config.auth.rules[0].actions, (std::vector{Action::Pull, Action::Delete}));
  EXPECT_EQ(config.auth.token->lifetime_seconds, 600);
  EXPECT_TRUE(config.read_only);
  EXPECT_EQ(config.quotas[0].bytes, 1000U);
  EXPECT_EQ(config.upstreams[0].registry, "docker.io");
  EXPECT_EQ(config.access_log.format, AccessLogFormat::Json);
  EXPECT_EQ(config.threads, 4);
}

TEST(RegistryConfig, AMisspeltKeyIsAnError) {
  EXPECT_NE(why(R"({"readonly": true})").find("readonly"), std::string::npos);
  EXPECT_NE(why(R"({"auth": {"rulez": []}})").find("rulez"), std::string::npos);
}

TEST(RegistryConfig, WhatCannotWorkTogetherIsAnError) {
  EXPECT_NE(why(R"({"listen": []})").find("listen"), std::string::npos);
  EXPECT_NE(why(R"({"auth": {"token": {"key": "k", "service": "s", "issuer": "i"}}})").find("htpasswd"),
            std::string::npos);
  EXPECT_NE(why(R"({"auth": {"rules": [{"repositories": [], "users": ["a"], "actions": ["pull"]}]}})")
                .find("empty"),
            std::string::npos);
  EXPECT_NE(why(R"({"auth": {"htpasswd": "f",
                     "rules": [{"repositories": ["**"], "users": ["anonymous"], "actions": ["pull"]}]}})")
                .find("anonymous"),
            std::string::npos);
  EXPECT_NE(why(R"({"threads": 0})").find("threads"), std::string::npos);
}

TEST(RepositoryPattern, AStarStaysInsideAComponent) {
  EXPECT_TRUE(matches("team/*", "team/web"));
  EXPECT_FALSE(matches("team/*", "team/web/api"));
  EXPECT_FALSE(matches("team/*", "team"));
  EXPECT_TRUE(matches("*/web", "team/web"));
  EXPECT_FALSE(matches("*/web", "a/b/web"));
  EXPECT_TRUE(matches("t*m/w*b", "team/wab"));
  EXPECT_TRUE(matches("a*b*c", "axbxbxc"));
  EXPECT_FALSE(matches("*", "a/b"));
  EXPECT_TRUE(matches("exact", "exact"));
  EXPECT_FALSE(matches("exact", "exactly"));
}

TEST(RepositoryPattern, TwoStarsCrossComponents) {
  EXPECT_TRUE(matches("**", "a/b/c"));
  EXPECT_TRUE(matches("team/**", "team/web/api"));
  EXPECT_FALSE(matches("team/**", "other/web"));
  EXPECT_TRUE(matches("**/web", "a/b/web"));
  EXPECT_TRUE(matches("**/x*/end", "a/b/xy/end"));
  EXPECT_FALSE(matches("**/x*/end", "a/b/xy/z/end"));
}

TEST(RepositoryPattern, ManyStarsTakeNoTime) {
  EXPECT_FALSE(matches("**a**a**a**a**a**a**a**a**b", std::string(255, 'a')));
  EXPECT_FALSE(matches("*a*a*a*a*a*a*a*a*a*a*b", std::string(255, 'a')));
}

}  // namespace
}  // namespace gantry::registry
