// SPDX-License-Identifier: Apache-2.0
#include "image/repositories.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "base/file.h"
#include "image/testing_image.h"
#include "testing/must.h"
#include "testing/temp_dir.h"

namespace gantry::image {
namespace {

using testing::TempDir;

ImageStore open_store(const std::string& path) { return MUST(ImageStore::open(path)); }

class Registry : public ::testing::Test {
 protected:
  Digest push_blob(std::string_view repository, std::string_view bytes,
                   std::optional<std::uint64_t> quota = {}) {
    return MUST(try_push_blob(repository, bytes, quota));
  }
  Result<Digest> try_push_blob(std::string_view repository, std::string_view bytes,
                               std::optional<std::uint64_t> quota = {}) {
    Ingest ingest = MUST(store_.content().ingest());
    MUST(ingest.write(bytes_of(bytes)));
    return repositories_.commit_blob(repository, std::move(ingest), {}, quota);
  }
  Digest push(std::string_view repository, const TestImage& image, std::string tag = {},
              std::string by = {}) {
    for (const std::string& layer : image.layers) push_blob(repository, layer);
    push_blob(repository, image.config_bytes);
    const PutManifest put = MUST(repositories_.put_manifest(
        repository, image.manifest_bytes, image.document(), {.tag = std::move(tag), .by = std::move(by)}));
    EXPECT_TRUE(put.missing.empty());
    return put.digest;
  }
  std::uint64_t blobs() {
    return *MUST(store_.database().read(
        [](database::Connection& c) { return c.value<std::uint64_t>("SELECT count(*) FROM blobs"); }));
  }

  TempDir dir_;
  ImageStore store_ = open_store(dir_.path());
  Repositories& repositories_ = store_.repositories();
};

TEST_F(Registry, a_repository_has_only_what_was_put_into_it) {
  const TestImage image("web", {"one", "two"});
  const Digest digest = push("team/web", image, "v1");
  EXPECT_EQ(digest, image.digest());
  EXPECT_EQ(MUST(repositories_.blob("team/web", image.layer(0))), 3U);
  EXPECT_EQ(MUST(repositories_.blob("other", image.layer(0))), std::nullopt);
  EXPECT_EQ(MUST(repositories_.tagged("team/web", "v1"))->digest, digest);
  EXPECT_EQ(MUST(repositories_.tagged("team/web", "v1"))->size, image.manifest_bytes.size());
  EXPECT_EQ(MUST(repositories_.manifest("team/web", digest))->media_type, oci::media_type::kOciManifest);
  EXPECT_FALSE(MUST(repositories_.manifest("other", digest)));
  EXPECT_FALSE(MUST(repositories_.tagged("team/web", "v2")));
  EXPECT_EQ(MUST(repositories_.repositories("", 10)), std::vector<std::string>{"team/web"});
  EXPECT_TRUE(MUST(repositories_.exists("team/web")));
  EXPECT_FALSE(MUST(repositories_.exists("other")));
}

TEST_F(Registry, a_manifest_needs_what_it_points_at) {
  const TestImage image("web", {"one", "two"});
  push_blob("web", "one");
  push_blob("other", "two");
  const PutManifest put =
      MUST(repositories_.put_manifest("web", image.manifest_bytes, image.document(), {.tag = "v1"}));
  EXPECT_EQ(put.missing.size(), 2U);
  EXPECT_FALSE(MUST(repositories_.tagged("web", "v1")));
  EXPECT_FALSE(MUST(store_.content().has(image.digest())));
}

TEST_F(Registry, a_blob_is_mounted_from_another_repository_or_the_store) {
  const Digest digest = push_blob("a", "blob");
  EXPECT_TRUE(MUST(repositories_.mount_blob("b", "a", digest)));
  EXPECT_FALSE(MUST(repositories_.mount_blob("c", "x", digest)));
  EXPECT_FALSE(MUST(repositories_.mount_blob("c", "a", oci::digest_of("other"))));
  Lease lease = MUST(store_.lease("engine"));
  const Digest of_engine = MUST(lease.add("engine"));
  EXPECT_TRUE(MUST(repositories_.mount_blob("b", "", of_engine)));
  MUST(lease.release());
  EXPECT_TRUE(MUST(repositories_.remove_blob("a", digest)));
  EXPECT_FALSE(MUST(repositories_.remove_blob("a", digest)));
  EXPECT_EQ(MUST(store_.collect()).blobs, 0U);
  EXPECT_TRUE(MUST(repositories_.remove_blob("b", digest)));
  EXPECT_EQ(MUST(store_.collect()).blobs, 1U);
}

TEST_F(Registry, removing_a_manifest_frees_its_space_at_once) {
  const TestImage a("a", {"base", "a"}), b("b", {"base", "b"});
  push("web", a, "a");
  push("web", b, "b");
  EXPECT_EQ(MUST(store_.collect()).blobs, 0U);
  EXPECT_TRUE(MUST(repositories_.remove_manifest("web", a.digest())));
  EXPECT_EQ(MUST(store_.collect()).blobs, 3U);
  EXPECT_FALSE(MUST(repositories_.tagged("web", "a")));
  EXPECT_EQ(MUST(repositories_.blob("web", a.layer(1))), std::nullopt);
  EXPECT_EQ(MUST(repositories_.blob("web", a.layer(0))), 4U);
  EXPECT_FALSE(MUST(repositories_.remove_manifest("web", a.digest())));
  EXPECT_TRUE(MUST(repositories_.remove_manifest("web", b.digest())));
  MUST(store_.collect());
  EXPECT_EQ(blobs(), 0U);
  EXPECT_EQ(MUST(repositories_.usage("web")), 0U);
}

TEST_F(Registry, a_blob_that_a_push_counts_on_outlives_the_manifest) {
  const TestImage image("a", {"base"});
  push("web", image);
  EXPECT_EQ(MUST(repositories_.blob_for_push("web", image.layer(0))), 4U);
  MUST(repositories_.remove_manifest("web", image.digest()));
  MUST(store_.collect());
  EXPECT_EQ(MUST(repositories_.blob("web", image.layer(0))), 4U);
  MUST(store_.collect({.pending_blobs = std::chrono::seconds(-1)}));
  EXPECT_EQ(blobs(), 0U);
}

TEST_F(Registry, a_blob_of_a_push_that_broke_off_goes_after_its_time) {
  push_blob("web", "lost");
  const TestImage image("a", {"base"});
  push("web", image);
  MUST(repositories_.blob_for_push("web", image.layer(0)));
  MUST(store_.collect({.pending_blobs = std::chrono::seconds(-1)}));
  EXPECT_EQ(blobs(), 3U) << "what a manifest points at stays";
}

TEST_F(Registry, a_tag_remembers_where_it_was) {
  const TestImage a("a", {"a"}), b("b", {"b"});
  push("web", a, "v1", "alice");
  push("web", b, "v1", "bob");
  push("web", b, "v1", "bob");
  MUST(repositories_.tag("web", "v1", a.digest(), "carol"));
  EXPECT_TRUE(MUST(repositories_.untag("web", "v1", "dave")));
  EXPECT_FALSE(MUST(repositories_.untag("web", "v1", "dave")));
  const std::vector<TagChange> changes = MUST(repositories_.history("web", "v1"));
  ASSERT_EQ(changes.size(), 4U);
  EXPECT_EQ(changes[0].digest, std::nullopt);
  EXPECT_EQ(changes[0].by, "dave");
  EXPECT_EQ(changes[1].digest, a.digest());
  EXPECT_EQ(changes[2].digest, b.digest());
  EXPECT_EQ(changes[3].by, "alice");
  EXPECT_GE(changes[0].at, changes[3].at);
  EXPECT_EQ(repositories_.tag("web", "v1", oci::digest_of("x")).error().code(), Code::NotFound);
}

TEST_F(Registry, lists_come_in_pages) {
  const TestImage image("a", {"a"});
  push("web", image);
  for (const char* tag : {"c", "a", "b", "B"}) MUST(repositories_.tag("web", tag, image.digest()));
  EXPECT_EQ(MUST(repositories_.tags("web", "", 2)), (std::vector<std::string>{"B", "a"}));
  EXPECT_EQ(MUST(repositories_.tags("web", "a", 2)), (std::vector<std::string>{"b", "c"}));
  EXPECT_EQ(MUST(repositories_.tags("web", "c", 2)), std::vector<std::string>());
  push("another", image);
  push_blob("no-manifest", "x");
  EXPECT_EQ(MUST(repositories_.repositories("", 9)), (std::vector<std::string>{"another", "web"}));
  EXPECT_EQ(MUST(repositories_.repositories("another", 9)), std::vector<std::string>{"web"});
}

TEST_F(Registry, referrers_are_found_before_and_after_their_subject_comes) {
  const TestImage subject("a", {"a"});
  const TestImage signature(
      "s", {"s"},
      fmt::format(R"(,"artifactType":"application/x-signature","annotations":{{"k":"v"}},)"
                  R"("subject":{{"mediaType":"{}","digest":"{}","size":{}}})",
                  oci::media_type::kOciManifest, subject.digest().str(), subject.manifest_bytes.size()));
  push("web", signature);
  for (int round = 0; round < 2; ++round) {
    const std::vector<Referrer> found = MUST(repositories_.referrers("web", subject.digest()));
    ASSERT_EQ(found.size(), 1U);
    EXPECT_EQ(found[0].digest, signature.digest());
    EXPECT_EQ(found[0].artifact_type, "application/x-signature");
    EXPECT_EQ(found[0].annotations.at("k"), "v");
    push("web", subject);
  }
  EXPECT_EQ(MUST(repositories_.referrers("web", subject.digest(), "application/x-signature")).size(), 1U);
  EXPECT_TRUE(MUST(repositories_.referrers("web", subject.digest(), "application/other")).empty());
  EXPECT_TRUE(MUST(repositories_.referrers("other", subject.digest())).empty());
  MUST(repositories_.remove_manifest("web", subject.digest()));
  EXPECT_EQ(MUST(repositories_.referrers("web", subject.digest())).size(), 1U);
}

TEST_F(Registry, a_quota_bounds_what_is_in_a_repository) {
  push_blob("web", "12345", 10);
  push_blob("web", "12345", 10);  // again: nothing more
  const auto over = try_push_blob("web", "123456", 10);
  ASSERT_FALSE(over);
  EXPECT_EQ(over.error().code(), Code::ResourceExhausted);
  EXPECT_EQ(over.error().errno_value(), 0);
  EXPECT_FALSE(MUST(store_.content().has(oci::digest_of("123456"))));
  push_blob("web", "54321", 10);
  EXPECT_EQ(MUST(repositories_.usage("web")), 10U);
  EXPECT_FALSE(repositories_.mount_blob("web", "", push_blob("other", "x"), 10));
  MUST(repositories_.remove_blob("web", oci::digest_of("12345")));
  EXPECT_EQ(MUST(repositories_.usage("web")), 5U);
}

TEST_F(Registry, pushes_deletions_and_collections_at_once_lose_nothing) {
  std::atomic<bool> is_over = false;
  std::thread collecting([&] {
    while (!is_over) MUST(store_.collect());
  });
  std::vector<std::thread> pushing;
  for (int t = 0; t < 4; ++t)
    pushing.emplace_back([&, t] {
      const std::string repository = fmt::format("web{}", t);
      for (int i = 0; i < 20; ++i) {
        const TestImage image(fmt::format("{}-{}", t, i),
                              {i % 2 == 0 ? std::string(kSmallBlob + 1, 'b') : "base", "top"});
        const Digest digest = push(repository, image, "latest");
        EXPECT_EQ(MUST(repositories_.tagged(repository, "latest"))->digest, digest);
        for (int layer = 0; layer < 2; ++layer) MUST(store_.content().open(image.layer(layer)));
        EXPECT_TRUE(MUST(repositories_.remove_manifest(repository, digest)));
      }
    });
  for (std::thread& thread : pushing) thread.join();
  is_over = true;
  collecting.join();
  MUST(store_.collect());
  EXPECT_EQ(blobs(), 0U);
}

}  // namespace
}  // namespace gantry::image
