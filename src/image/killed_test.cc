// SPDX-License-Identifier: Apache-2.0
//
// kill -9 at every system call of what changes a store: what was acknowledged is there, what was not is not
// or is whole, and a collection later nothing is left of it.
#include <gtest/gtest.h>
#include <sys/mount.h>
#include <unistd.h>

#include <csignal>

#include "base/file.h"
#include "image/disk_usage.h"
#include "image/repositories.h"
#include "image/store_check.h"
#include "image/testing_image.h"
#include "testing/child.h"
#include "testing/kill_at_call.h"
#include "testing/must.h"
#include "testing/temp_dir.h"

namespace gantry::image {
namespace {

using testing::count_from_here;
using testing::run_until;
using testing::TempDir;

ImageStore open_store(const std::string& path) { return MUST(ImageStore::open(path)); }

class Killed : public ::testing::Test {
 protected:
  // `before` makes the store, `during` is killed, in a store of its own, at every call; `after` looks at what
  // is left, collected and sound.
  template <class Before, class During, class After>
  static void everywhere(Before before, During during, After after) {
    NEEDS_ROOT();
    // In memory: thousands of stores are made.
    const TempDir memory;
    testing::in_namespaces(CLONE_NEWNS, [&] {
      ASSERT_EQ(::mount("stores", memory.path().c_str(), "tmpfs", 0, nullptr), 0);
      at_every_call(memory / "store", before, during, after);
    });
  }

  template <class Before, class During, class After>
  static void at_every_call(const std::string& path, Before before, During during, After after) {
    for (int call = 1;; ++call) {
      SCOPED_TRACE(fmt::format("killed at system call {}", call));
      MUST(remove_tree_at(AT_FDCWD, path));
      {
        ImageStore store = open_store(path);
        before(store);
      }
      const bool is_over = run_until(call, [&] {
        ImageStore store = open_store(path);
        count_from_here();
        during(store);
      });
      ImageStore store = open_store(path);
      MUST(store.collect());
      for (const std::string& name : MUST(names_in(AT_FDCWD, path + "/content/ingest")))
        EXPECT_TRUE(name.starts_with("key-")) << name;
      EXPECT_TRUE(MUST(names_in(AT_FDCWD, path + "/sessions")).empty());
      for (const Finding& finding : MUST(check_store(store)).findings)
        ADD_FAILURE() << name_of(finding.damage) << ": " << finding.message;
      after(store);
      if (is_over || HasFailure()) {
        EXPECT_GT(call, 20) << "what was meant to be killed has hardly run";
        return;
      }
    }
  }

  static int count(ImageStore& store) {
    return *MUST(store.database().read(
        [](database::Connection& c) { return c.value<int>("SELECT count(*) FROM blobs"); }));
  }
  static bool has(ImageStore& store, const Digest& digest) { return MUST(store.content().has(digest)); }
};

const TestImage& test_image() {
  static const TestImage image("web", {std::string(kSmallBlob + 5, 'x'), "small"});
  return image;
}

TEST(KilledOpen, a_store_is_made_by_the_next_who_opens_it) {
  const TempDir dir;
  // A call in seven is enough: most of them are SQLite's.
  for (int call = 1;; call += 7) {
    SCOPED_TRACE(fmt::format("killed at system call {}", call));
    const std::string path = dir / std::to_string(call);
    const bool is_over = run_until(call, [&] {
      count_from_here();
      open_store(path);
    });
    ImageStore store = open_store(path);
    EXPECT_TRUE(MUST(check_store(store)).findings.empty());
    if (is_over || ::testing::Test::HasFailure()) return;
  }
}

TEST_F(Killed, in_a_pull) {
  const TestImage& image = test_image();
  everywhere([](ImageStore&) {},
             [&](ImageStore& store) {
               Lease lease = MUST(store.lease("pull"));
               image.add_to(lease);
               MUST(store.put_image(image.image(), std::array{NewName{"web", image.digest()}}));
             },
             [&](ImageStore& store) {
               // All or nothing.
               EXPECT_EQ(count(store), MUST(store.image_named("web")) ? 4 : 0);
             });
}

TEST_F(Killed, in_a_push) {
  const TestImage& image = test_image();
  everywhere(
      [](ImageStore&) {},
      [&](ImageStore& store) {
        for (const std::string& bytes : {image.layers[0], image.layers[1], image.config_bytes}) {
          Ingest ingest = MUST(store.content().ingest());
          MUST(ingest.write(bytes_of(bytes)));
          MUST(store.repositories().commit_blob("web", std::move(ingest), {}));
          // It was acknowledged: said by a name in another place.
          MUST(make_directories(store.root() + "/acknowledged-" + oci::digest_of(bytes).hex(), 0700));
        }
        MUST(store.repositories().put_manifest("web", image.manifest_bytes, image.document(), {.tag = "1"}));
        MUST(make_directories(store.root() + "/acknowledged-" + image.digest().hex(), 0700));
      },
      [&](ImageStore& store) {
        for (const std::string& name : MUST(names_in(AT_FDCWD, store.root())))
          if (name.starts_with("acknowledged-")) {
            EXPECT_TRUE(has(store, MUST(Digest::parse("sha256:" + name.substr(13)))));
          }
        const bool is_tagged = MUST(store.repositories().tagged("web", "1")).has_value();
        EXPECT_EQ(is_tagged, has(store, image.digest()));
      });
}

TEST_F(Killed, in_an_upload_that_is_continued) {
  const std::string bytes(kSmallBlob + 7, 'u');
  everywhere(
      [&](ImageStore& store) {
        Ingest ingest = MUST(store.content().ingest("upload"));
        MUST(ingest.write(bytes_of(bytes).first(1000)));
        MUST(ingest.save());
      },
      [&](ImageStore& store) {
        Ingest ingest = MUST(store.content().ingest("upload"));
        MUST(ingest.write(bytes_of(bytes).subspan(ingest.size())));
        MUST(store.repositories().commit_blob("web", std::move(ingest), {.digest = oci::digest_of(bytes)}));
      },
      // Whoever was killed is followed by another who continues.
      [&](ImageStore& store) {
        if (has(store, oci::digest_of(bytes))) return;
        Ingest ingest = MUST(store.content().resume("upload"));
        EXPECT_GE(ingest.size(), 1000U);
        MUST(ingest.write(bytes_of(bytes).subspan(ingest.size())));
        MUST(store.repositories().commit_blob("web", std::move(ingest), {.digest = oci::digest_of(bytes)}));
      });
}

TEST_F(Killed, in_a_collection) {
  const TestImage& image = test_image();
  const TestImage other("other", {std::string(kSmallBlob + 5, 'o'), "small"});
  everywhere(
      [&](ImageStore& store) {
        for (const TestImage* each : {&image, &other}) {
          Lease lease = MUST(store.lease("pull"));
          each->add_to(lease);
          MUST(store.put_image(each->image(), std::array{NewName{each->name, each->digest()}}));
        }
      },
      [&](ImageStore& store) {
        MUST(store.remove_image(image.image().id));
        MUST(store.collect());
      },
      [&](ImageStore& store) {
        EXPECT_EQ(count(store), MUST(store.image_named("web")) ? 7 : 4);
        EXPECT_TRUE(MUST(store.missing_below(other.digest())).empty());
      });
}

}  // namespace
}  // namespace gantry::image
