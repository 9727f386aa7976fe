// SPDX-License-Identifier: Apache-2.0
#include "image/layer_cache.h"

#include <gtest/gtest.h>

#include "image/image_store.h"
#include "testing/must.h"
#include "testing/temp_dir.h"

namespace gantry::image {
namespace {

CachedLayer layer_of(const Digest& blob, std::uint64_t size) {
  return {.diff_id = oci::digest_of("tar"),
          .blob = {.media_type = "application/vnd.oci.image.layer.v1.tar", .digest = blob, .size = size},
          .created = 5,
          .description = "RUN x"};
}

TEST(LayerCache, holds_the_blob_until_the_record_is_removed) {
  const testing::TempDir root;
  ImageStore store = MUST(ImageStore::open(root.path()));
  LayerCache cache(store.database());
  Digest blob;
  {
    Lease lease = MUST(store.lease("test"));
    blob = MUST(lease.add("bytes"));
    MUST(cache.add("key", layer_of(blob, 5)));
  }
  MUST(store.collect());
  const auto found = MUST(cache.find("key"));
  ASSERT_TRUE(found);
  EXPECT_EQ(found->blob.digest, blob);
  EXPECT_EQ(found->description, "RUN x");
  EXPECT_EQ(found->created, 5);

  const std::string key = "key";
  MUST(cache.remove(std::span(&key, 1)));
  EXPECT_EQ(MUST(store.collect()).blobs, 1u);
  EXPECT_FALSE(MUST(cache.find("key")));
}

TEST(LayerCache, takes_no_layer_whose_blob_is_not_there) {
  const testing::TempDir root;
  ImageStore store = MUST(ImageStore::open(root.path()));
  LayerCache cache(store.database());
  const auto added = cache.add("key", layer_of(oci::digest_of("nothing"), 1));
  ASSERT_FALSE(added);
  EXPECT_EQ(added.error().code(), Code::NotFound);
}

TEST(LayerCache, lists_what_was_used_last_first) {
  const testing::TempDir root;
  ImageStore store = MUST(ImageStore::open(root.path()));
  LayerCache cache(store.database());
  Lease lease = MUST(store.lease("test"));
  const Digest blob = MUST(lease.add("bytes"));
  for (const char* key : {"a", "b"}) MUST(cache.add(key, layer_of(blob, 5)));
  const std::string first = "a";
  MUST(cache.touch(std::span(&first, 1)));
  const auto records = MUST(cache.records());
  ASSERT_EQ(records.size(), 2u);
  EXPECT_EQ(records[0].key, "a");
}

}  // namespace
}  // namespace gantry::image
