// SPDX-License-Identifier: Apache-2.0
#include "image/image_store.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <thread>

#include "base/file.h"
#include "image/disk_usage.h"
#include "image/key_lock.h"
#include "image/testing_image.h"
#include "testing/child.h"
#include "testing/must.h"
#include "testing/temp_dir.h"

namespace gantry::image {
namespace {

using testing::TempDir;

std::string large(char fill) { return std::string(kSmallBlob + 1000, fill); }

ImageStore open_store(const std::string& path) { return MUST(ImageStore::open(path)); }
Lease take_lease(ImageStore& store) { return MUST(store.lease("test")); }

Ingest ingest_of(const ImageStore& store, std::string_view bytes) {
  Ingest ingest = MUST(store.content().ingest());
  MUST(ingest.write(bytes_of(bytes)));
  return ingest;
}

std::uint64_t files_below(const std::string& path) { return MUST(disk_usage(AT_FDCWD, path)).inodes; }

// ---- blobs

class Blobs : public ::testing::TestWithParam<std::size_t> {
 protected:
  const std::string bytes_ = std::string(GetParam(), 'b');
  const Digest digest_ = oci::digest_of(bytes_);
  TempDir dir_;
  ImageStore store_ = open_store(dir_.path());
  Lease lease_ = take_lease(store_);
};

INSTANTIATE_TEST_SUITE_P(OfSizes, Blobs, ::testing::Values(0, 1, kSmallBlob, kSmallBlob + 1, 20 << 20));

TEST_P(Blobs, are_read_as_they_were_written) {
  EXPECT_FALSE(MUST(store_.content().has(digest_)));
  EXPECT_EQ(MUST(lease_.commit(ingest_of(store_, bytes_), {.digest = digest_, .size = bytes_.size()})),
            digest_);
  EXPECT_TRUE(MUST(store_.content().has(digest_)));
  EXPECT_EQ(MUST(store_.content().size(digest_)), bytes_.size());
  EXPECT_TRUE(MUST(store_.content().read(digest_, 64 << 20)) == bytes_);
  const UniqueFd fd = MUST(store_.content().open(digest_));
  EXPECT_TRUE(MUST(read_all(fd.get(), "blob", 64 << 20)) == bytes_);
  EXPECT_LT(::write(fd.get(), "x", 1), 0);
}

TEST_P(Blobs, with_the_wrong_digest_or_size_leave_nothing) {
  const std::uint64_t before = files_below(dir_ / "content");
  const auto digest = lease_.commit(ingest_of(store_, bytes_), {.digest = oci::digest_of("other")});
  EXPECT_EQ(digest.error().code(), Code::InvalidArgument);
  EXPECT_NE(digest.error().message().find(digest_.str()), std::string::npos);
  const auto size = lease_.commit(ingest_of(store_, bytes_), {.size = bytes_.size() + 1});
  EXPECT_EQ(size.error().code(), Code::InvalidArgument);
  EXPECT_FALSE(MUST(store_.content().has(digest_)));
  EXPECT_EQ(files_below(dir_ / "content"), before);
}

TEST_P(Blobs, of_another_algorithm_are_hashed_again) {
  const Digest sha512 = oci::digest_of(bytes_, DigestAlgorithm::Sha512);
  EXPECT_EQ(MUST(lease_.commit(ingest_of(store_, bytes_), {.digest = sha512})), sha512);
  EXPECT_TRUE(MUST(store_.content().read(sha512, 64 << 20)) == bytes_);
}

TEST_P(Blobs, are_there_once_however_many_bring_them) {
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i)
    threads.emplace_back([&] {
      ImageStore mine = MUST(ImageStore::open(dir_.path()));  // as another process has it
      Lease lease = MUST(mine.lease("test"));
      EXPECT_EQ(MUST(lease.commit(ingest_of(mine, bytes_))), digest_);
      EXPECT_EQ(MUST(mine.content().size(digest_)), bytes_.size());
    });
  for (std::thread& thread : threads) thread.join();
  EXPECT_TRUE(MUST(store_.content().read(digest_, 64 << 20)) == bytes_);
  EXPECT_EQ(MUST(names_in(AT_FDCWD, dir_ / "content/ingest")).size(), 0U);
}

TEST_P(Blobs, are_gone_once_nothing_holds_them) {
  const std::uint64_t before = files_below(dir_ / "content");
  MUST(lease_.commit(ingest_of(store_, bytes_)));
  EXPECT_EQ(MUST(store_.collect()).blobs, 0U);
  const UniqueFd open = MUST(store_.content().open(digest_));
  MUST(lease_.release());
  const Collected collected = MUST(store_.collect());
  EXPECT_EQ(collected.blobs, 1U);
  EXPECT_EQ(collected.bytes, bytes_.size());
  EXPECT_EQ(store_.content().open(digest_).error().code(), Code::NotFound);
  EXPECT_EQ(store_.content().size(digest_).error().code(), Code::NotFound);
  EXPECT_LE(files_below(dir_ / "content"), before + 1);  // the directory they were in
  // Who has it open still reads it.
  EXPECT_TRUE(MUST(read_all(open.get(), "blob", 64 << 20)) == bytes_);
  lease_ = MUST(store_.lease("again"));
  MUST(lease_.commit(ingest_of(store_, bytes_)));
  EXPECT_TRUE(MUST(store_.content().read(digest_, 64 << 20)) == bytes_);
}

TEST_P(Blobs, can_be_continued_by_key) {
  const std::size_t half = bytes_.size() / 2;
  {
    Ingest ingest = MUST(store_.content().ingest("upload"));
    MUST(ingest.write(bytes_of(bytes_).first(half)));
    MUST(ingest.save());
    EXPECT_EQ(store_.content().ingest("upload").error().code(), Code::Conflict);
    MUST(ingest.write(bytes_of("never saved, and never asked for")));
  }
  MUST(store_.collect());
  Ingest ingest = MUST(store_.content().resume("upload"));
  EXPECT_GE(ingest.size(), half);
  MUST(ingest.truncate(half));
  MUST(ingest.write(bytes_of(bytes_).subspan(half)));
  EXPECT_EQ(MUST(lease_.commit(std::move(ingest), {.digest = digest_})), digest_);
  EXPECT_EQ(store_.content().resume("upload").error().code(), Code::NotFound);
  EXPECT_EQ(MUST(names_in(AT_FDCWD, dir_ / "content/ingest")).size(), 0U);
}

TEST_P(Blobs, that_are_discarded_leave_nothing) {
  {
    Ingest ingest = MUST(store_.content().ingest("upload"));
    MUST(ingest.write(bytes_of(bytes_)));
    MUST(ingest.save());
    ingest.discard();
  }
  EXPECT_EQ(MUST(names_in(AT_FDCWD, dir_ / "content/ingest")).size(), 0U);
}

TEST(Ingests, that_nobody_continues_are_collected_after_their_time) {
  const TempDir dir;
  ImageStore store = MUST(ImageStore::open(dir.path()));
  {
    Ingest ingest = MUST(store.content().ingest("upload"));
    MUST(ingest.write(bytes_of(large('x'))));
    MUST(ingest.save());
  }
  EXPECT_EQ(MUST(store.collect()).ingests, 0U);
  EXPECT_EQ(MUST(store.collect({.saved_ingests = std::chrono::seconds(-1)})).ingests, 1U);
  EXPECT_EQ(store.content().resume("upload").error().code(), Code::NotFound);
}

TEST(Ingests, of_killed_processes_are_collected) {
  const TempDir dir;
  ImageStore store = MUST(ImageStore::open(dir.path()));
  EXPECT_EQ(testing::status_of_child([&] {
              Ingest ingest = ingest_of(store, large('x'));
              ::kill(::getpid(), SIGKILL);
            }),
            SIGKILL);
  const Ingest alive = ingest_of(store, large('y'));
  EXPECT_EQ(MUST(names_in(AT_FDCWD, dir / "content/ingest")).size(), 2U);
  EXPECT_EQ(MUST(store.collect()).ingests, 1U);
  EXPECT_EQ(MUST(names_in(AT_FDCWD, dir / "content/ingest")).size(), 1U);
}

TEST(Blob, a_missing_file_is_data_loss) {
  const TempDir dir;
  ImageStore store = MUST(ImageStore::open(dir.path()));
  Lease lease = MUST(store.lease("test"));
  const Digest digest = MUST(lease.commit(ingest_of(store, large('x'))));
  MUST(remove_tree_at(AT_FDCWD, dir / "content/blobs/sha256/" + digest.hex().substr(0, 2)));
  EXPECT_EQ(store.content().open(digest).error().code(), Code::DataLoss);
}

TEST(Blob, a_full_disk_leaves_what_was_there) {
  NEEDS_ROOT();
  const TempDir dir;
  testing::in_namespaces(CLONE_NEWNS, [&] {
    ASSERT_EQ(::mount("small", dir.path().c_str(), "tmpfs", 0, "size=4m"), 0);
    ImageStore store = MUST(ImageStore::open(dir.path()));
    Lease lease = MUST(store.lease("test"));
    const Digest before = MUST(lease.add("before"));
    {
      Ingest ingest = MUST(store.content().ingest());
      Result<void> written;
      for (int i = 0; i < 10 && written; ++i) written = ingest.write(bytes_of(std::string(1 << 20, 'x')));
      ASSERT_FALSE(written);
      EXPECT_EQ(written.error().code(), Code::ResourceExhausted) << written.error().message();
    }
    EXPECT_EQ(MUST(names_in(AT_FDCWD, dir / "content/ingest")).size(), 0U);
    // Small ones, until the database has no room.
    Result<Digest> added = before;
    for (int i = 0; i < 200 && added; ++i) added = lease.add(std::string(60'000, 'a') + std::to_string(i));
    ASSERT_FALSE(added);
    EXPECT_EQ(added.error().code(), Code::ResourceExhausted) << added.error().message();
    EXPECT_EQ(MUST(store.content().read(before)), "before");
    // Freeing needs a little room itself: that of a deleted file.
    EXPECT_EQ(MUST(store.database().damage()), "");
  });
}

// ---- leases

TEST(Lease, holds_what_comes_later) {
  const TempDir dir;
  ImageStore store = MUST(ImageStore::open(dir.path()));
  Lease first = MUST(store.lease("first"));
  Lease second = MUST(store.lease("second"));
  const Digest digest = oci::digest_of("blob");
  EXPECT_FALSE(MUST(second.hold(digest)));
  MUST(first.add("blob"));
  MUST(first.release());
  EXPECT_EQ(MUST(store.collect()).blobs, 0U);
  EXPECT_TRUE(MUST(second.hold(digest)));
  MUST(second.release());
  EXPECT_EQ(MUST(store.collect()).blobs, 1U);
}

TEST(Lease, ends_with_its_time) {
  const TempDir dir;
  ImageStore store = MUST(ImageStore::open(dir.path()));
  Lease lease = MUST(store.lease("short", std::chrono::seconds(-1)));
  MUST(lease.add("blob"));
  const Collected collected = MUST(store.collect());
  EXPECT_EQ(collected.leases, 1U);
  EXPECT_EQ(collected.blobs, 1U);
  EXPECT_EQ(lease.add("blob").error().code(), Code::Conflict);
}

TEST(Lease, ends_with_its_process) {
  const TempDir dir;
  {
    ImageStore made = MUST(ImageStore::open(dir.path()));
  }
  EXPECT_EQ(testing::status_of_child([&] {
              ImageStore store = MUST(ImageStore::open(dir.path()));
              Lease lease = MUST(store.lease("killed"));
              MUST(lease.add("blob"));
              ::kill(::getpid(), SIGKILL);
            }),
            SIGKILL);
  ImageStore store = MUST(ImageStore::open(dir.path()));
  EXPECT_TRUE(MUST(store.content().has(oci::digest_of("blob"))));
  Lease alive = MUST(store.lease("alive"));
  MUST(alive.add("other"));
  const Collected collected = MUST(store.collect());
  EXPECT_EQ(collected.leases, 1U);
  EXPECT_EQ(collected.blobs, 1U);
  EXPECT_TRUE(MUST(store.content().has(oci::digest_of("other"))));
  EXPECT_EQ(MUST(names_in(AT_FDCWD, dir / "sessions")).size(), 1U);
}

TEST(KeyLock, is_had_by_one_at_a_time) {
  const TempDir dir;
  ImageStore store = MUST(ImageStore::open(dir.path()));
  std::atomic<int> inside = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i)
    threads.emplace_back([&] {
      for (int n = 0; n < 50; ++n) {
        const KeyLock lock = MUST(KeyLock::acquire(dir.path(), "a/key of any kind"));
        EXPECT_EQ(++inside, 1);
        EXPECT_FALSE(MUST(KeyLock::try_acquire(dir.path(), "a/key of any kind")));
        --inside;
      }
    });
  for (std::thread& thread : threads) thread.join();
  EXPECT_TRUE(MUST(KeyLock::try_acquire(dir.path(), "a/key of any kind")));
  EXPECT_EQ(MUST(names_in(AT_FDCWD, dir / "locks")).size(), 0U);
}

// ---- images

TEST(Images, keep_what_they_consist_of_and_nothing_else) {
  const TempDir dir;
  ImageStore store = MUST(ImageStore::open(dir.path()));
  const TestImage a("a", {"base", "a"}), b("b", {"base", "b"});
  for (const TestImage* image : {&a, &b}) {
    Lease lease = MUST(store.lease("pull"));
    image->add_to(lease);
    MUST(store.put_image(image->image(), std::array{NewName{"reg/" + image->name + ":1", image->digest()}}));
  }
  EXPECT_EQ(MUST(store.collect()).blobs, 0U);
  MUST(store.untag("reg/a:1"));
  EXPECT_EQ(MUST(store.collect()).blobs, 0U) << "it is dangling, not removed";
  MUST(store.remove_image(a.image().id));
  EXPECT_EQ(MUST(store.collect()).blobs, 3U) << "its manifest, config and one layer";
  EXPECT_TRUE(MUST(store.missing_below(b.digest())).empty());
  EXPECT_TRUE(MUST(store.content().has(b.layer(0))));
  EXPECT_EQ(MUST(store.images()).size(), 1U);
}

TEST(Images, are_found_by_any_form_of_their_name_and_by_the_beginning_of_their_id) {
  const TempDir dir;
  ImageStore store = MUST(ImageStore::open(dir.path()));
  const TestImage image("busybox", {"layer"});
  Lease lease = MUST(store.lease("pull"));
  image.add_to(lease);
  Image record = image.image();
  record.labels = {{"a", "b"}, {"quote\"", ""}};
  MUST(store.put_image(record, std::array{NewName{"docker.io/library/busybox:latest", image.digest()}}));
  MUST(store.add_user(record.id, "container/1"));
  for (const std::string& text : {std::string("busybox"), std::string("docker.io/library/busybox:latest"),
                                  record.id.str(), record.id.hex(), record.id.hex().substr(0, 12)}) {
    const Image found = MUST(store.resolve(text));
    EXPECT_EQ(found.id, record.id) << text;
    EXPECT_EQ(found.labels, record.labels);
    EXPECT_EQ(found.names.at(0).target, image.digest());
    EXPECT_EQ(found.users, std::vector<std::string>{"container/1"});
  }
  for (const char* text : {"nothing", "sha256:", "zz", "", "busybox:other"})
    EXPECT_EQ(store.resolve(text).error().code(), Code::NotFound) << text;
  const std::vector<Image> all = MUST(store.images());
  ASSERT_EQ(all.size(), 1U);
  EXPECT_EQ(all[0].names.size(), 1U);
  EXPECT_EQ(all[0].users.size(), 1U);
}

TEST(Images, are_listed_with_the_newest_first) {
  const TempDir dir;
  ImageStore store = MUST(ImageStore::open(dir.path()));
  Lease lease = MUST(store.lease("pull"));
  std::vector<std::pair<std::int64_t, Digest>> expected;
  for (const std::int64_t created : {30, 10, 50, 20, 40, 10, 0, 50}) {
    const TestImage image("x", {std::to_string(expected.size())});
    image.add_to(lease);
    Image record = image.image();
    record.created = created;
    record.labels = {{"created", std::to_string(created)}};
    MUST(store.put_image(record, {}));
    expected.emplace_back(-created, record.id);
  }
  std::ranges::sort(expected);
  std::vector<std::pair<std::int64_t, Digest>> found;
  for (const Image& image : MUST(store.images())) {
    found.emplace_back(-image.created, image.id);
    EXPECT_EQ(image.labels.at("created"), std::to_string(image.created));
  }
  EXPECT_EQ(found, expected);
}

TEST(Images, a_name_moves_and_what_only_it_held_goes) {
  const TempDir dir;
  ImageStore store = MUST(ImageStore::open(dir.path()));
  const TestImage before("x", {"one"}), after("x", {"two"});
  for (const TestImage* image : {&before, &after}) {
    Lease lease = MUST(store.lease("pull"));
    image->add_to(lease);
    MUST(store.put_image(image->image(), std::array{NewName{"x:1", image->digest()}}));
  }
  EXPECT_EQ(MUST(store.image_named("x:1"))->id, after.image().id);
  EXPECT_TRUE(MUST(store.image(before.image().id))->names.empty());
  MUST(store.remove_image(before.image().id));
  EXPECT_EQ(MUST(store.collect()).blobs, 3U);
}

TEST(Images, in_use_stay) {
  const TempDir dir;
  ImageStore store = MUST(ImageStore::open(dir.path()));
  const TestImage image("x", {"one"});
  Lease lease = MUST(store.lease("pull"));
  image.add_to(lease);
  MUST(store.put_image(image.image(), {}));
  MUST(store.add_user(image.image().id, "container/web"));
  const auto refused = store.remove_image(image.image().id);
  EXPECT_EQ(refused.error().code(), Code::Conflict);
  EXPECT_NE(refused.error().message().find("container/web"), std::string::npos);
  MUST(store.remove_user(image.image().id, "container/web"));
  MUST(store.remove_image(image.image().id));
  EXPECT_EQ(store.remove_image(image.image().id).error().code(), Code::NotFound);
  EXPECT_EQ(store.add_user(image.image().id, "x").error().code(), Code::NotFound);
}

TEST(Images, need_what_they_name) {
  const TempDir dir;
  ImageStore store = MUST(ImageStore::open(dir.path()));
  const TestImage image("x", {"one"});
  EXPECT_EQ(store.put_image(image.image(), {}).error().code(), Code::NotFound);
  Lease lease = MUST(store.lease("pull"));
  MUST(lease.add_manifest(image.manifest_bytes, image.document()));
  EXPECT_EQ(MUST(store.missing_below(image.digest())).size(), 2U);
  EXPECT_EQ(MUST(store.manifest(image.digest()))->media_type, oci::media_type::kOciManifest);
  EXPECT_EQ(store.tag(image.image().id, "x").error().code(), Code::NotFound);
}

TEST(Images, usage_is_what_the_disk_says) {
  const TempDir dir;
  ImageStore store = MUST(ImageStore::open(dir.path()));
  const TestImage image("x", {large('x')});
  Lease lease = MUST(store.lease("pull"));
  image.add_to(lease);
  EXPECT_EQ(MUST(store.usage()).total(), MUST(disk_usage(AT_FDCWD, dir.path())).bytes);
}

// ---- everybody at once

TEST(Store, pulls_removals_and_collections_at_once_lose_nothing_and_leave_nothing) {
  const TempDir dir;
  ImageStore store = MUST(ImageStore::open(dir.path()));
  std::atomic<bool> is_over = false;
  std::thread collecting([&] {
    ImageStore mine = MUST(ImageStore::open(dir.path()));
    while (!is_over) MUST(mine.collect());
  });
  std::vector<std::thread> pulling;
  for (int t = 0; t < 4; ++t)
    pulling.emplace_back([&, t] {
      for (int i = 0; i < 20; ++i) {
        // Two of them share a base, which is large for every second one.
        const TestImage image(fmt::format("{}-{}", t, i),
                              {i % 2 == 0 ? large('b') : "base", fmt::format("top {}", t)});
        Lease lease = MUST(store.lease("pull"));
        image.add_to(lease);
        EXPECT_TRUE(MUST(store.missing_below(image.digest())).empty());
        MUST(store.put_image(image.image(), std::array{NewName{image.name, image.digest()}}));
        MUST(lease.release());
        EXPECT_TRUE(MUST(store.missing_below(image.digest())).empty());
        for (int layer = 0; layer < 2; ++layer) MUST(store.content().open(image.layer(layer)));
        MUST(store.remove_image(image.image().id));
      }
    });
  for (std::thread& thread : pulling) thread.join();
  is_over = true;
  collecting.join();
  MUST(store.collect());
  EXPECT_EQ(MUST(store.database().read(
                [](database::Connection& c) { return c.value<int>("SELECT count(*) FROM blobs"); })),
            0);
  EXPECT_EQ(MUST(names_in(AT_FDCWD, dir / "content/ingest")).size(), 0U);
}

}  // namespace
}  // namespace gantry::image
