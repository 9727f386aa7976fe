// SPDX-License-Identifier: Apache-2.0
#include "oci/image/convert.h"

#include <gtest/gtest.h>

#include <fmt/format.h>

#include "base/base64.h"
#include "base/json.h"
#include "oci/image/document.h"
#include "oci/image/image_config.h"
#include "testing/must.h"

namespace gantry::oci {
namespace {

using namespace media_type;

Manifest oci_image() {
  return {.config = describe(kOciConfig, "{}"),
          .layers = {describe(kOciLayerGzip, "a"), describe(kOciLayer, "b"),
                     describe(kOciForeignLayerGzip, "c")}};
}

TEST(Convert, to_docker_and_back_is_the_same_image) {
  const Manifest origin = oci_image();
  const Converted docker = MUST(convert(origin, Format::Docker));
  EXPECT_TRUE(docker.lost.empty());
  EXPECT_EQ(docker.descriptor.media_type, kDockerManifest);
  EXPECT_TRUE(verify(docker.descriptor, docker.json));

  const Manifest parsed = MUST(parse_manifest(docker.json, kDockerManifest));
  EXPECT_EQ(parsed.config.media_type, kDockerConfig);
  EXPECT_EQ(parsed.config.digest, origin.config.digest);
  EXPECT_EQ(parsed.layers[0].media_type, kDockerLayerGzip);
  EXPECT_EQ(parsed.layers[1].media_type, kDockerLayer);
  EXPECT_EQ(parsed.layers[2].media_type, kDockerForeignLayerGzip);

  const Converted back = MUST(convert(parsed, Format::Oci));
  EXPECT_EQ(back.json, to_json(origin));
  EXPECT_EQ(back.descriptor, describe(kOciManifest, back.json));
}

TEST(Convert, tells_what_docker_has_no_room_for) {
  Manifest image = oci_image();
  image.annotations["a"] = "b";
  image.layers[1].annotations["c"] = "d";
  EXPECT_EQ(MUST(convert(image, Format::Docker)).lost,
            (std::vector<std::string>{"annotations", "layers[1].annotations"}));
  EXPECT_TRUE(MUST(convert(image, Format::Oci)).lost.empty());

  image.subject = describe(kOciManifest, "s");
  EXPECT_EQ(convert(image, Format::Docker).error().message(),
            "subject: Docker's manifests have nothing like it");
  image = oci_image();
  image.layers[2].media_type = kOciForeignLayerZstd;
  EXPECT_EQ(convert(image, Format::Docker).error().code(), Code::Unsupported);
  image.config.media_type = kOciEmpty;
  EXPECT_FALSE(convert(image, Format::Oci));
}

TEST(Convert, follows_from_index_to_manifests) {
  const Converted manifest = MUST(convert(oci_image(), Format::Docker));
  Descriptor old = describe(kOciManifest, to_json(oci_image()));
  old.platform = Platform{.os = "linux", .architecture = "amd64"};
  const Index index{.manifests = {old}};

  const Converted list = MUST(convert(index, Format::Docker, {{old.digest, manifest.descriptor}}));
  const Index parsed = MUST(parse_index(list.json, kDockerManifestList));
  EXPECT_TRUE(verify(list.descriptor, list.json));
  EXPECT_EQ(parsed.manifests.at(0).digest, manifest.descriptor.digest);
  EXPECT_EQ(parsed.manifests.at(0).media_type, kDockerManifest);
  EXPECT_EQ(parsed.manifests.at(0).platform, old.platform);
  EXPECT_FALSE(convert(index, Format::Docker, {}));
}

// ---- Schema 1

std::string v1(std::string_view id, std::string_view parent, std::string_view more) {
  json::Writer writer;
  const std::string text = fmt::format(R"({{"id":"{}"{},"created":"2015-01-02T03:04:05Z"{}}})", id,
                                       parent.empty() ? "" : fmt::format(R"(,"parent":"{}")", parent), more);
  writer.begin_object().key("v1Compatibility").value(text).end_object();
  return std::move(writer).text();
}

std::string schema1(std::string_view extra = "") {
  const auto blob = [](std::string_view content) {
    return fmt::format(R"({{"blobSum":"{}"}})", digest_of(content).str());
  };
  return fmt::format(
      "{{\n\"schemaVersion\":1,\"name\":\"library/old\",\"tag\":\"1\",\"architecture\":\"amd64\",\n"
      "\"fsLayers\":[{},{},{}],\n\"history\":[{},{},{}]{}\n}}",
      blob("top"), blob("empty"), blob("base"),
      v1("c", "b",
         R"(,"os":"linux","author":"me","config":{"Cmd":["sh"],"Healthcheck":{"Test":["NONE"]}},"Size":3)"),
      v1("b", "a", R"(,"throwaway":true,"container_config":{"Cmd":["/bin/sh","-c","#(nop) ENV"]})"),
      v1("a", "", ""), extra);
}

// As Docker's registry signed: everything but the last "\n}" is followed by the signatures.
std::string signed_schema1(const std::string& payload, std::size_t length, std::string_view tail) {
  const std::string header =
      fmt::format(R"({{"formatLength":{},"formatTail":"{}","time":"2015"}})", length, to_base64url(tail));
  return payload.substr(0, payload.size() - 2) +
         fmt::format(",\n\"signatures\":[{{\"header\":{{}},\"signature\":\"eA\",\"protected\":\"{}\"}}]\n}}",
                     to_base64url(header));
}

std::vector<UnpackedLayer> unpacked() {
  return {{.blob = digest_of("base"), .size = 4, .diff_id = digest_of("base tar")},
          {.blob = digest_of("top"), .size = 3, .diff_id = digest_of("top tar")}};
}

TEST(Schema1, becomes_a_manifest_and_a_config) {
  const Schema1Manifest old = MUST(parse_schema1(schema1(), kDockerSchema1));
  EXPECT_EQ(old.name, "library/old");
  EXPECT_EQ(old.layer_blobs(), (std::vector<Digest>{digest_of("base"), digest_of("top")}));

  const ConvertedImage image = MUST(convert_schema1(old, unpacked()));
  const Manifest manifest = MUST(parse_manifest(image.manifest, kDockerManifest));
  const ImageConfig config = MUST(parse_image_config(image.config));
  EXPECT_TRUE(verify(image.descriptor, image.manifest));
  EXPECT_TRUE(verify(manifest.config, image.config));
  EXPECT_TRUE(check_matches(config, manifest));
  EXPECT_EQ(manifest.layers.at(1), describe(kDockerLayerGzip, "top"));
  EXPECT_EQ(config.platform.str(), "linux/amd64");
  EXPECT_EQ(config.author, "me");
  EXPECT_EQ(config.config.cmd, std::vector<std::string>{"sh"});
  EXPECT_EQ(config.config.healthcheck->test, std::vector<std::string>{"NONE"});
  EXPECT_EQ(config.rootfs.diff_ids, (std::vector<Digest>{digest_of("base tar"), digest_of("top tar")}));
  ASSERT_EQ(config.history.size(), 3U);
  EXPECT_EQ(config.history[1].created_by, "/bin/sh -c #(nop) ENV");
  EXPECT_TRUE(config.history[1].empty_layer);
  EXPECT_EQ(image.config.find("Size"), std::string::npos);
}

TEST(Schema1, when_signed_is_what_was_signed) {
  const std::string payload = schema1();
  const std::string text = signed_schema1(payload, payload.size() - 2, "\n}");
  const Schema1Manifest old = MUST(parse_schema1(text, kDockerSchema1Signed));
  EXPECT_EQ(old.payload, payload);
  EXPECT_EQ(old.layers.size(), 3U);
  EXPECT_TRUE(std::holds_alternative<Schema1Manifest>(MUST(parse_document(text))));

  const auto refusal = [&](std::size_t length, std::string_view tail) {
    const auto refused = parse_schema1(signed_schema1(payload, length, tail));
    return refused ? "accepted" : refused.error().message();
  };
  EXPECT_TRUE(
      refusal(1 << 20, "\n}").starts_with("signatures[0]: protected.formatLength: 1048576 is more than"));
  EXPECT_TRUE(refusal(payload.size() - 3, "\n}").starts_with("signed payload: "));
}

TEST(Schema1, must_be_one_chain) {
  const auto refusal = [](std::string text, std::string_view from, std::string_view to) {
    text.replace(text.find(from), from.size(), to);
    const auto refused = parse_schema1(text);
    return refused ? "accepted" : refused.error().message();
  };
  EXPECT_EQ(refusal(schema1(), R"(\"parent\":\"b\")", R"(\"parent\":\"x\")"),
            "history: 'c' has the parent 'x', but what follows is 'b'");
  EXPECT_EQ(refusal(schema1(), R"({\"id\":\"a\")", R"({\"id\":\"a\",\"parent\":\"z\")"),
            "history: 'a' has the parent 'z', but what follows is ''");
  EXPECT_EQ(refusal(schema1(), R"({\"id\":\"a\")", "["),
            "history[2].v1Compatibility: JSON line 1 column 2: expected a value");
  EXPECT_EQ(refusal(schema1(), R"("history":[)", R"("history":[{"v1Compatibility":"{}"},)"),
            "history: has 4 elements, but fsLayers has 3");
}

TEST(Schema1, is_converted_only_with_its_own_layers) {
  const Schema1Manifest old = MUST(parse_schema1(schema1()));
  std::vector<UnpackedLayer> layers = unpacked();
  std::swap(layers[0], layers[1]);
  EXPECT_FALSE(convert_schema1(old, layers));
  layers.pop_back();
  EXPECT_FALSE(convert_schema1(old, layers));
}

}  // namespace
}  // namespace gantry::oci
