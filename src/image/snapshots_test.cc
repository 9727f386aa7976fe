// SPDX-License-Identifier: Apache-2.0
#include "image/snapshots.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <thread>

#include <fmt/format.h>

#include "base/file.h"
#include "image/image_store.h"
#include "image/layer_support.h"
#include "oci/image/chain_id.h"
#include "testing/child.h"
#include "testing/must.h"
#include "testing/temp_dir.h"

namespace gantry::image {
namespace {

using testing::in_namespaces;
using testing::TempDir;

Digest diff(int n) { return oci::digest_of("layer " + std::to_string(n)); }

struct Store {
  explicit Store(const std::string& root)
      : images(MUST(ImageStore::open(root))), snapshots(MUST(Snapshots::open(root, images.database()))) {}
  ImageStore images;
  Snapshots snapshots;
};

// A layer with one file "name" that says `text`; answers its chain id.
Digest add_layer(Snapshots& snapshots, const std::optional<Digest>& parent, const Digest& diff_id,
                 const std::string& name, const std::string& text, BuiltLayer built = {}) {
  LayerTicket ticket = MUST(snapshots.begin_layer(parent, diff_id));
  if (!ticket.is_done()) {
    MUST(replace_file_at(ticket.directory(), name, text, 0644));
    built.size = text.size();
    MUST(ticket.commit(built));
  }
  return oci::chain_id(parent.value_or(Digest()), diff_id);
}

std::vector<std::string> names_below(const std::string& root) {
  std::vector<std::string> names = MUST(names_in(AT_FDCWD, root + "/snapshots"));
  std::erase_if(names, [](const std::string& name) { return name == "building" || name == "trash"; });
  for (const char* directory : {"building", "trash"})
    for (const std::string& name : MUST(names_in(AT_FDCWD, root + "/snapshots/" + directory)))
      names.push_back(directory + ("/" + name));
  return names;
}

// ---- layers, as any user

TEST(Layers, are_known_by_their_chain_once_they_are_committed) {
  TempDir dir;
  Store store(dir.path());
  EXPECT_FALSE(MUST(store.snapshots.layer(diff(1))));
  const Digest base = add_layer(store.snapshots, {}, diff(1), "file", "text");
  EXPECT_EQ(base, diff(1)) << "the lowest layer's chain id is its diff id";
  const Digest top = add_layer(store.snapshots, base, diff(2), "other", "more");
  const auto stack = MUST(store.snapshots.layers_of(top));
  ASSERT_EQ(stack.size(), 2U);
  EXPECT_EQ(stack[0].chain_id, top);
  EXPECT_EQ(stack[0].diff_id, diff(2));
  EXPECT_EQ(stack[0].parent, base);
  EXPECT_EQ(stack[1].chain_id, base);
  EXPECT_EQ(stack[1].parent, std::nullopt);
  EXPECT_EQ(stack[1].size, 4U);
  EXPECT_TRUE(MUST(store.snapshots.begin_layer(base, diff(2))).is_done());
  EXPECT_EQ(MUST(read_file_at(MUST(store.snapshots.open_layer(base)).get(), "file")), "text");
}

TEST(Layers, one_that_stands_on_another_than_its_parent_shows_the_files_of_both) {
  TempDir dir;
  Store store(dir.path());
  const Digest base = add_layer(store.snapshots, {}, diff(1), "base", "1");
  const Digest before = add_layer(store.snapshots, base, diff(2), "file", "before");
  LayerTicket ticket = MUST(store.snapshots.begin_layer(base, diff(3)));
  MUST(stand_on(store.images.database(), oci::chain_id(base, diff(3)), before));
  MUST(replace_file_at(ticket.directory(), "other", "more", 0644));
  const Digest after = MUST(ticket.commit({.size = 10, .is_independent = false})).chain_id;
  const auto layers = MUST(store.snapshots.layers_of(after));
  ASSERT_EQ(layers.size(), 2U) << "the image has no more";
  EXPECT_EQ(layers[1].chain_id, base);
  EXPECT_EQ(MUST(directories_of(store.images.database(), after)), 3U);
  auto lease = MUST(store.images.lease("test"));
  MUST(lease.hold(after));
  MUST(store.snapshots.collect());
  EXPECT_TRUE(MUST(store.snapshots.layer(before))) << "its files are needed";
  MUST(lease.release());
  MUST(store.snapshots.collect());
  EXPECT_TRUE(MUST(store.snapshots.layers()).empty());
}

TEST(Layers, what_is_not_committed_leaves_nothing) {
  TempDir dir;
  Store store(dir.path());
  {
    LayerTicket ticket = MUST(store.snapshots.begin_layer({}, diff(1)));
    MUST(replace_file_at(ticket.directory(), "file", "text", 0644));
  }
  EXPECT_FALSE(MUST(store.snapshots.layer(diff(1))));
  EXPECT_EQ(names_below(dir.path()), std::vector<std::string>());
}

TEST(Layers, that_are_equal_share_a_directory_unless_they_depend_on_what_is_below) {
  TempDir dir;
  Store store(dir.path());
  const Digest base1 = add_layer(store.snapshots, {}, diff(1), "a", "1");
  const Digest base2 = add_layer(store.snapshots, {}, diff(2), "b", "2");
  const Digest shared1 = add_layer(store.snapshots, base1, diff(3), "c", "3");
  EXPECT_TRUE(MUST(store.snapshots.begin_layer(base2, diff(3))).is_done());
  const Digest shared2 = oci::chain_id(base2, diff(3));
  EXPECT_EQ(MUST(store.snapshots.layer(shared1))->number, MUST(store.snapshots.layer(shared2))->number);

  (void)add_layer(store.snapshots, base1, diff(4), "d", "4", {.is_independent = false});
  EXPECT_FALSE(MUST(store.snapshots.begin_layer(base2, diff(4))).is_done());
  {
    LayerTicket ticket = MUST(store.snapshots.begin_layer(base1, diff(5)));
    ticket.depend_on_parents();
    MUST(ticket.commit({.is_independent = true}));
  }
  EXPECT_FALSE(MUST(store.snapshots.begin_layer(base2, diff(5))).is_done());
}

TEST(Layers, a_layer_is_built_once_by_many_threads_and_processes) {
  TempDir dir;
  {
    Store store(dir.path());
  }
  // Each of four processes, with two threads and a store of its own, builds the same ten layers.
  std::vector<pid_t> children;
  for (int i = 0; i < 4; ++i) {
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      Store store(dir.path());
      auto build = [&] {
        std::optional<Digest> parent;
        for (int n = 0; n < 10; ++n) {
          LayerTicket ticket = MUST(store.snapshots.begin_layer(parent, diff(n)));
          if (!ticket.is_done()) {
            UniqueFd log = MUST(open_at(AT_FDCWD, dir / "built", O_WRONLY | O_CREAT | O_APPEND, 0644));
            MUST(write_all(log.get(), "x", "log"));
            MUST(replace_file_at(ticket.directory(), "file", "text", 0644));
            MUST(ticket.commit({}));
          }
          parent = oci::chain_id(parent.value_or(Digest()), diff(n));
        }
      };
      std::thread other(build);
      build();
      other.join();
      ::_exit(0);
    }
    children.push_back(child);
  }
  for (const pid_t child : children) {
    int status = -1;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_EQ(status, 0);
  }
  EXPECT_EQ(MUST(read_file(dir / "built")), std::string(10, 'x'));
  Store store(dir.path());
  EXPECT_EQ(MUST(store.snapshots.layers()).size(), 10U);
  EXPECT_EQ(names_below(dir.path()).size(), 10U);
}

TEST(Layers, the_next_one_builds_what_a_killed_process_began) {
  TempDir dir;
  Store store(dir.path());
  int ends[2];
  ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
  UniqueFd read_end(ends[0]), write_end(ends[1]);
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    Store own(dir.path());
    LayerTicket ticket = MUST(own.snapshots.begin_layer({}, diff(1)));
    MUST(replace_file_at(ticket.directory(), "half", "text", 0644));
    MUST(write_all(write_end.get(), "x", "pipe"));
    ::pause();
  }
  write_end.reset();
  char byte;
  ASSERT_EQ(::read(read_end.get(), &byte, 1), 1);
  EXPECT_EQ(names_below(dir.path()).size(), 1U);
  MUST(store.snapshots.collect());
  EXPECT_EQ(names_below(dir.path()).size(), 1U) << "a living builder's is left alone";
  ASSERT_EQ(::kill(child, SIGKILL), 0);
  ASSERT_EQ(::waitpid(child, nullptr, 0), child);
  {
    LayerTicket ticket = MUST(store.snapshots.begin_layer({}, diff(1)));
    ASSERT_FALSE(ticket.is_done());
    EXPECT_EQ(MUST(names_in(ticket.directory(), ".")), std::vector<std::string>());
    MUST(replace_file_at(ticket.directory(), "whole", "text", 0644));
    MUST(ticket.commit({}));
  }
  EXPECT_EQ(MUST(names_in(MUST(store.snapshots.open_layer(diff(1))).get(), ".")),
            std::vector<std::string>{"whole"});
  MUST(store.snapshots.collect());
  EXPECT_EQ(names_below(dir.path()), std::vector<std::string>());
}

TEST(Layers, stay_as_long_as_something_needs_them) {
  TempDir dir;
  Store store(dir.path());
  Lease lease = MUST(store.images.lease("test"));
  const Digest base = diff(1), top = oci::chain_id(base, diff(2));
  (void)MUST(lease.hold(top));
  add_layer(store.snapshots, {}, diff(1), "a", "1");
  add_layer(store.snapshots, base, diff(2), "b", "2");
  add_layer(store.snapshots, base, diff(3), "c", "3");  // needed by nobody
  MUST(store.snapshots.collect());
  EXPECT_EQ(MUST(store.snapshots.layers()).size(), 2U) << "held by the lease, and by the layer above";

  const Digest config = MUST(lease.add("{}"));
  MUST(store.snapshots.keep_layers(top, config));
  MUST(store.snapshots.prepare("web", base, {}));
  Lease other = MUST(store.images.lease("test"));
  (void)MUST(other.hold(config));
  MUST(lease.release());
  MUST(store.images.collect());
  MUST(store.snapshots.collect());
  EXPECT_EQ(MUST(store.snapshots.layers()).size(), 2U) << "held by the config";

  MUST(other.release());
  MUST(store.images.collect());
  EXPECT_GT(MUST(store.snapshots.collect()), 0U);
  EXPECT_EQ(MUST(store.snapshots.layers()).size(), 1U) << "held by the snapshot";
  MUST(store.snapshots.remove("web"));
  MUST(store.snapshots.collect());
  EXPECT_EQ(MUST(store.snapshots.layers()).size(), 0U);
  EXPECT_EQ(names_below(dir.path()), std::vector<std::string>());
}

TEST(Layers, collecting_leaves_alone_what_is_built_meanwhile) {
  TempDir dir;
  Store store(dir.path());
  std::atomic<bool> is_over = false;
  std::thread collector([&] {
    while (!is_over) MUST(store.snapshots.collect());
  });
  Lease lease = MUST(store.images.lease("test"));
  std::optional<Digest> parent;
  for (int n = 0; n < 50; ++n) {
    const Digest chain = oci::chain_id(parent.value_or(Digest()), diff(n));
    (void)MUST(lease.hold(chain));
    parent = add_layer(store.snapshots, parent, diff(n), "file", "text");
  }
  is_over = true;
  collector.join();
  EXPECT_EQ(MUST(store.snapshots.layers_of(*parent)).size(), 50U);
  for (const Layer& layer : MUST(store.snapshots.layers_of(*parent)))
    EXPECT_EQ(MUST(read_file_at(MUST(store.snapshots.open_layer(layer.chain_id)).get(), "file")), "text");
}

TEST(Layers, unpacked_before_a_crash_of_the_host_are_forgotten_unless_they_were_settled) {
  TempDir dir;
  Store store(dir.path());
  add_layer(store.snapshots, {}, diff(1), "a", "1");
  MUST(store.snapshots.settle());
  add_layer(store.snapshots, diff(1), diff(2), "b", "2");
  // As the next boot finds it.
  MUST(store.images.database().write([](database::Connection& connection) {
    return connection.execute("UPDATE directories SET unsynced = 'another boot' WHERE unsynced IS NOT NULL");
  }));
  Snapshots reopened = MUST(Snapshots::open(dir.path(), store.images.database()));
  EXPECT_TRUE(MUST(reopened.layer(diff(1))));
  const auto stack = reopened.layers_of(oci::chain_id(diff(1), diff(2)));
  ASSERT_FALSE(stack);
  EXPECT_EQ(stack.error().code(), Code::NotFound);
  EXPECT_FALSE(MUST(reopened.begin_layer(diff(1), diff(2))).is_done());
}

// ---- snapshots

TEST(SnapshotRows, say_what_was_asked_for) {
  TempDir dir;
  Store store(dir.path());
  const Digest top = add_layer(store.snapshots, {}, diff(1), "a", "1");
  MUST(store.snapshots.prepare("web", top,
                               {.is_read_only = true, .id_maps = {{{0, 1000, 1}}, {{0, 2000, 5}}}}));
  const auto snapshot = MUST(store.snapshots.snapshot("web"));
  ASSERT_TRUE(snapshot);
  EXPECT_EQ(snapshot->top, top);
  EXPECT_TRUE(snapshot->options.is_read_only);
  EXPECT_FALSE(snapshot->options.is_volatile);
  ASSERT_EQ(snapshot->options.id_maps.gids.size(), 1U);
  EXPECT_EQ(snapshot->options.id_maps.gids[0].outside, 2000U);
  EXPECT_EQ(MUST(store.snapshots.snapshots()).size(), 1U);
  EXPECT_FALSE(MUST(store.snapshots.snapshot("other")));

  EXPECT_EQ(store.snapshots.prepare("web", top, {}).error().code(), Code::AlreadyExists);
  EXPECT_EQ(store.snapshots.prepare("", top, {}).error().code(), Code::InvalidArgument);
  EXPECT_EQ(store.snapshots.prepare("x", diff(9), {}).error().code(), Code::NotFound);
  EXPECT_EQ(store.snapshots.mount("x").error().code(), Code::NotFound);
  EXPECT_EQ(store.snapshots.remove("x").error().code(), Code::NotFound);
  EXPECT_EQ(store.snapshots.usage("x").error().code(), Code::NotFound);
  EXPECT_EQ(names_below(dir.path()).size(), 2U) << "of the layer and of the snapshot";
}

TEST(SnapshotRoot, is_as_the_topmost_layer_that_says_so) {
  TempDir dir;
  Store store(dir.path());
  std::optional<Digest> parent;
  for (int n = 0; n < 3; ++n) {
    LayerTicket ticket = MUST(store.snapshots.begin_layer(parent, diff(n)));
    ASSERT_EQ(::fchmod(ticket.directory(), static_cast<mode_t>(0550 + n)), 0);
    parent = MUST(ticket.commit({.has_root = n == 1})).chain_id;
  }
  MUST(store.snapshots.prepare("web", parent, {}));
  MUST(store.snapshots.prepare("bare", {}, {}));
  struct stat st{};
  ASSERT_EQ(::fstat(MUST(store.snapshots.parts("web")).upper.get(), &st), 0);
  EXPECT_EQ(st.st_mode & 07777, 0551U);
  ASSERT_EQ(::fstat(MUST(store.snapshots.parts("bare")).upper.get(), &st), 0);
  EXPECT_EQ(st.st_mode & 07777, 0755U);
}

#define IN_OWN_MOUNTS(...) \
  NEEDS_ROOT();            \
  in_namespaces(CLONE_NEWNS, __VA_ARGS__)

TEST(SnapshotMount, of_what_is_not_synced_comes_again_until_the_host_has_gone_down) {
  IN_OWN_MOUNTS([] {
    TempDir dir;
    Store store(dir.path());
    const Digest top = add_layer(store.snapshots, {}, diff(1), "file", "text");
    const Snapshot snapshot = MUST(store.snapshots.prepare("web", top, {.is_volatile = true}));
    for (int time = 0; time < 3; ++time) {
      const auto root = MUST(store.snapshots.mount("web"));
      MUST(replace_file_at(root.mount.fd(), std::to_string(time), "text", 0644));
    }
    EXPECT_EQ(MUST(names_in(MUST(store.snapshots.parts("web")).upper.get(), ".")).size(), 3U);
    // As the next boot finds it.
    MUST(replace_file_at(dir.fd(), fmt::format("snapshots/{}/boot", snapshot.number), "another", 0600));
    EXPECT_EQ(store.snapshots.mount("web").error().code(), Code::DataLoss);
    MUST(store.snapshots.remove("web"));
  });
}

TEST(SnapshotMount, shows_its_layers_and_keeps_what_is_written) {
  IN_OWN_MOUNTS([] {
    TempDir dir;
    Store store(dir.path());
    const Digest base = add_layer(store.snapshots, {}, diff(1), "file", "base");
    const Digest top = add_layer(store.snapshots, base, diff(2), "file", "top");
    MUST(store.snapshots.prepare("web", top, {}));
    {
      const auto root = MUST(store.snapshots.mount("web"));
      EXPECT_EQ(MUST(read_file_at(root.mount.fd(), "file")), "top");
      MUST(replace_file_at(root.mount.fd(), "new", "text", 0644));
    }
    {
      const auto root = MUST(store.snapshots.mount("web"));
      EXPECT_EQ(MUST(read_file_at(root.mount.fd(), "new")), "text");
    }
    const auto parts = MUST(store.snapshots.parts("web"));
    EXPECT_EQ(MUST(names_in(parts.upper.get(), ".")), std::vector<std::string>{"new"});
    ASSERT_EQ(parts.lowers.size(), 2U);
    EXPECT_EQ(MUST(read_file_at(parts.lowers[0].get(), "file")), "top");
    EXPECT_GE(MUST(store.snapshots.usage("web")).inodes, 4U);
    const auto total = MUST(store.snapshots.total_usage());
    EXPECT_GT(total.layers.bytes, 0U);
    EXPECT_EQ(total.snapshots.inodes, MUST(store.snapshots.usage("web")).inodes);

    const auto seen = MUST(store.snapshots.mount_layers(base));
    EXPECT_EQ(MUST(read_file_at(seen.mount.fd(), "file")), "base");
  });
}

TEST(SnapshotMount, a_mounted_snapshot_is_removed_only_if_that_is_wanted) {
  IN_OWN_MOUNTS([] {
    TempDir dir;
    Store store(dir.path());
    const Digest top = add_layer(store.snapshots, {}, diff(1), "file", "base");
    MUST(store.snapshots.prepare("web", top, {}));
    MUST(store.snapshots.prepare("fixed", top, {.is_read_only = true}));
    {
      const auto root = MUST(store.snapshots.mount("web"));
      const auto fixed = MUST(store.snapshots.mount("fixed"));
      EXPECT_EQ(::mkdirat(fixed.mount.fd(), "x", 0755), -1);
      EXPECT_EQ(errno, EROFS);
      for (const char* key : {"web", "fixed"}) {
        const auto removed = store.snapshots.remove(key);
        ASSERT_FALSE(removed) << key;
        EXPECT_EQ(removed.error().code(), Code::Conflict) << removed.error().message();
      }
      EXPECT_TRUE(MUST(store.snapshots.snapshot("web")));
      MUST(replace_file_at(root.mount.fd(), "still", "there", 0644));
      MUST(store.snapshots.remove("fixed", Snapshots::IfMounted::Remove));
    }
    MUST(store.snapshots.remove("web"));
    MUST(store.snapshots.collect());
    EXPECT_EQ(names_below(dir.path()), std::vector<std::string>());
  });
}

TEST(SnapshotMount, shows_the_ids_of_a_user_namespace) {
  IN_OWN_MOUNTS([] {
    TempDir dir;
    Store store(dir.path());
    const Digest top = add_layer(store.snapshots, {}, diff(1), "file", "base");
    MUST(store.snapshots.prepare("web", top, {.id_maps = {{{0, 100000, 65536}}, {{0, 200000, 65536}}}}));
    const auto root = MUST(store.snapshots.mount("web"));
    struct stat st{};
    ASSERT_EQ(::fstatat(root.mount.fd(), "file", &st, 0), 0);
    EXPECT_EQ(st.st_uid, 100000U);
    EXPECT_EQ(st.st_gid, 200000U);
    ASSERT_EQ(::fstat(root.mount.fd(), &st), 0);
    EXPECT_EQ(st.st_uid, 100000U) << "of the root directory, which is the snapshot's own";
  });
}

TEST(SnapshotMount, has_128_layers_and_no_more) {
  IN_OWN_MOUNTS([] {
    TempDir dir;
    Store store(dir.path());
    std::optional<Digest> top;
    for (int n = 0; n < 129; ++n) {
      top = add_layer(store.snapshots, top, diff(n), "file" + std::to_string(n), std::to_string(n));
      if (n == 127) MUST(store.snapshots.prepare("web", top, {}));
    }
    const auto root = MUST(store.snapshots.mount("web"));
    EXPECT_EQ(MUST(names_in(root.mount.fd(), ".")).size(), 128U);
    EXPECT_EQ(store.snapshots.prepare("more", top, {}).error().code(), Code::InvalidArgument);
  });
}

}  // namespace
}  // namespace gantry::image
