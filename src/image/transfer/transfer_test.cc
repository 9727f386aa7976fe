// SPDX-License-Identifier: Apache-2.0
//
// Whole pulls and pushes, between a store of ours and a registry that a test scripts.
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <set>
#include <thread>

#include "base/file.h"
#include "base/json.h"
#include "image/transfer/fake_registry.h"
#include "image/transfer/puller.h"
#include "image/transfer/pusher.h"
#include "oci/archive/compression.h"
#include "oci/archive/tar_writer.h"
#include "oci/image/chain_id.h"
#include "oci/image/document.h"
#include "oci/image/image_config.h"
#include "oci/image/media_type.h"
#include "testing/temp_dir.h"

namespace gantry::image {
namespace {

using testing::TempDir;

std::string tar_with(const std::string& name, const std::string& text) {
  StringSink tar;
  oci::TarWriter writer(tar);
  MUST(writer.add({.path = name, .mode = 0644, .uid = ::getuid(), .gid = ::getgid(), .size = text.size()}));
  MUST(writer.write(bytes_of(text)));
  MUST(writer.finish());
  return tar.take();
}

std::string gzip(const std::string& text) {
  StringSink out;
  const auto compressor = MUST(oci::compress(out, {.compression = oci::Compression::Gzip}));
  MUST(compressor->write(bytes_of(text)));
  MUST(compressor->finish());
  return out.take();
}

std::string noise(std::size_t size) {
  std::string bytes(size, '\0');
  std::uint32_t state = 1;
  for (char& byte : bytes) byte = static_cast<char>((state = state * 1664525 + 1013904223) >> 24);
  return bytes;
}

// An image of small layers: layer i holds the file "file-<i>".
struct TestImage {
  explicit TestImage(std::size_t count, const oci::Platform& platform = oci::host_platform()) {
    oci::ImageConfig described;
    described.created = "2026-11-21T10:20:30Z";
    described.platform = platform;
    manifest.config.media_type = oci::media_type::kOciConfig;
    for (std::size_t i = 0; i < count; ++i) {
      const std::string tar =
          tar_with("file-" + std::to_string(i), "text of " + platform.str() + std::to_string(i));
      described.rootfs.diff_ids.push_back(oci::digest_of(tar));
      layers.push_back(gzip(tar));
      manifest.layers.push_back(oci::describe(oci::media_type::kOciLayerGzip, layers.back()));
    }
    config = oci::to_json(described);
    diff_ids = described.rootfs.diff_ids;
    manifest.config = oci::describe(oci::media_type::kOciConfig, config);
  }
  void set_layer(std::size_t index, const std::string& tar, oci::Compression compression) {
    const bool is_plain = compression == oci::Compression::None;
    layers[index] = is_plain ? tar : gzip(tar);
    manifest.layers[index] =
        oci::describe(is_plain ? oci::media_type::kOciLayer : oci::media_type::kOciLayerGzip, layers[index]);
    oci::ImageConfig described = MUST(oci::parse_image_config(config));
    described.rootfs.diff_ids[index] = diff_ids[index] = oci::digest_of(tar);
    config = oci::to_json(described);
    manifest.config = oci::describe(oci::media_type::kOciConfig, config);
  }
  oci::Descriptor put(FakeRegistry& registry, const std::string& tag) const {
    for (const std::string& layer : layers) registry.put_blob("app", layer);
    registry.put_blob("app", config);
    const std::string bytes = oci::to_json(manifest);
    registry.put_manifest("app", tag, bytes, manifest.media_type);
    oci::Descriptor descriptor = oci::describe(manifest.media_type, bytes);
    return descriptor;
  }

  std::vector<std::string> layers;
  std::string config;
  oci::Manifest manifest;
  std::vector<oci::Digest> diff_ids;
};

class Recorder final : public ProgressSink {
 public:
  void on_blob(const TransferEvent& event) override {
    MutexLock lock(mutex_);
    states_.insert(event.state);
    received_ = std::max(received_, event.done);
  }
  void on_note(std::string_view line) override {
    MutexLock lock(mutex_);
    notes_.emplace_back(line);
  }
  // Bytes of the blob that most has come of.
  std::uint64_t received() const {
    MutexLock lock(mutex_);
    return received_;
  }
  bool saw(TransferState state) const {
    MutexLock lock(mutex_);
    return states_.contains(state);
  }

 private:
  mutable Mutex mutex_;
  std::set<TransferState> states_ GUARDED_BY(mutex_);
  std::uint64_t received_ GUARDED_BY(mutex_) = 0;
  std::vector<std::string> notes_ GUARDED_BY(mutex_);
};

RegistriesOptions quick() {
  RegistriesOptions options;
  options.retry = impatient().retry;
  return options;
}

class TransferTest : public ::testing::Test {
 protected:
  TransferTest()
      : store(MUST(ImageStore::open(dir.path()))),
        snapshots(MUST(Snapshots::open(dir.path(), store.database()))) {}

  oci::Reference name(const std::string& rest) {
    return MUST(oci::Reference::parse(registry.host() + "/" + rest));
  }
  Result<Pulled> pull_it(const std::string& rest) {
    return pull(store, snapshots, registries, name(rest), options, progress);
  }
  std::string error_of(const std::string& rest) {
    const Result<Pulled> pulled = pull_it(rest);
    return pulled ? "no error" : pulled.error().message();
  }
  std::string file(const TestImage& image, std::size_t layer, const std::string& file_name) {
    const UniqueFd directory = MUST(snapshots.open_layer(oci::chain_ids(image.diff_ids).at(layer)));
    return MUST(read_file_at(directory.get(), file_name));
  }

  TempDir dir;
  FakeRegistry registry;
  ImageStore store;
  Snapshots snapshots;
  Registries registries{quick()};
  PullOptions options;
  Recorder progress;
};

TEST_F(TransferTest, a_pull_brings_manifest_config_and_layers_and_gives_the_name) {
  const TestImage image(3);
  const oci::Descriptor manifest = image.put(registry, "1");
  const Pulled pulled = MUST(pull_it("app:1"));
  EXPECT_EQ(pulled.digest, manifest.digest);
  EXPECT_EQ(pulled.id, oci::digest_of(image.config));
  EXPECT_TRUE(pulled.is_new);
  const Image stored = MUST(store.resolve(registry.host() + "/app:1"));
  EXPECT_EQ(stored.manifest, manifest.digest);
  EXPECT_EQ(stored.created, 1'795'256'430'000'000'000);
  EXPECT_EQ(stored.platform, oci::host_platform().str());
  EXPECT_EQ(file(image, 2, "file-2"), "text of " + oci::host_platform().str() + "2");
  EXPECT_EQ(MUST(store.collect()).blobs, 0U) << "the name holds all of it";
  EXPECT_TRUE(progress.saw(TransferState::Downloading));
  EXPECT_TRUE(progress.saw(TransferState::Done));
}

TEST_F(TransferTest, a_second_pull_of_the_same_costs_one_head_request) {
  TestImage(2).put(registry, "1");
  MUST(pull_it("app:1"));
  const std::size_t before = registry.requests().size();
  EXPECT_FALSE(MUST(pull_it("app:1")).is_new);
  ASSERT_EQ(registry.requests().size(), before + 1);
  EXPECT_EQ(registry.requests().back(), "HEAD /v2/app/manifests/1");
}

TEST_F(TransferTest, what_another_image_brought_is_not_fetched_again) {
  TestImage(2).put(registry, "1");
  const TestImage larger(3);
  larger.put(registry, "2");
  MUST(pull_it("app:1"));
  MUST(pull_it("app:2"));
  for (const oci::Descriptor& layer : larger.manifest.layers)
    EXPECT_EQ(registry.count("GET /v2/app/blobs/" + layer.digest.str()), 1U);
}

TEST_F(TransferTest, of_an_index_the_wanted_platform_is_pulled) {
  const TestImage ours(1), arm(1, MUST(oci::Platform::parse("linux/arm64")));
  oci::Index index;
  index.manifests = {arm.put(registry, "arm"), ours.put(registry, "ours")};
  index.manifests[0].platform = MUST(oci::Platform::parse("linux/arm64"));
  index.manifests[1].platform = oci::host_platform();
  const std::string bytes = oci::to_json(index);
  registry.put_manifest("app", "both", bytes, index.media_type);
  const Pulled pulled = MUST(pull_it("app:both"));
  EXPECT_EQ(pulled.digest, oci::digest_of(bytes));
  EXPECT_EQ(pulled.id, oci::digest_of(ours.config));
  options.platform = MUST(oci::Platform::parse("linux/arm64"));
  EXPECT_EQ(MUST(pull_it("app:both")).id, oci::digest_of(arm.config));
  options.platform = MUST(oci::Platform::parse("linux/s390x"));
  EXPECT_NE(error_of("app:both").find("s390x"), std::string::npos) << error_of("app:both");
}

TEST_F(TransferTest, by_digest_only_that_content_is_taken) {
  const TestImage image(1);
  const oci::Descriptor manifest = image.put(registry, "1");
  EXPECT_EQ(MUST(pull_it("app@" + manifest.digest.str())).digest, manifest.digest);
  const TestImage other(2);
  registry.answer("GET /v2/app/manifests/" + other.put(registry, "2").digest.str(),
                  [&](http::Request&, http::ResponseWriter& response) {
                    response.headers.set("Content-Type", manifest.media_type);
                    return response.send(200, oci::to_json(image.manifest));
                  });
  EXPECT_NE(error_of("app@" + oci::digest_of(oci::to_json(other.manifest)).str()).find("the content is not"),
            std::string::npos);
  registry.stop();
}

TEST_F(TransferTest, an_error_names_image_registry_and_blob_and_leaves_no_name) {
  const TestImage image(3);
  image.put(registry, "1");
  const std::string digest = image.manifest.layers[1].digest.str();
  registry.answer("GET /v2/app/blobs/" + digest,
                  [](http::Request&, http::ResponseWriter& response) { return response.send(404); });
  const std::string error = error_of("app:1");
  for (const std::string& part : {"pull '" + registry.host() + "/app:1'",
                                  "registry '" + registry.host() + "'", digest, std::string("404 Not Found")})
    EXPECT_NE(error.find(part), std::string::npos) << part << " in " << error;
  EXPECT_FALSE(MUST(store.image_named(name("app:1").str())));
}

TEST_F(TransferTest, a_lying_layer_is_refused_and_nothing_of_it_stays) {
  TestImage image(2);
  const std::string genuine = image.manifest.layers[1].digest.str();
  image.put(registry, "1");
  const std::string fake(image.layers[1].size(), 'x');
  registry.answer("GET /v2/app/blobs/" + genuine,
                  [=](http::Request&, http::ResponseWriter& response) { return response.send(200, fake); });
  EXPECT_NE(error_of("app:1").find(genuine), std::string::npos) << error_of("app:1");
  EXPECT_FALSE(MUST(store.content().has(image.manifest.layers[1].digest)));
  EXPECT_FALSE(MUST(store.content().has(oci::digest_of(fake))));
}

TEST_F(TransferTest, a_pull_that_failed_goes_on_where_it_was) {
  TestImage image(1);
  const std::string blob = noise(6 << 20);
  image.set_layer(0, tar_with("large", blob), oci::Compression::None);
  image.put(registry, "1");
  const std::string request = "GET /v2/app/blobs/" + image.manifest.layers[0].digest.str();
  constexpr std::size_t kCut = 5 << 20;
  std::atomic<bool> is_down = true;
  registry.answer(request, [&](http::Request& asked, http::ResponseWriter& response) -> Result<void> {
    const auto range = TRY(http::parse_range(asked.headers().get_or("Range", ""), image.layers[0].size()))
                           .value_or(http::ByteRange{0, image.layers[0].size()});
    if (range.offset > 0 && is_down) return response.send(503);
    response.headers.set("Content-Range", http::format_content_range({range, image.layers[0].size()}));
    TRY(response.start(206, range.length));
    const std::string_view rest = std::string_view(image.layers[0]).substr(range.offset);
    TRY(response.write(is_down ? rest.substr(0, kCut) : rest));
    if (!is_down) return {};
    // A connection that is reset takes along what was not read yet.
    while (progress.received() < kCut) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    return error(Code::Unavailable, "cut");
  });
  EXPECT_NE(error_of("app:1").find("503"), std::string::npos);
  is_down = false;
  MUST(pull_it("app:1"));
  EXPECT_EQ(file(image, 0, "large"), blob);
  const std::string last = registry.requests().back();
  ASSERT_TRUE(last.starts_with(request + " Range: bytes=")) << last;
  EXPECT_EQ(std::stoul(last.substr(last.find('=') + 1)), kCut) << last;
  registry.stop();
}

TEST_F(TransferTest, a_layer_that_becomes_more_than_the_host_allows_is_refused) {
  TestImage image(1);
  image.set_layer(0, tar_with("large", std::string(3 << 20, 'x')), oci::Compression::Gzip);
  image.put(registry, "1");
  for (const auto& [limits, why] : {std::pair(R"({"maxBytes":1000000})", "more than 1000000 bytes come out"),
                                    std::pair(R"({"maxRatio":100})", "more than 100 of one")}) {
    RegistriesOptions strict = quick();
    strict.config = MUST(RegistriesConfig::parse(fmt::format(R"({{"layers":{}}})", limits)));
    Registries careful(std::move(strict));
    const auto pulled = pull(store, snapshots, careful, name("app:1"), options, progress);
    ASSERT_FALSE(pulled);
    EXPECT_EQ(pulled.error().code(), Code::ResourceExhausted);
    EXPECT_NE(pulled.error().message().find(why), std::string::npos) << pulled.error().message();
    EXPECT_TRUE(MUST(snapshots.layers()).empty());
  }
  MUST(pull_it("app:1"));
}

TEST_F(TransferTest, layers_that_are_not_what_the_config_says_are_refused) {
  TestImage image(2);
  image.layers[1] = gzip(tar_with("other", "text"));
  image.manifest.layers[1] = oci::describe(oci::media_type::kOciLayerGzip, image.layers[1]);
  image.put(registry, "1");
  EXPECT_NE(error_of("app:1"), "no error");
  EXPECT_FALSE(MUST(store.image_named(name("app:1").str())));
}

TEST_F(TransferTest, many_pulls_of_one_image_at_once_fetch_each_layer_once) {
  const TestImage image(3);
  image.put(registry, "1");
  std::vector<std::thread> threads;
  std::atomic<int> failures = 0;
  for (int i = 0; i < 6; ++i) threads.emplace_back([&] { failures += pull_it("app:1") ? 0 : 1; });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(failures, 0);
  for (const oci::Descriptor& layer : image.manifest.layers)
    EXPECT_EQ(registry.count("GET /v2/app/blobs/" + layer.digest.str()), 1U);
}

// As Docker's registries had them before 2015: the topmost layer first, configs as text inside of JSON.
TEST_F(TransferTest, an_image_of_schema_1_becomes_one_of_today) {
  const TestImage image(2);
  for (const std::string& layer : image.layers) registry.put_blob("app", layer);
  json::Writer writer;
  writer.begin_object();
  writer.key("schemaVersion").value(1);
  writer.key("name").value("app");
  writer.key("tag").value("old");
  writer.key("architecture").value("amd64");
  writer.key("fsLayers").begin_array();
  for (const std::size_t i : {1, 0}) {
    writer.begin_object();
    writer.key("blobSum").value(image.manifest.layers[i].digest.str());
    writer.end_object();
  }
  writer.end_array();
  writer.key("history").begin_array();
  for (const char* step :
       {R"({"id":"b","parent":"a","os":"linux","architecture":"amd64","config":{"Cmd":["/bin/true"]}})",
        R"({"id":"a","os":"linux","architecture":"amd64"})"}) {
    writer.begin_object();
    writer.key("v1Compatibility").value(step);
    writer.end_object();
  }
  writer.end_array();
  writer.end_object();
  registry.put_manifest("app", "old", std::move(writer).text(), std::string(oci::media_type::kDockerSchema1));
  const Pulled pulled = MUST(pull_it("app:old"));
  const Image stored = *MUST(store.image(pulled.id));
  const oci::ImageConfig config = MUST(oci::parse_image_config(MUST(store.content().read(pulled.id))));
  EXPECT_EQ(config.rootfs.diff_ids, image.diff_ids);
  EXPECT_EQ(config.config.cmd, std::vector<std::string>{"/bin/true"});
  EXPECT_EQ(MUST(oci::parse_manifest(MUST(store.content().read(stored.manifest)))).media_type,
            oci::media_type::kDockerManifest);
}

// ---- Mirrors

class MirrorTest : public TransferTest {
 protected:
  // Names of `registry` are asked of `mirror` first.
  Result<Pulled> pull_through(const std::string& mirror_host, const std::string& rest) {
    RegistriesOptions how = quick();
    how.config = MUST(RegistriesConfig::parse(fmt::format(
        R"({{"hosts":{{"{}":{{"plainHttp":true}}}},"prefixes":[{{"prefix":"{}","mirrors":["{}"]}}]}})",
        mirror_host, registry.host(), mirror_host)));
    Registries mirrored(std::move(how));
    return pull(store, snapshots, mirrored, name(rest), options, progress);
  }
  FakeRegistry mirror;
};

TEST_F(MirrorTest, what_a_mirror_has_the_origin_is_not_asked_for) {
  const TestImage image(2);
  image.put(mirror, "1");
  MUST(pull_through(mirror.host(), "app:1"));
  for (const std::string& request : registry.requests())
    EXPECT_EQ(request, "GET /v2/") << "whether it speaks TLS";
  EXPECT_TRUE(MUST(store.image_named(name("app:1").str()))) << "the name stays that of the origin";
}

TEST_F(MirrorTest, what_a_mirror_lacks_the_origin_gives) {
  const TestImage image(2);
  image.put(registry, "1");
  image.put(mirror, "1");
  mirror.answer("GET /v2/app/blobs/" + image.manifest.layers[1].digest.str(),
                [](http::Request&, http::ResponseWriter& response) { return response.send(404); });
  MUST(pull_through(mirror.host(), "app:1"));
  EXPECT_EQ(registry.count("GET /v2/app/blobs/" + image.manifest.layers[1].digest.str()), 1U);
  EXPECT_EQ(registry.count("GET /v2/app/blobs/" + image.manifest.layers[0].digest.str()), 0U);
}

TEST_F(MirrorTest, a_mirror_that_is_down_is_passed_over) {
  const TestImage image(1);
  image.put(registry, "1");
  MUST(pull_through("127.0.0.1:1", "app:1"));
  const Result<Pulled> none = pull_through("127.0.0.1:1", "nothing:1");
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().code(), Code::NotFound);
  EXPECT_NE(none.error().message().find("127.0.0.1:1"), std::string::npos)
      << "why the mirror did not help is told";
}

TEST_F(TransferTest, a_push_brings_everything_and_the_manifest_last) {
  const TestImage image(3);
  const oci::Descriptor manifest = image.put(registry, "1");
  MUST(pull_it("app:1"));
  FakeRegistry other;
  const std::string target = other.host() + "/copy:2";
  const Pushed pushed = MUST(push(store, registries, MUST(oci::Reference::parse(target)),
                                  {.source = name("app:1").str()}, progress));
  EXPECT_EQ(pushed.digest, manifest.digest);
  const auto uploaded = other.uploaded();
  EXPECT_EQ(uploaded.at("/v2/copy/manifests/2"), oci::to_json(image.manifest));
  EXPECT_EQ(uploaded.at("/v2/copy/blobs/" + image.manifest.config.digest.str()), image.config);
  for (std::size_t i = 0; i < 3; ++i)
    EXPECT_EQ(uploaded.at("/v2/copy/blobs/" + image.manifest.layers[i].digest.str()), image.layers[i]);
  EXPECT_EQ(other.requests().back(), "PUT /v2/copy/manifests/2");
}

TEST_F(TransferTest, what_the_registry_has_is_not_sent) {
  const TestImage image(2);
  image.put(registry, "1");
  MUST(pull_it("app:1"));
  MUST(push(store, registries, name("app:again"), {.source = name("app:1").str()}, progress));
  EXPECT_EQ(registry.count("POST"), 0U);
  EXPECT_TRUE(progress.saw(TransferState::Exists));
}

TEST_F(TransferTest, an_upload_goes_on_where_it_was_cut) {
  const TestImage image(1);
  image.put(registry, "1");
  MUST(pull_it("app:1"));
  FakeRegistry other;
  std::atomic<bool> was_cut = false;
  other.before_all([&](http::Request& request, http::ResponseWriter&) -> Result<bool> {
    if (request.method() != "PUT" || request.path().find("/blobs/uploads/") == std::string_view::npos ||
        was_cut.exchange(true))
      return false;
    return error(Code::Unavailable, "cut");
  });
  const std::string target = other.host() + "/copy:2";
  RegistriesOptions chunked = quick();
  MUST(push(store, registries, MUST(oci::Reference::parse(target)), {.source = name("app:1").str()},
            progress));
  EXPECT_TRUE(was_cut);
  EXPECT_EQ(other.uploaded().at("/v2/copy/blobs/" + image.manifest.layers[0].digest.str()), image.layers[0]);
  other.stop();
}

TEST_F(TransferTest, chunks_are_sent_where_they_are_wanted) {
  const TestImage image(1);
  image.put(registry, "1");
  MUST(pull_it("app:1"));
  FakeRegistry other;
  RegistriesOptions chunked = quick();
  chunked.chunk_size = 50;
  Registries in_chunks(chunked);
  const std::string target = other.host() + "/copy:2";
  MUST(
      push(store, in_chunks, MUST(oci::Reference::parse(target)), {.source = name("app:1").str()}, progress));
  EXPECT_GE(other.count("PATCH"), 2U);
  EXPECT_EQ(other.uploaded().at("/v2/copy/blobs/" + image.manifest.layers[0].digest.str()), image.layers[0]);
}

TEST_F(TransferTest, a_push_can_convert_the_format) {
  const TestImage image(1);
  image.put(registry, "1");
  MUST(pull_it("app:1"));
  FakeRegistry other;
  const std::string target = other.host() + "/copy:2";
  const Pushed pushed = MUST(push(store, registries, MUST(oci::Reference::parse(target)),
                                  {.source = name("app:1").str(), .format = oci::Format::Docker}, progress));
  EXPECT_EQ(pushed.media_type, oci::media_type::kDockerManifest);
  const oci::Manifest sent = MUST(oci::parse_manifest(other.uploaded().at("/v2/copy/manifests/2")));
  EXPECT_EQ(sent.layers[0].media_type, oci::media_type::kDockerLayerGzip);
  EXPECT_EQ(sent.layers[0].digest, image.manifest.layers[0].digest);
}

}  // namespace
}  // namespace gantry::image
