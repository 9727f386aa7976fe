// SPDX-License-Identifier: Apache-2.0
//
// A registry that is a cache of another one, which here is a registry of ours too, or one that lies.
#include "registry/upstreams.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <thread>

#include "base/file.h"
#include "http/server.h"
#include "registry/test_registry.h"

namespace gantry::registry {
namespace {

namespace types = oci::media_type;

Config cache_of(const std::string& address, std::int64_t refresh_seconds = 300) {
  Config config;
  config.upstreams = {{.prefix = "hub", .registry = address, .refresh_seconds = refresh_seconds}};
  return config;
}

TEST(Upstreams, AnImageIsFetchedWhenItIsAskedForAndKept) {
  auto origin = std::make_unique<TestRegistry>();
  const std::string layer(300'000, 'l');
  const std::string digest = origin->push_image("team/web", "v1", layer);
  TestRegistry cache(cache_of(origin->address()));
  for (int round = 0; round < 2; ++round) {
    const Answer manifest = cache.get("/v2/hub/team/web/manifests/v1");
    ASSERT_EQ(manifest.status, 200) << manifest.body;
    EXPECT_EQ(manifest.header("Docker-Content-Digest"), digest);
    EXPECT_EQ(cache.get("/v2/hub/team/web/manifests/" + digest).body, manifest.body);
    for (const std::string& blob : {TestRegistry::kConfig, layer}) {
      const Answer got = cache.get("/v2/hub/team/web/blobs/" + oci::digest_of(blob).str());
      EXPECT_EQ(got.status, 200);
      EXPECT_EQ(got.body, blob);
      EXPECT_EQ(got.header("Content-Length"), std::to_string(blob.size()));
    }
    origin.reset();  // the second time all of it is here
  }
  EXPECT_EQ(cache.get("/v2/_catalog").body, R"({"repositories":["hub/team/web"]})");
  EXPECT_EQ(cache.get("/v2/hub/team/web/manifests/v2").status, 502);
}

TEST(Upstreams, ATagIsBelievedForAWhile) {
  TestRegistry origin;
  const std::string first = origin.push_image("web", "v1", "one");
  TestRegistry patient(cache_of(origin.address())), eager(cache_of(origin.address(), 0));
  const auto now = [](TestRegistry& cache) {
    return cache.call("HEAD", "/v2/hub/web/manifests/v1").header("Docker-Content-Digest");
  };
  EXPECT_EQ(now(patient), first);
  EXPECT_EQ(now(eager), first);
  const std::string second = origin.push_image("web", "v1", "two");
  EXPECT_EQ(now(patient), first);
  EXPECT_EQ(now(eager), second);
  EXPECT_EQ(origin.call("DELETE", "/v2/web/manifests/v1").status, 202);
  EXPECT_EQ(now(patient), first);
  EXPECT_EQ(eager.get("/v2/hub/web/manifests/v1").status, 404);
  EXPECT_EQ(eager.get("/v2/hub/web/manifests/" + second).status, 200);
}

TEST(Upstreams, WhatTheUpstreamLacksIsNotFound) {
  TestRegistry origin;
  TestRegistry cache(cache_of(origin.address()));
  const std::string missing = "sha256:" + std::string(64, '0');
  EXPECT_EQ(cache.get("/v2/hub/web/manifests/v1").code(), "MANIFEST_UNKNOWN");
  EXPECT_EQ(cache.get("/v2/hub/web/manifests/" + missing).status, 404);
  EXPECT_EQ(cache.get("/v2/hub/web/blobs/" + missing).code(), "BLOB_UNKNOWN");
  EXPECT_EQ(cache.get("/v2/hubris/web/manifests/v1").status, 404);  // no prefix of it
}

TEST(Upstreams, PartsAndHeadsAreAnsweredToo) {
  TestRegistry origin;
  const std::string digest = origin.push_blob("web", "0123456789");
  const std::string target = "/v2/hub/web/blobs/" + digest;
  EXPECT_EQ(TestRegistry(cache_of(origin.address())).call("HEAD", target).header("Content-Length"), "10");
  const Answer part = TestRegistry(cache_of(origin.address())).get(target, {{"Range", "bytes=2-4"}});
  EXPECT_EQ(part.status, 206);
  EXPECT_EQ(part.body, "234");
}

TEST(Upstreams, NothingIsPushedIntoACache) {
  TestRegistry origin;
  TestRegistry cache(cache_of(origin.address()));
  EXPECT_EQ(cache.call("POST", "/v2/hub/web/blobs/uploads/").status, 405);
  EXPECT_EQ(cache.put_manifest("hub/web", "v1", "{}").status, 405);
  cache.push_image("own", "v1", "layer");
}

TEST(Upstreams, ManyWhoAskAtOnceCauseOneFetch) {
  const testing::TempDir dir;
  Config config;
  config.access_log = {.path = dir / "log"};
  TestRegistry origin(std::move(config));
  const std::string layer(2 << 20, 'm');
  origin.push_image("web", "v1", layer);
  TestRegistry cache(cache_of(origin.address()));
  const std::string target = "/v2/hub/web/blobs/" + oci::digest_of(layer).str();
  std::vector<std::thread> clients;
  for (int i = 0; i < 8; ++i)
    clients.emplace_back([&] {
      http::Client client;
      http::ClientResponse response = MUST(client.send({.url = MUST(http::Url::parse(cache.url(target)))}));
      EXPECT_EQ(MUST(response.read_body(8 << 20)), layer);
    });
  for (std::thread& client : clients) client.join();
  origin.server().stop(std::chrono::seconds(1));
  const std::string log = MUST(read_file(dir / "log"));
  std::size_t whole = 0;
  for (std::size_t at = 0; (at = log.find("/blobs/" + oci::digest_of(layer).str() + " HTTP/1.1\" 200 2097152",
                                          at)) != std::string::npos;
       ++at)
    ++whole;
  EXPECT_LE(whole, 1U) << log;
}

TEST(Upstreams, BytesThatLieAreNotKept) {
  const std::string wanted = "the right bytes", lie = "the wrong bytes";
  std::vector<http::Listener> listeners;
  listeners.push_back(MUST(http::Listener::tcp("127.0.0.1", 0)));
  const auto liar =
      MUST(http::Server::start(std::move(listeners), [&](http::Request&, http::ResponseWriter& response) {
        return response.send(200, lie);
      }));
  TestRegistry cache(cache_of(liar->listeners().front().name()));
  const std::string target = "/v2/hub/web/blobs/" + oci::digest_of(wanted).str();
  http::Client client;
  auto response = client.send({.url = MUST(http::Url::parse(cache.url(target)))});
  // Who hashes what came finds out; the end of it is what must not look right.
  const std::string body = response ? response->read_body().value_or("") : "";
  EXPECT_NE(body, wanted);
  EXPECT_EQ(cache.call("HEAD", target).status, 502);
}

}  // namespace
}  // namespace gantry::registry
