// SPDX-License-Identifier: Apache-2.0
//
// A walk through the distribution specification 1.1, in its order: pull, push, discovery, management. What it
// demands with MUST is looked at here, and what clients rely on beside it.
#include <gtest/gtest.h>

#include <algorithm>

#include "registry/test_registry.h"

namespace gantry::registry {
namespace {

namespace types = oci::media_type;
using oci::digest_of;

const std::string kMissing = "sha256:" + std::string(64, '0');

class Specification : public ::testing::Test {
 protected:
  // POST for an upload; its location.
  std::string begin_upload(std::string_view repository = "a") {
    const Answer answer = registry_.call("POST", fmt::format("/v2/{}/blobs/uploads/", repository));
    EXPECT_EQ(answer.status, 202);
    EXPECT_FALSE(answer.header("Location").empty());
    return answer.header("Location");
  }
  Answer patch(const std::string& location, std::string body, std::string range = {}) {
    http::HeaderMap headers{{"Content-Type", "application/octet-stream"}};
    if (!range.empty()) headers.set("Content-Range", std::move(range));
    return registry_.call("PATCH", location, std::move(headers), std::move(body));
  }
  Answer close(const std::string& location, const std::string& digest, std::string body = {}) {
    return registry_.call("PUT", location + "?digest=" + digest, {}, std::move(body));
  }

  TestRegistry registry_;
};

using Pull = Specification;
using Push = Specification;
using Discovery = Specification;
using Management = Specification;

TEST_F(Specification, TheBaseSaysThatThereIsARegistry) {
  for (const char* path : {"/v2/", "/v2"}) {
    const Answer answer = registry_.get(path);
    EXPECT_EQ(answer.status, 200);
    EXPECT_EQ(answer.header("Docker-Distribution-API-Version"), "registry/2.0");
  }
  EXPECT_EQ(registry_.get("/v1/").status, 404);
}

TEST_F(Specification, ErrorsAreDocumentsWithACode) {
  const Answer answer = registry_.get("/v2/a/manifests/none");
  EXPECT_EQ(answer.status, 404);
  EXPECT_EQ(answer.header("Content-Type"), "application/json");
  EXPECT_EQ(answer.code(), "MANIFEST_UNKNOWN");
}

TEST_F(Specification, WrongMethodsAndNamesAreRefused) {
  EXPECT_EQ(registry_.call("POST", "/v2/a/manifests/v1").status, 405);
  EXPECT_EQ(registry_.call("POST", "/v2/a/manifests/v1").header("Allow"), "GET, HEAD, PUT, DELETE");
  for (const char* name : {"A", "a//b", "-a", "a-", "a/", "a...b", "%41"}) {
    const Answer answer = registry_.get(fmt::format("/v2/{}/tags/list", name));
    EXPECT_EQ(answer.status, 400) << name;
    EXPECT_EQ(answer.code(), "NAME_INVALID") << name;
  }
  EXPECT_EQ(registry_.get("/v2/a/tags/list?n=%zz").status, 400);
}

// ---- pull

TEST_F(Pull, ABlobIsThereWithItsDigestAndLength) {
  const std::string content = "some blob";
  const std::string digest = registry_.push_blob("a/b", content);
  const std::string target = "/v2/a/b/blobs/" + digest;
  const Answer got = registry_.get(target);
  EXPECT_EQ(got.status, 200);
  EXPECT_EQ(got.body, content);
  EXPECT_EQ(got.header("Docker-Content-Digest"), digest);
  EXPECT_EQ(got.header("Content-Length"), std::to_string(content.size()));
  const Answer head = registry_.call("HEAD", target);
  EXPECT_EQ(head.status, 200);
  EXPECT_EQ(head.header("Docker-Content-Digest"), digest);
  EXPECT_EQ(head.header("Content-Length"), std::to_string(content.size()));
  EXPECT_TRUE(head.body.empty());
}

TEST_F(Pull, AMissingBlobIsUnknown) {
  EXPECT_EQ(registry_.get("/v2/a/blobs/" + kMissing).status, 404);
  EXPECT_EQ(registry_.get("/v2/a/blobs/" + kMissing).code(), "BLOB_UNKNOWN");
  EXPECT_EQ(registry_.call("HEAD", "/v2/a/blobs/" + kMissing).status, 404);
  EXPECT_EQ(registry_.get("/v2/a/blobs/sha256:xyz").status, 400);
  EXPECT_EQ(registry_.get("/v2/a/blobs/sha256:xyz").code(), "DIGEST_INVALID");
}

TEST_F(Pull, ABlobOfOneRepositoryIsNotInAnother) {
  const std::string digest = registry_.push_blob("mine", "private");
  EXPECT_EQ(registry_.get("/v2/yours/blobs/" + digest).status, 404);
}

TEST_F(Pull, PartsOfABlobCanBeHad) {
  for (const std::size_t size : {std::size_t{100}, std::size_t{300'000}}) {
    std::string content(size, 'x');
    for (std::size_t i = 0; i < size; ++i) content[i] = static_cast<char>('a' + i % 26);
    const std::string target = "/v2/a/blobs/" + registry_.push_blob("a", content);
    const Answer part = registry_.get(target, {{"Range", "bytes=10-19"}});
    EXPECT_EQ(part.status, 206);
    EXPECT_EQ(part.body, content.substr(10, 10));
    EXPECT_EQ(part.header("Content-Range"), fmt::format("bytes 10-19/{}", size));
    EXPECT_EQ(registry_.get(target, {{"Range", "bytes=-5"}}).body, content.substr(size - 5));
    EXPECT_EQ(registry_.get(target, {{"Range", "bytes=50-"}}).body, content.substr(50));
    EXPECT_EQ(registry_.get(target, {{"Range", fmt::format("bytes={}-", size)}}).status, 416);
    EXPECT_EQ(registry_.get(target, {{"Range", "lines=1-2"}}).status, 200);
    EXPECT_EQ(registry_.get(target, {{"If-None-Match", part.header("ETag")}}).status, 304);
  }
}

TEST_F(Pull, AManifestComesAsItWasPushed) {
  // White space and an unknown field: the bytes count.
  const std::string layer = "layer";
  const std::string json = TestRegistry::manifest_json(layer, ",\n  \"x\" : [1, 2]");
  registry_.push_blob("a", TestRegistry::kConfig);
  registry_.push_blob("a", layer);
  const Answer put = registry_.put_manifest("a", "v1", json);
  ASSERT_EQ(put.status, 201) << put.body;
  const std::string digest = digest_of(json).str();
  EXPECT_EQ(put.header("Docker-Content-Digest"), digest);
  for (const std::string& reference : {std::string("v1"), digest}) {
    const std::string target = "/v2/a/manifests/" + reference;
    const Answer got = registry_.get(target);
    EXPECT_EQ(got.status, 200);
    EXPECT_EQ(got.body, json);
    EXPECT_EQ(got.header("Content-Type"), types::kOciManifest);
    EXPECT_EQ(got.header("Docker-Content-Digest"), digest);
    const Answer head = registry_.call("HEAD", target);
    EXPECT_EQ(head.status, 200);
    EXPECT_EQ(head.header("Content-Length"), std::to_string(json.size()));
    EXPECT_EQ(head.header("Content-Type"), types::kOciManifest);
    EXPECT_EQ(head.header("Docker-Content-Digest"), digest);
  }
  EXPECT_EQ(registry_.get(put.header("Location")).body, json);
}

TEST_F(Pull, AMissingManifestIsUnknown) {
  registry_.push_image("a", "v1", "layer");
  for (const std::string& reference : {std::string("v2"), kMissing, std::string(".INVALID_MANIFEST_NAME")}) {
    EXPECT_EQ(registry_.get("/v2/a/manifests/" + reference).status, 404) << reference;
    EXPECT_EQ(registry_.call("HEAD", "/v2/a/manifests/" + reference).status, 404) << reference;
  }
  EXPECT_EQ(registry_.get("/v2/none/manifests/v1").status, 404);
  EXPECT_EQ(registry_.get("/v2/a/manifests/sha256:12").status, 400);
}

TEST_F(Pull, AcceptIsHeeded) {
  registry_.push_image("a", "v1", "layer");
  const auto status = [&](http::HeaderMap headers) {
    return registry_.get("/v2/a/manifests/v1", std::move(headers)).status;
  };
  EXPECT_EQ(status({{"Accept", "*/*"}}), 200);
  EXPECT_EQ(status({{"Accept", "application/json"}}), 200);
  EXPECT_EQ(status({{"Accept", std::string(types::kDockerManifest) + ", " + std::string(types::kOciManifest) +
                                   ";q=0.5"}}),
            200);
  EXPECT_EQ(
      status({{"Accept", std::string(types::kDockerManifest)}, {"Accept", std::string(types::kOciManifest)}}),
      200);
  EXPECT_EQ(status({{"Accept", std::string(types::kDockerManifest)}}), 404);
}

TEST_F(Pull, AClientWithoutIndexesGetsTheImageForItsLikes) {
  const std::string image = TestRegistry::manifest_json("layer");
  registry_.push_image("a", "image", "layer");
  const std::string index = fmt::format(
      R"({{"schemaVersion":2,"mediaType":"{}","manifests":[{{"mediaType":"{}","digest":"{}","size":{},)"
      R"("platform":{{"architecture":"amd64","os":"linux"}}}}]}})",
      types::kOciIndex, types::kOciManifest, digest_of(image).str(), image.size());
  ASSERT_EQ(registry_.put_manifest("a", "many", index, types::kOciIndex).status, 201);
  EXPECT_EQ(registry_.get("/v2/a/manifests/many").body, index);
  EXPECT_EQ(registry_.get("/v2/a/manifests/many", {{"Accept", std::string(types::kOciIndex)}}).body, index);
  const Answer one = registry_.get("/v2/a/manifests/many", {{"Accept", std::string(types::kOciManifest)}});
  EXPECT_EQ(one.body, image);
  EXPECT_EQ(one.header("Docker-Content-Digest"), digest_of(image).str());
  EXPECT_EQ(one.header("Content-Type"), types::kOciManifest);
}

// ---- push: blobs

TEST_F(Push, PostThenPut) {
  for (const std::size_t size : {std::size_t{0}, std::size_t{10}, std::size_t{1'000'000}}) {
    const std::string content(size, 'p');
    const std::string digest = digest_of(content).str();
    const Answer answer = close(begin_upload(), digest, content);
    EXPECT_EQ(answer.status, 201) << answer.body;
    EXPECT_EQ(answer.header("Docker-Content-Digest"), digest);
    EXPECT_EQ(registry_.get(answer.header("Location")).body, content);
  }
}

TEST_F(Push, ASinglePost) {
  const std::string content = "all at once";
  const std::string digest = digest_of(content).str();
  const Answer answer = registry_.call("POST", "/v2/a/blobs/uploads/?digest=" + digest, {}, content);
  EXPECT_EQ(answer.status, 201);
  EXPECT_EQ(registry_.get(answer.header("Location")).body, content);
}

TEST_F(Push, AStreamWithoutRangesAsDockerSendsIt) {
  const std::string content(200'000, 's');
  const std::string location = begin_upload();
  StringSource source(content);
  http::Client client;
  http::ClientRequest request{.method = "PATCH", .url = MUST(http::Url::parse(registry_.url(location)))};
  request.body_source = &source;  // in chunks of HTTP
  ASSERT_EQ(MUST(client.send(request)).status(), 202);
  EXPECT_EQ(close(location, digest_of(content).str()).status, 201);
}

TEST_F(Push, ChunksInOrder) {
  const std::string content = "chunk one, chunk two, chunk three";
  std::string location = begin_upload();
  const Answer first = patch(location, content.substr(0, 11), "0-10");
  EXPECT_EQ(first.status, 202) << first.body;
  EXPECT_EQ(first.header("Range"), "0-10");
  location = first.header("Location");
  const Answer second = patch(location, content.substr(11, 11), "11-21");
  EXPECT_EQ(second.status, 202);
  EXPECT_EQ(second.header("Range"), "0-21");
  const std::string digest = digest_of(content).str();
  const Answer last = registry_.call("PUT", second.header("Location") + "?digest=" + digest,
                                     {{"Content-Range", "22-32"}}, content.substr(22));
  EXPECT_EQ(last.status, 201) << last.body;
  EXPECT_EQ(registry_.get(last.header("Location")).body, content);
}

TEST_F(Push, ChunksOutOfOrderAreNotSatisfiable) {
  const std::string location = begin_upload();
  EXPECT_EQ(patch(location, "late", "5-8").status, 416);
  EXPECT_EQ(patch(location, "0123456789", "0-9").status, 202);
  for (const char* range : {"0-9", "11-20", "5-14", "x-y", "10"}) {
    const Answer answer = patch(location, "0123456789", range);
    EXPECT_EQ(answer.status, 416) << range;
    EXPECT_EQ(answer.header("Range"), "0-9");
    EXPECT_EQ(answer.header("Location"), location);
  }
  EXPECT_EQ(registry_.call("PUT", location + "?digest=" + kMissing, {{"Content-Range", "3-4"}}, "ab").status,
            416);
  EXPECT_EQ(patch(location, "short", "10-30").code(), "SIZE_INVALID");
  EXPECT_EQ(patch(location, "more", "10-13").status, 202);
  EXPECT_EQ(close(location, digest_of("0123456789more").str()).status, 201);
}

TEST_F(Push, AnUploadTellsHowFarItIs) {
  const std::string location = begin_upload();
  EXPECT_EQ(registry_.get(location).status, 204);
  EXPECT_EQ(patch(location, "12345", "0-4").status, 202);
  const Answer status = registry_.get(location);
  EXPECT_EQ(status.status, 204);
  EXPECT_EQ(status.header("Range"), "0-4");
  EXPECT_EQ(status.header("Location"), location);
  EXPECT_FALSE(status.header("Docker-Upload-UUID").empty());
}

TEST_F(Push, AnUploadCanBeCancelled) {
  const std::string location = begin_upload();
  EXPECT_EQ(patch(location, "12345").status, 202);
  EXPECT_EQ(registry_.call("DELETE", location).status, 204);
  for (const char* method : {"GET", "PATCH", "DELETE"}) {
    const Answer answer = registry_.call(method, location);
    EXPECT_EQ(answer.status, 404) << method;
    EXPECT_EQ(answer.code(), "BLOB_UPLOAD_UNKNOWN") << method;
  }
  EXPECT_EQ(close(location, digest_of("12345").str()).status, 404);
}

TEST_F(Push, AnUploadBelongsToItsRepository) {
  std::string location = begin_upload("mine");
  EXPECT_EQ(patch(location, "12345").status, 202);
  location.replace(location.find("mine"), 4, "yours");
  EXPECT_EQ(registry_.get(location).status, 404);
}

TEST_F(Push, AnUploadOutlivesARestart) {
  const std::string location = begin_upload();
  const std::string content(100'000, 'r');
  ASSERT_EQ(patch(location, content.substr(0, 60'000), "0-59999").status, 202);
  registry_.restart();
  const Answer status = registry_.get(location);
  EXPECT_EQ(status.status, 204);
  EXPECT_EQ(status.header("Range"), "0-59999");
  EXPECT_EQ(patch(location, content.substr(60'000), "60000-99999").status, 202);
  EXPECT_EQ(close(location, digest_of(content).str()).status, 201);
}

TEST_F(Push, AWrongDigestIsRefusedAndLeavesNothing) {
  const std::string wrong = digest_of("something else").str();
  for (const std::string& content : {std::string("small"), std::string(100'000, 'w')}) {
    const Answer answer = close(begin_upload(), wrong, content);
    EXPECT_EQ(answer.status, 400);
    EXPECT_EQ(answer.code(), "DIGEST_INVALID");
    EXPECT_EQ(registry_.call("POST", "/v2/a/blobs/uploads/?digest=" + wrong, {}, content).status, 400);
    EXPECT_EQ(registry_.get("/v2/a/blobs/" + wrong).status, 404);
    EXPECT_EQ(registry_.get("/v2/a/blobs/" + digest_of(content).str()).status, 404);
  }
  EXPECT_EQ(close(begin_upload(), "sha256:0", "x").code(), "DIGEST_INVALID");
  EXPECT_EQ(close(begin_upload(), "md5:d41d8cd98f00b204e9800998ecf8427e", "x").code(), "DIGEST_INVALID");
  EXPECT_EQ(registry_.call("PUT", begin_upload(), {}, "x").code(), "DIGEST_INVALID");
}

TEST_F(Push, Sha512Works) {
  for (const std::string& content : {std::string("small"), std::string(100'000, 'w')}) {
    const std::string digest = digest_of(content, oci::DigestAlgorithm::Sha512).str();
    // With the digest known at the beginning, at the end, and only after chunks.
    EXPECT_EQ(registry_.call("POST", "/v2/a/blobs/uploads/?digest=" + digest, {}, content).status, 201);
    EXPECT_EQ(close(begin_upload(), digest, content).status, 201);
    const std::string location = begin_upload();
    EXPECT_EQ(patch(location, content).status, 202);
    const Answer answer = close(location, digest);
    EXPECT_EQ(answer.status, 201) << answer.body;
    EXPECT_EQ(registry_.get("/v2/a/blobs/" + digest).body, content);
  }
}

TEST_F(Push, ABlobIsMountedFromAnotherRepository) {
  const std::string digest = registry_.push_blob("from", "shared");
  const Answer answer = registry_.call("POST", "/v2/to/blobs/uploads/?mount=" + digest + "&from=from");
  EXPECT_EQ(answer.status, 201);
  EXPECT_EQ(answer.header("Docker-Content-Digest"), digest);
  EXPECT_EQ(registry_.get(answer.header("Location")).body, "shared");
  EXPECT_EQ(registry_.call("POST", "/v2/any/blobs/uploads/?mount=" + digest).status, 201);
}

TEST_F(Push, WhatCannotBeMountedBecomesAnUpload) {
  for (const std::string& query : {"mount=" + kMissing + "&from=from", "mount=" + kMissing,
                                   "mount=" + kMissing + "&from=NOT%20A%20NAME"}) {
    const Answer answer = registry_.call("POST", "/v2/to/blobs/uploads/?" + query);
    EXPECT_EQ(answer.status, 202) << query;
    EXPECT_EQ(close(answer.header("Location"), digest_of(query).str(), query).status, 201);
  }
}

// ---- push: manifests

TEST_F(Push, AManifestNeedsWhatItPointsAt) {
  registry_.push_blob("a", TestRegistry::kConfig);
  const Answer answer = registry_.put_manifest("a", "v1", TestRegistry::manifest_json("missing layer"));
  EXPECT_EQ(answer.status, 404);
  EXPECT_EQ(answer.code(), "MANIFEST_BLOB_UNKNOWN");
  EXPECT_NE(answer.body.find(digest_of("missing layer").str()), std::string::npos);
  EXPECT_EQ(registry_.get("/v2/a/manifests/v1").status, 404);
  // In another repository it does not count.
  registry_.push_blob("b", "missing layer");
  EXPECT_EQ(registry_.put_manifest("a", "v1", TestRegistry::manifest_json("missing layer")).status, 404);
}

TEST_F(Push, AManifestMayHaveNoLayers) {
  registry_.push_blob("a", "{}");
  const std::string json = fmt::format(R"({{"schemaVersion":2,"mediaType":"{}","config":{},"layers":[]}})",
                                       types::kOciManifest, TestRegistry::descriptor(types::kOciEmpty, "{}"));
  EXPECT_EQ(registry_.put_manifest("a", "v1", json).status, 201);
}

TEST_F(Push, NonDistributableLayersNeedNotBeThere) {
  registry_.push_blob("a", TestRegistry::kConfig);
  for (const std::string_view type : {types::kOciForeignLayerGzip, types::kDockerForeignLayerGzip}) {
    const bool is_docker = type == types::kDockerForeignLayerGzip;
    const std::string_view manifest_type = is_docker ? types::kDockerManifest : types::kOciManifest;
    const std::string json = fmt::format(
        R"({{"schemaVersion":2,"mediaType":"{}","config":{},"layers":[{}]}})", manifest_type,
        TestRegistry::descriptor(is_docker ? types::kDockerConfig : types::kOciConfig, TestRegistry::kConfig),
        TestRegistry::descriptor(type, "elsewhere"));
    const Answer answer = registry_.put_manifest("a", "foreign", json, manifest_type);
    EXPECT_EQ(answer.status, 201) << answer.body;
  }
}

TEST_F(Push, DockersManifestsAndListsAreTaken) {
  registry_.push_blob("a", TestRegistry::kConfig);
  registry_.push_blob("a", "layer");
  const std::string json = fmt::format(R"({{"schemaVersion":2,"mediaType":"{}","config":{},"layers":[{}]}})",
                                       types::kDockerManifest,
                                       TestRegistry::descriptor(types::kDockerConfig, TestRegistry::kConfig),
                                       TestRegistry::descriptor(types::kDockerLayerGzip, "layer"));
  EXPECT_EQ(registry_.put_manifest("a", "v1", json, types::kDockerManifest).status, 201);
  EXPECT_EQ(registry_.get("/v2/a/manifests/v1").header("Content-Type"), types::kDockerManifest);
  const std::string list = fmt::format(
      R"({{"schemaVersion":2,"mediaType":"{}","manifests":[{{"mediaType":"{}","digest":"{}","size":{},)"
      R"("platform":{{"architecture":"amd64","os":"linux"}}}}]}})",
      types::kDockerManifestList, types::kDockerManifest, digest_of(json).str(), json.size());
  EXPECT_EQ(registry_.put_manifest("a", "list", list, types::kDockerManifestList).status, 201);
  EXPECT_EQ(registry_.get("/v2/a/manifests/list").header("Content-Type"), types::kDockerManifestList);
}

TEST_F(Push, AnIndexNeedsItsManifests) {
  const std::string index =
      fmt::format(R"({{"schemaVersion":2,"mediaType":"{}","manifests":[{}]}})", types::kOciIndex,
                  TestRegistry::descriptor(types::kOciManifest, TestRegistry::manifest_json("layer")));
  EXPECT_EQ(registry_.put_manifest("a", "many", index, types::kOciIndex).code(), "MANIFEST_BLOB_UNKNOWN");
  registry_.push_image("a", "one", "layer");
  EXPECT_EQ(registry_.put_manifest("a", "many", index, types::kOciIndex).status, 201);
}

TEST_F(Push, AManifestByDigestIsCheckedAgainstIt) {
  registry_.push_blob("a", TestRegistry::kConfig);
  registry_.push_blob("a", "layer");
  const std::string json = TestRegistry::manifest_json("layer");
  EXPECT_EQ(registry_.put_manifest("a", kMissing, json).code(), "DIGEST_INVALID");
  EXPECT_EQ(registry_.put_manifest("a", "sha256:1", json).code(), "DIGEST_INVALID");
  EXPECT_EQ(registry_.put_manifest("a", "-bad-tag", json).status, 400);
  const std::string digest = digest_of(json, oci::DigestAlgorithm::Sha512).str();
  const Answer put = registry_.put_manifest("a", digest, json);
  EXPECT_EQ(put.status, 201);
  EXPECT_EQ(put.header("Docker-Content-Digest"), digest);
  EXPECT_EQ(registry_.get("/v2/a/manifests/" + digest).body, json);
}

TEST_F(Push, WhatIsNoManifestIsInvalid) {
  for (const char* json : {"", "{", "[]", "{}", "null", R"({"schemaVersion":2})",
                           R"({"schemaVersion":1,"name":"a","tag":"b","fsLayers":[],"history":[]})"}) {
    const Answer answer = registry_.put_manifest("a", "v1", json);
    EXPECT_EQ(answer.status, 400) << json;
    EXPECT_EQ(answer.code(), "MANIFEST_INVALID") << json;
  }
  registry_.push_blob("a", TestRegistry::kConfig);
  registry_.push_blob("a", "layer");
  // Said to be what it is not.
  EXPECT_EQ(registry_.put_manifest("a", "v1", TestRegistry::manifest_json("layer"), types::kOciIndex).status,
            400);
  EXPECT_EQ(registry_.put_manifest("a", "v1", TestRegistry::manifest_json("layer"), "text/html").status, 400);
  // One document, two meanings (CVE-2021-41190).
  EXPECT_EQ(
      registry_.put_manifest("a", "v1", TestRegistry::manifest_json("layer", R"(,"manifests":[])")).status,
      400);
  // A parameter does not matter.
  EXPECT_EQ(registry_
                .put_manifest("a", "v1", TestRegistry::manifest_json("layer"),
                              std::string(types::kOciManifest) + "; charset=utf-8")
                .status,
            201);
}

TEST_F(Push, AManifestOf4MibIsTakenAndALargerOneIsTooLarge) {
  registry_.push_blob("a", TestRegistry::kConfig);
  registry_.push_blob("a", "layer");
  const std::string small = TestRegistry::manifest_json("layer", R"(,"annotations":{"a":""})");
  std::string json = TestRegistry::manifest_json(
      "layer", fmt::format(R"(,"annotations":{{"a":"{}"}})", std::string((4 << 20) - small.size(), 'x')));
  ASSERT_EQ(json.size(), std::size_t{4 << 20});
  EXPECT_EQ(registry_.put_manifest("a", "v1", json).status, 201);
  json += ' ';
  EXPECT_EQ(registry_.put_manifest("a", "v1", json).status, 413);
}

TEST_F(Push, ASubjectIsAcknowledgedAlsoWhenItIsNotThere) {
  registry_.push_blob("a", TestRegistry::kConfig);
  registry_.push_blob("a", "layer");
  const std::string subject =
      fmt::format(R"(,"subject":{{"mediaType":"{}","digest":"{}","size":1}})", types::kOciManifest, kMissing);
  const Answer answer = registry_.put_manifest("a", "v1", TestRegistry::manifest_json("layer", subject));
  EXPECT_EQ(answer.status, 201);
  EXPECT_EQ(answer.header("OCI-Subject"), kMissing);
  EXPECT_EQ(registry_.put_manifest("a", "v2", TestRegistry::manifest_json("layer")).header("OCI-Subject"),
            "");
}

// ---- discovery

TEST_F(Discovery, TagsAreListedInOrderAndInPages) {
  for (const char* tag : {"v2", "v10", "latest", "V1", "v1"}) registry_.push_image("a", tag, "layer");
  EXPECT_EQ(registry_.get("/v2/a/tags/list").body, R"({"name":"a","tags":["V1","latest","v1","v10","v2"]})");
  EXPECT_EQ(registry_.get("/v2/a/tags/list?n=5").header("Link"), "");
  const Answer first = registry_.get("/v2/a/tags/list?n=2");
  EXPECT_EQ(first.body, R"({"name":"a","tags":["V1","latest"]})");
  EXPECT_EQ(first.header("Link"), R"(</v2/a/tags/list?n=2&last=latest>; rel="next")");
  EXPECT_EQ(registry_.get("/v2/a/tags/list?n=2&last=latest").body, R"({"name":"a","tags":["v1","v10"]})");
  EXPECT_EQ(registry_.get("/v2/a/tags/list?last=v10").body, R"({"name":"a","tags":["v2"]})");
  EXPECT_EQ(registry_.get("/v2/a/tags/list?last=zzz").body, R"({"name":"a","tags":[]})");
  const Answer none = registry_.get("/v2/a/tags/list?n=0");
  EXPECT_EQ(none.body, R"({"name":"a","tags":[]})");
  EXPECT_EQ(none.header("Link"), "");
  for (const char* n : {"x", "-1", ""})
    EXPECT_EQ(registry_.get(fmt::format("/v2/a/tags/list?n={}", n)).status, 400) << n;
  EXPECT_EQ(registry_.get("/v2/a/tags/list?n=99999999999999999999999").status, 200);
  EXPECT_EQ(registry_.get("/v2/none/tags/list").code(), "NAME_UNKNOWN");
}

TEST_F(Discovery, TheCatalogueIsListedInPages) {
  for (const char* name : {"b/x", "a", "c"}) registry_.push_image(name, "v1", "layer");
  EXPECT_EQ(registry_.get("/v2/_catalog").body, R"({"repositories":["a","b/x","c"]})");
  const Answer first = registry_.get("/v2/_catalog?n=2");
  EXPECT_EQ(first.body, R"({"repositories":["a","b/x"]})");
  EXPECT_EQ(first.header("Link"), R"(</v2/_catalog?n=2&last=b%2Fx>; rel="next")");
  EXPECT_EQ(registry_.get("/v2/_catalog?n=2&last=b%2Fx").body, R"({"repositories":["c"]})");
}

class Referrers : public Specification {
 protected:
  void SetUp() override {
    subject_ = registry_.push_image("a", "subject", "layer");
    registry_.push_blob("a", "{}");
    reference_ = fmt::format(R"("subject":{{"mediaType":"{}","digest":"{}","size":{}}})", types::kOciManifest,
                             subject_, TestRegistry::manifest_json("layer").size());
  }
  std::string put_referrer(std::string_view fields) {
    const std::string json = fmt::format(
        R"({{"schemaVersion":2,"mediaType":"{}","config":{},"layers":[],{}{}}})", types::kOciManifest,
        TestRegistry::descriptor("application/vnd.test.config", "{}"), reference_, fields);
    const std::string digest = digest_of(json).str();
    const Answer answer = registry_.put_manifest("a", digest, json);
    EXPECT_EQ(answer.status, 201) << answer.body;
    EXPECT_EQ(answer.header("OCI-Subject"), subject_);
    return digest;
  }
  std::string subject_, reference_;
};

TEST_F(Referrers, AreAnIndexWithTypeAndAnnotations) {
  const std::string typed =
      put_referrer(R"(,"artifactType":"application/vnd.test.sbom","annotations":{"k":"v"})");
  const std::string untyped = put_referrer("");
  const Answer answer = registry_.get("/v2/a/referrers/" + subject_);
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.header("Content-Type"), types::kOciIndex);
  EXPECT_EQ(answer.header("OCI-Filters-Applied"), "");
  const json::Document index = MUST(json::Document::parse(answer.body));
  const json::Value manifests = *index.root().find("manifests");
  ASSERT_EQ(manifests.size(), 2U);
  for (std::size_t i = 0; i < 2; ++i) {
    const bool is_typed = manifests.at(i).find("digest")->as_string() == typed;
    EXPECT_EQ(manifests.at(i).find("artifactType")->as_string(),
              is_typed ? "application/vnd.test.sbom" : "application/vnd.test.config");
    EXPECT_EQ(manifests.at(i).find("annotations").has_value(), is_typed);
    EXPECT_EQ(manifests.at(i).find("digest")->as_string(), is_typed ? typed : untyped);
  }
}

TEST_F(Referrers, CanBeFiltered) {
  const std::string wanted = put_referrer(R"(,"artifactType":"application/vnd.test.sbom")");
  put_referrer(R"(,"artifactType":"application/vnd.test.signature")");
  const Answer answer =
      registry_.get("/v2/a/referrers/" + subject_ + "?artifactType=application/vnd.test.sbom");
  EXPECT_EQ(answer.header("OCI-Filters-Applied"), "artifactType");
  const json::Document index = MUST(json::Document::parse(answer.body));
  ASSERT_EQ(index.root().find("manifests")->size(), 1U);
  EXPECT_EQ(index.root().find("manifests")->at(0).find("digest")->as_string(), wanted);
}

TEST_F(Referrers, OfWhatNobodyRefersToAreEmpty) {
  for (const std::string& target : {"/v2/a/referrers/" + kMissing, "/v2/none/referrers/" + kMissing}) {
    const Answer answer = registry_.get(target);
    EXPECT_EQ(answer.status, 200) << target;
    const json::Document index = MUST(json::Document::parse(answer.body));
    ASSERT_TRUE(index.root().find("manifests"));
    EXPECT_EQ(index.root().find("manifests")->size(), 0U);
  }
  EXPECT_EQ(registry_.get("/v2/a/referrers/nonsense").status, 400);
}

TEST_F(Referrers, MayComeBeforeTheirSubjectAndGoAlone) {
  const std::string referrer = put_referrer("");
  EXPECT_EQ(registry_.call("DELETE", "/v2/a/manifests/" + subject_).status, 202);
  const Answer after = registry_.get("/v2/a/referrers/" + subject_);
  EXPECT_NE(after.body.find(referrer), std::string::npos);
  EXPECT_EQ(registry_.call("DELETE", "/v2/a/manifests/" + referrer).status, 202);
  EXPECT_EQ(registry_.get("/v2/a/referrers/" + subject_).body.find(referrer), std::string::npos);
}

TEST_F(Referrers, AnIndexMayBeOne) {
  const std::string json = fmt::format(R"({{"schemaVersion":2,"mediaType":"{}","manifests":[],{}}})",
                                       types::kOciIndex, reference_);
  ASSERT_EQ(registry_.put_manifest("a", digest_of(json).str(), json, types::kOciIndex).header("OCI-Subject"),
            subject_);
  const json::Document index = MUST(json::Document::parse(registry_.get("/v2/a/referrers/" + subject_).body));
  ASSERT_EQ(index.root().find("manifests")->size(), 1U);
  EXPECT_FALSE(index.root().find("manifests")->at(0).find("artifactType"));
}

// ---- management

TEST_F(Management, ATagGoesAloneAndAManifestWithItsTags) {
  const std::string digest = registry_.push_image("a", "v1", "layer");
  registry_.push_image("a", "v2", "layer");
  EXPECT_EQ(registry_.call("DELETE", "/v2/a/manifests/v1").status, 202);
  EXPECT_EQ(registry_.get("/v2/a/manifests/v1").status, 404);
  EXPECT_EQ(registry_.get("/v2/a/manifests/v2").status, 200);
  EXPECT_EQ(registry_.get("/v2/a/manifests/" + digest).status, 200);
  EXPECT_EQ(registry_.call("DELETE", "/v2/a/manifests/" + digest).status, 202);
  EXPECT_EQ(registry_.get("/v2/a/manifests/v2").status, 404);
  EXPECT_EQ(registry_.get("/v2/a/manifests/" + digest).status, 404);
  EXPECT_EQ(registry_.call("DELETE", "/v2/a/manifests/" + digest).status, 404);
  EXPECT_EQ(registry_.call("DELETE", "/v2/a/manifests/v2").status, 404);
}

TEST_F(Management, ABlobGoesFromItsRepositoryAlone) {
  const std::string digest = registry_.push_blob("a", "blob");
  registry_.push_blob("b", "blob");
  EXPECT_EQ(registry_.call("DELETE", "/v2/a/blobs/" + digest).status, 202);
  EXPECT_EQ(registry_.get("/v2/a/blobs/" + digest).status, 404);
  EXPECT_EQ(registry_.call("DELETE", "/v2/a/blobs/" + digest).status, 404);
  EXPECT_EQ(registry_.get("/v2/b/blobs/" + digest).body, "blob");
}

TEST_F(Management, DeletionFreesSpaceBeforeItIsAnswered) {
  const std::string layer(5 << 20, 'l');
  const std::string digest = registry_.push_image("a", "v1", layer);
  registry_.push_image("b", "v1", layer);
  const std::uint64_t full = MUST(registry_.store().usage()).blobs;
  EXPECT_GE(full, layer.size());
  EXPECT_EQ(registry_.call("DELETE", "/v2/a/manifests/" + digest).status, 202);
  EXPECT_EQ(MUST(registry_.store().usage()).blobs, full);  // the other repository has it
  EXPECT_EQ(registry_.call("DELETE", "/v2/b/manifests/" + digest).status, 202);
  EXPECT_LT(MUST(registry_.store().usage()).blobs, layer.size() / 100);  // directories
}

TEST_F(Management, ATagRemembersWhatItWas) {
  const std::string first = registry_.push_image("a", "v1", "one");
  const std::string second = registry_.push_image("a", "v1", "two");
  const auto digests = [&] {
    std::vector<std::string> list;
    const json::Document document =
        MUST(json::Document::parse(registry_.get("/v2/a/_gantry/history/v1").body));
    const json::Value changes = *document.root().find("changes");
    for (std::size_t i = 0; i < changes.size(); ++i)
      list.emplace_back(changes.at(i).find("digest")->as_string());
    return list;
  };
  EXPECT_EQ(digests(), (std::vector{second, first}));
  const Answer back = registry_.call("POST", "/v2/a/_gantry/rollback/v1");
  EXPECT_EQ(back.status, 204) << back.body;
  EXPECT_EQ(back.header("Docker-Content-Digest"), first);
  EXPECT_EQ(registry_.call("HEAD", "/v2/a/manifests/v1").header("Docker-Content-Digest"), first);
  EXPECT_EQ(digests(), (std::vector{first, second, first}));
  EXPECT_EQ(registry_.call("POST", "/v2/a/_gantry/rollback/v1?digest=" + second).status, 204);
  EXPECT_EQ(registry_.call("POST", "/v2/a/_gantry/rollback/v1?digest=" + kMissing).status, 404);
  EXPECT_EQ(registry_.call("POST", "/v2/a/_gantry/rollback/none").status, 404);
  EXPECT_EQ(registry_.get("/v2/a/_gantry/history/none").status, 404);
}

}  // namespace
}  // namespace gantry::registry
