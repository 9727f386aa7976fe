// SPDX-License-Identifier: Apache-2.0
#include "oci/image/document.h"

#include <gtest/gtest.h>

#include <fmt/format.h>

#include "base/base64.h"
#include "oci/image/image_config.h"
#include "testing/must.h"

namespace gantry::oci {
namespace {

using namespace media_type;

std::string descriptor(std::string_view type, std::string_view content, std::string_view more = "") {
  return fmt::format(R"({{"mediaType":"{}","digest":"{}","size":{}{}}})", type, digest_of(content).str(),
                     content.size(), more);
}

std::string manifest(std::string_view more = "") {
  return fmt::format(R"({{"schemaVersion":2,"mediaType":"{}","config":{},"layers":[{}]{}}})", kOciManifest,
                     descriptor(kOciConfig, "{}"), descriptor(kOciLayerGzip, "layer"), more);
}

std::string refusal(std::string_view json, std::string_view declared = "") {
  const auto document = parse_document(json, declared);
  return document ? "accepted" : document.error().message();
}

TEST(Document, of_oci_is_read_whole) {
  const std::string subject = descriptor(kOciManifest, "subject");
  const Manifest parsed = MUST(parse_manifest(manifest(
      R"(,"artifactType":"application/x","annotations":{"a":"b"},"unknown":[1],"subject":)" + subject)));
  EXPECT_EQ(parsed.format(), Format::Oci);
  EXPECT_EQ(parsed.config.media_type, kOciConfig);
  ASSERT_EQ(parsed.layers.size(), 1U);
  EXPECT_EQ(parsed.layers[0].digest, digest_of("layer"));
  EXPECT_EQ(parsed.layers[0].size, 5U);
  EXPECT_EQ(parsed.artifact_type, "application/x");
  EXPECT_EQ(parsed.annotations.at("a"), "b");
  EXPECT_EQ(parsed.subject->digest, digest_of("subject"));
  EXPECT_EQ(MUST(parse_manifest(to_json(parsed))), parsed);
}

TEST(Document, may_leave_its_type_out_if_it_is_ocis) {
  const std::string bare =
      fmt::format(R"({{"schemaVersion":2,"config":{},"layers":[]}})", descriptor(kOciConfig, "{}"));
  EXPECT_EQ(MUST(parse_manifest(bare)).media_type, kOciManifest);
  EXPECT_EQ(MUST(parse_manifest(bare, kOciManifest)).media_type, kOciManifest);
  EXPECT_EQ(MUST(parse_manifest(bare, "application/json; charset=utf-8")).media_type, kOciManifest);
  EXPECT_EQ(refusal(bare, kDockerManifest),
            fmt::format("mediaType: is required in a document of type '{}'", kDockerManifest));
  EXPECT_EQ(MUST(parse_index(R"({"schemaVersion":2,"manifests":[]})")).media_type, kOciIndex);
  EXPECT_EQ(refusal(R"({"schemaVersion":2})"),
            "mediaType: is missing, and the content is no manifest or index");
}

TEST(Document, must_be_of_the_type_that_was_declared) {
  EXPECT_EQ(refusal(manifest(), kOciManifest), "accepted");
  EXPECT_EQ(refusal(manifest(), fmt::format(" {} ; charset=utf-8", kOciManifest)), "accepted");
  EXPECT_EQ(
      refusal(manifest(), kOciIndex),
      fmt::format("mediaType: is '{}', but the document was declared as '{}'", kOciManifest, kOciIndex));
  EXPECT_EQ(refusal(manifest(), "text/html"),
            fmt::format("mediaType: is '{}', but the document was declared as 'text/html'", kOciManifest));
  EXPECT_EQ(parse_index(manifest()).error().message(),
            fmt::format("mediaType: '{}' is a manifest, not an index", kOciManifest));
  EXPECT_EQ(parse_document(R"({"schemaVersion":2,"mediaType":"a/b"})").error().code(), Code::Unsupported);
  EXPECT_EQ(refusal(R"({"schemaVersion":2,"mediaType":1})"), "mediaType: expected a media type");
}

TEST(Document, is_refused_when_it_could_be_two_things) {
  EXPECT_EQ(refusal(manifest(R"(,"manifests":[])")),
            "manifests: makes this document an index as well as a manifest");
  EXPECT_EQ(refusal(manifest(R"(,"manifests":null)")),
            "manifests: makes this document an index as well as a manifest");
  EXPECT_EQ(refusal(manifest(R"(,"fsLayers":[])")),
            "fsLayers: makes this document a schema 1 manifest as well as a manifest");
  EXPECT_EQ(
      refusal(fmt::format(R"({{"schemaVersion":2,"mediaType":"{}","manifests":[],"layers":[]}})", kOciIndex)),
      "layers: makes this document a manifest as well as an index");
  EXPECT_EQ(refusal(R"({"schemaVersion":2,"manifests":[],"config":{}})"),
            "manifests: makes this document an index as well as a manifest");
  EXPECT_EQ(refusal(manifest(R"(,"Manifests":[])")), "'Manifests': the key is spelled 'manifests'");
  EXPECT_EQ(refusal(manifest(R"(,"LAYERS":[])")), "'LAYERS': the key is spelled 'layers'");
}

TEST(Document, of_schema_1_does_not_pass_for_another) {
  EXPECT_EQ(refusal(R"({"schemaVersion":1,"config":{},"layers":[]})"),
            "schemaVersion: is 1, but a manifest has 2");
  EXPECT_EQ(refusal(R"({"schemaVersion":2,"fsLayers":[],"history":[]})"),
            "schemaVersion: is 2, but a schema 1 manifest has 1");
  EXPECT_EQ(refusal(R"({"schemaVersion":"2","manifests":[]})"),
            "schemaVersion: is \"2\", but an index has 2");
  EXPECT_EQ(refusal(R"({"manifests":[]})"), "schemaVersion: is required");
  EXPECT_EQ(refusal(R"({"schemaVersion":1,"fsLayers":[],"history":[]})", kDockerSchema1),
            "fsLayers: is empty");
}

TEST(Document, names_the_field_that_lies) {
  const auto with_layer = [](std::string_view layer) {
    return refusal(fmt::format(R"({{"schemaVersion":2,"mediaType":"{}","config":{},"layers":[{}]}})",
                               kOciManifest, descriptor(kOciConfig, "{}"), layer));
  };
  const std::string digest = digest_of("x").str();
  EXPECT_EQ(with_layer("{}"), "layers[0].mediaType: is required");
  EXPECT_EQ(with_layer(R"({"mediaType":"a/b","digest":"sha256:1","size":1})"),
            "layers[0].digest: 'sha256:1' is not a digest: sha256 has 64 hexadecimal digits of lower case");
  EXPECT_EQ(with_layer(fmt::format(R"({{"mediaType":"a/b","digest":"{}"}})", digest)),
            "layers[0].size: is required");
  EXPECT_EQ(with_layer(fmt::format(R"({{"mediaType":"a/b","digest":"{}","size":-1}})", digest)),
            "layers[0].size: expected an unsigned 64-bit integer, is -1");
  EXPECT_EQ(
      with_layer(fmt::format(R"({{"mediaType":"a/b","digest":"{}","size":9223372036854775808}})", digest)),
      "layers[0].size: 9223372036854775808 is more than a signed 64-bit integer holds");
  EXPECT_EQ(with_layer(fmt::format(R"({{"mediaType":"tar","digest":"{}","size":1}})", digest)),
            "layers[0].mediaType: 'tar' is not a media type");
  EXPECT_EQ(refusal("[]"), "expected an object, is an array");
  EXPECT_EQ(refusal(fmt::format(R"({{"schemaVersion":2,"mediaType":"{}","config":{}}})", kOciManifest,
                                descriptor(kOciConfig, "{}"))),
            "layers: is required");
}

TEST(Document, carries_content_only_if_it_is_true) {
  const auto with_data = [](std::string_view data) {
    return manifest(
        fmt::format(R"(,"subject":{})", descriptor("a/b", "hello", fmt::format(R"(,"data":"{}")", data))));
  };
  const Manifest parsed = MUST(parse_manifest(with_data(to_base64("hello"))));
  EXPECT_EQ(parsed.subject->data->bytes, "hello");
  EXPECT_EQ(MUST(parse_manifest(to_json(parsed))), parsed);
  EXPECT_EQ(refusal(with_data("?")), "subject.data: is not base64");
  EXPECT_TRUE(refusal(with_data(to_base64("hell"))).starts_with("subject.data: the content of 'sha256:"));
  EXPECT_TRUE(refusal(with_data(to_base64("jello"))).find("has the digest") != std::string::npos);
}

TEST(Document, has_limits) {
  const auto with_layers = [](std::size_t count) {
    Manifest many{.config = describe(kOciConfig, "{}")};
    many.layers.assign(count, describe(kOciLayer, "l"));
    return many;
  };
  EXPECT_TRUE(parse_manifest(to_json(with_layers(kMaxManifestLayers))));
  EXPECT_EQ(refusal(to_json(with_layers(kMaxManifestLayers + 1))),
            "layers: has 4097 elements, more than the 4096 allowed");
  EXPECT_TRUE(check_is_image(with_layers(kMaxImageLayers)));
  EXPECT_EQ(check_is_image(with_layers(kMaxImageLayers + 1)).error().message(),
            "layers: has 129 elements, more than the 128 that can be stacked");
  EXPECT_EQ(refusal(std::string(kMaxManifestBytes + 1, ' ')),
            "the JSON text has 4194305 bytes, more than the 4194304 allowed");

  Index index;
  index.manifests.assign(kMaxIndexManifests + 1, describe(kOciManifest, "m"));
  EXPECT_EQ(refusal(to_json(index)), "manifests: has 8193 elements, more than the 8192 allowed");
}

TEST(Document, is_an_image_only_with_types_of_images) {
  Manifest image = MUST(parse_manifest(manifest()));
  EXPECT_TRUE(check_is_image(image));
  image.layers[0].media_type = "application/wasm";
  EXPECT_EQ(check_is_image(image).error().message(),
            "layers[0].mediaType: 'application/wasm' is not the layer of an image");
  image.config.media_type = kOciEmpty;
  EXPECT_EQ(check_is_image(image).error().message(),
            fmt::format("config.mediaType: '{}' is not the config of an image", kOciEmpty));
}

TEST(Document, of_either_kind_tells_what_it_points_at) {
  const Document one = MUST(parse_document(manifest(R"(,"subject":)" + descriptor(kOciManifest, "s"))));
  ASSERT_EQ(children_of(one).size(), 3U);
  EXPECT_EQ(children_of(one)[2], subject_of(one));
  EXPECT_EQ(media_type_of(one), kOciManifest);

  const Document index =
      MUST(parse_document(fmt::format(R"({{"schemaVersion":2,"mediaType":"{}","manifests":[{}]}})",
                                      kDockerManifestList, descriptor(kDockerManifest, "m"))));
  ASSERT_EQ(children_of(index).size(), 1U);
  EXPECT_EQ(subject_of(index), nullptr);
  EXPECT_EQ(std::get<Index>(index).format(), Format::Docker);
  EXPECT_EQ(MUST(kind_of(manifest())), DocumentKind::Manifest);
}

TEST(Descriptor, is_held_against_its_content) {
  const Descriptor right = describe("a/b", "content", DigestAlgorithm::Sha512);
  EXPECT_TRUE(verify(right, "content"));
  EXPECT_EQ(verify(right, "contents").error().message(),
            fmt::format("the content of '{}' has 8 bytes, its descriptor says 7", right.digest.str()));
  EXPECT_EQ(verify(right, "contend").error().code(), Code::DataLoss);
  Descriptor annotated = right;
  annotated.annotations["a"] = "b";
  EXPECT_EQ(plain(annotated), right);
}

TEST(MediaType, says_what_a_layer_is) {
  EXPECT_EQ(layer_type(kOciLayerZstd), (LayerType{LayerEncoding::Zstd, true}));
  EXPECT_EQ(layer_type(kDockerForeignLayerGzip), (LayerType{LayerEncoding::Gzip, false}));
  EXPECT_FALSE(layer_type(kOciConfig));
  EXPECT_EQ(layer_media_type(Format::Docker, {LayerEncoding::Tar, true}), kDockerLayer);
  EXPECT_FALSE(layer_media_type(Format::Docker, {LayerEncoding::Zstd, false}));
  EXPECT_EQ(format_of(kDockerConfig), Format::Docker);
  EXPECT_EQ(format_of(kOciLayer), Format::Oci);
  EXPECT_FALSE(format_of("a/b"));
  EXPECT_EQ(without_parameters("  a/b ; c=d"), "a/b");
  EXPECT_EQ(without_parameters(" "), "");
  EXPECT_TRUE(is_well_formed("application/vnd.x+json"));
  for (const char* text : {"", "a", "/", "a/", "/b", "a/b/c", "a b/c", ".a/b"})
    EXPECT_FALSE(is_well_formed(text));
}

TEST(ImageConfig, of_docker_is_read_and_written) {
  const std::string diff_id = digest_of("tar").str();
  const ImageConfig config = MUST(parse_image_config(
      R"({"architecture":"arm","variant":"v7","os":"linux","os.version":"1","created":"2026-01-02T03:04:05Z",
          "config":{"User":"1:2","ExposedPorts":{"80/tcp":{}},"Env":["A=b"],"Entrypoint":["/e"],"Cmd":null,
                    "Volumes":{"/v":{}},"WorkingDir":"/w","Labels":{"k":"v"},"StopSignal":"SIGTERM","StopTimeout":0,
                    "Healthcheck":{"Test":["CMD","true"],"Interval":1000000000},"OnBuild":["RUN x"],"Shell":["sh"]},
          "container_config":{"Cmd":["x"]},"docker_version":"20",
          "rootfs":{"type":"layers","diff_ids":[")" +
      diff_id +
      R"("]},"history":[{"created_by":"a","empty_layer":true},{"created_by":"b","comment":"c"}]})"));
  EXPECT_EQ(config.platform,
            (Platform{.os = "linux", .architecture = "arm", .variant = "v7", .os_version = "1"}));
  EXPECT_EQ(config.config.exposed_ports.count("80/tcp"), 1U);
  EXPECT_EQ(config.config.volumes.count("/v"), 1U);
  EXPECT_EQ(config.config.stop_timeout, 0);
  EXPECT_EQ(config.config.healthcheck->interval, 1'000'000'000);
  EXPECT_EQ(config.rootfs.diff_ids.at(0), digest_of("tar"));
  EXPECT_TRUE(config.history.at(0).empty_layer);
  EXPECT_EQ(MUST(parse_image_config(to_json(config))), config);
}

TEST(ImageConfig, is_refused_with_the_field_that_is_wrong) {
  const auto refused = [](std::string_view json) {
    const auto config = parse_image_config(json);
    return config ? "accepted" : config.error().message();
  };
  EXPECT_EQ(refused(R"({"os":"linux","rootfs":{"type":"layers","diff_ids":[]}})"),
            "architecture: is required");
  EXPECT_EQ(refused(R"({"os":"linux","architecture":"arm"})"), "rootfs: is required");
  EXPECT_EQ(refused(R"({"os":"linux","architecture":"arm","rootfs":{"type":"x"}})"),
            "rootfs.type: 'x' is not 'layers'");
  EXPECT_EQ(refused(R"({"os":"linux","architecture":"arm","rootfs":{"type":"layers","diff_ids":["x:y"]}})"),
            "rootfs.diff_ids[0]: digest 'x:y': only sha256 and sha512 are supported");
  EXPECT_EQ(refused(std::string(kMaxConfigBytes + 1, ' ')),
            "the JSON text has 8388609 bytes, more than the 8388608 allowed");
  ImageConfig deep{.platform = {.os = "linux", .architecture = "arm"}};
  deep.rootfs.diff_ids.assign(kMaxManifestLayers + 1, digest_of("x"));
  EXPECT_EQ(refused(to_json(deep)), "rootfs.diff_ids: has 4097 elements, more than the 4096 allowed");
}

TEST(ImageConfig, belongs_to_a_manifest_with_as_many_layers) {
  const Manifest one_layer = MUST(parse_manifest(manifest()));
  ImageConfig config;
  EXPECT_EQ(check_matches(config, one_layer).error().message(),
            "rootfs.diff_ids: has 0 elements, but the manifest has 1 layers");
  config.rootfs.diff_ids = {digest_of("x")};
  config.history = {{.empty_layer = true}, {}};
  EXPECT_TRUE(check_matches(config, one_layer));
  config.history.emplace_back();
  EXPECT_EQ(check_matches(config, one_layer).error().message(),
            "history: speaks of 2 layers, but the manifest has 1");
}

TEST(OciLayout, is_of_version_1) {
  EXPECT_EQ(oci_layout_json(), R"({"imageLayoutVersion":"1.0.0"})");
  EXPECT_TRUE(check_oci_layout(oci_layout_json()));
  EXPECT_EQ(check_oci_layout(R"({"imageLayoutVersion":"2.0.0"})").error().code(), Code::Unsupported);
  EXPECT_FALSE(check_oci_layout("{}"));
}

}  // namespace
}  // namespace gantry::oci
