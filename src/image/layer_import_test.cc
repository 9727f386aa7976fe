// SPDX-License-Identifier: Apache-2.0
#include "image/layer_import.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <thread>

#include "base/file.h"
#include "image/test_images.h"
#include "kernel/id_map.h"
#include "oci/image/chain_id.h"
#include "testing/child.h"
#include "testing/must.h"
#include "testing/temp_dir.h"

namespace gantry::image {
namespace {

using testing::TempDir;

struct TestLayer {
  explicit TestLayer(std::string contents, oci::Compression method = oci::Compression::Gzip)
      : tar(std::move(contents)),
        diff_id(oci::digest_of(tar)),
        blob(method == oci::Compression::None ? tar : compressed(tar, method)),
        descriptor(oci::describe(oci::media_type::kOciLayerGzip, blob)) {}
  TestLayer(std::string contents, std::string (*compress)(const std::string&))
      : tar(std::move(contents)),
        diff_id(oci::digest_of(tar)),
        blob(compress(tar)),
        descriptor(oci::describe(oci::media_type::kOciLayerZstd, blob)) {}

  OpenBlob open() const {
    return [this](std::uint64_t offset) -> Result<std::unique_ptr<ByteSource>> {
      ++opened;
      return std::make_unique<StringSource>(std::string_view(blob).substr(offset));
    };
  }

  std::string tar;
  Digest diff_id;
  std::string blob;
  oci::Descriptor descriptor;
  mutable std::atomic<int> opened = 0;
};

// That compresses badly, so that it is as large as it seems.
std::string noise(std::size_t size) {
  std::string text(size, '\0');
  std::uint64_t state = 88172645463325252U;
  for (char& c : text) {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    c = static_cast<char>(state);
  }
  return text;
}

OpenBlob never() {
  return [](std::uint64_t) -> Result<std::unique_ptr<ByteSource>> {
    ADD_FAILURE() << "bytes were asked for";
    return error(Code::Internal, "not to be opened");
  };
}

// Gives `text`, and then an error, or more and more zeros.
class Misbehaving final : public ByteSource {
 public:
  enum class Then : std::uint8_t { Error, Endless };
  Misbehaving(std::string_view text, Then then) : text_(text), then_(then) {}
  Result<std::size_t> read(std::span<std::byte> into) override {
    const std::size_t n = TRY(text_.read(into));
    if (n > 0) return n;
    if (then_ == Then::Error) return error(Code::Unavailable, "connection reset");
    std::ranges::fill(into, std::byte{});
    return into.size();
  }

 private:
  StringSource text_;
  Then then_;
};

OpenBlob misbehaving(std::string_view text, Misbehaving::Then then) {
  return [=](std::uint64_t) -> Result<std::unique_ptr<ByteSource>> {
    return std::make_unique<Misbehaving>(text, then);
  };
}

void expect_nothing_left(const TempDir& dir, TestStore& store, const Digest& blob) {
  EXPECT_EQ(MUST(store.snapshots.layers()).size(), 0U);
  EXPECT_FALSE(MUST(store.images.content().has(blob)));
  EXPECT_EQ(MUST(names_in(AT_FDCWD, dir / "snapshots/building")), std::vector<std::string>());
}

TEST(LayerImport, stores_the_blob_and_unpacks_the_layer) {
  for (const auto method : {oci::Compression::None, oci::Compression::Gzip, oci::Compression::Zstd}) {
    TempDir dir;
    TestStore store(dir.path());
    const TestLayer layer(tar_of({{"file", "text"}, {"large", noise(3 << 20)}}), method);
    LayerImport import(store.images, store.snapshots, {layer.diff_id});
    std::vector<ImportEvent> events;
    const Layer made =
        MUST(import.layer(0, layer.descriptor, layer.open(),
                          {.on_progress = [&](ImportEvent event, std::uint64_t, std::uint64_t) {
                            if (events.empty() || events.back() != event) events.push_back(event);
                          }}));
    EXPECT_EQ(made.chain_id, layer.diff_id);
    EXPECT_EQ(made.size, 4U + (3 << 20));
    EXPECT_EQ(events, (std::vector{ImportEvent::Waiting, ImportEvent::Receiving, ImportEvent::Unpacking,
                                   ImportEvent::Done}));
    EXPECT_EQ(MUST(store.images.content().size(layer.descriptor.digest)), layer.blob.size());
    EXPECT_EQ(MUST(read_file_at(MUST(store.snapshots.open_layer(layer.diff_id)).get(), "file")), "text");
  }
}

TEST(LayerImport, asks_for_no_byte_of_what_is_there) {
  TempDir dir;
  TestStore store(dir.path());
  const TestLayer layer(tar_of({{"file", "text"}}));
  Lease lease = MUST(store.images.lease("test"));
  MUST(lease.add(layer.blob));
  LayerImport first(store.images, store.snapshots, {layer.diff_id});
  MUST(first.layer(0, layer.descriptor, never()));  // unpacked from the store
  LayerImport second(store.images, store.snapshots, {layer.diff_id});
  MUST(second.layer(0, layer.descriptor, never()));
}

TEST(LayerImport, fetches_a_blob_again_for_a_layer_that_is_unpacked) {
  TempDir dir;
  TestStore store(dir.path());
  const TestLayer gzip(tar_of({{"file", "text"}})), zstd(gzip.tar, oci::Compression::Zstd);
  LayerImport import(store.images, store.snapshots, {gzip.diff_id});
  MUST(import.layer(0, gzip.descriptor, gzip.open()));
  LayerImport again(store.images, store.snapshots, {zstd.diff_id});
  MUST(again.layer(0, zstd.descriptor, zstd.open()));
  EXPECT_TRUE(MUST(store.images.content().has(zstd.descriptor.digest)));
  EXPECT_EQ(MUST(store.snapshots.layers()).size(), 1U);
}

TEST(LayerImport, refuses_what_is_not_what_was_said_and_leaves_nothing) {
  const TestLayer good(tar_of({{"file", noise(2 << 20)}})), other(tar_of({{"file", "text"}}));
  struct Case {
    const char* what;
    Digest diff_id;
    oci::Descriptor blob;
    OpenBlob open;
    Code code;
  };
  oci::Descriptor longer = good.descriptor, shorter = good.descriptor, lying = good.descriptor;
  longer.size += 1;
  shorter.size -= 1;
  lying.digest = other.descriptor.digest;
  std::string damaged = good.blob, bare(1 << 20, 'x');
  damaged[damaged.size() / 2] ^= 1;
  const Case cases[] = {
      {"another diff id", other.diff_id, good.descriptor, good.open(), Code::InvalidArgument},
      {"too few bytes", good.diff_id, longer, good.open(), Code::InvalidArgument},
      {"too many bytes", good.diff_id, shorter, good.open(), Code::InvalidArgument},
      {"another digest", good.diff_id, lying, good.open(), Code::InvalidArgument},
      {"endless", good.diff_id, good.descriptor, misbehaving(good.blob, Misbehaving::Then::Endless),
       Code::InvalidArgument},
      {"damaged", good.diff_id, good.descriptor, misbehaving(damaged, Misbehaving::Then::Endless),
       Code::InvalidArgument},
      {"no tar", good.diff_id, oci::describe("x/y", bare), misbehaving(bare, Misbehaving::Then::Endless),
       Code::InvalidArgument},
      {"broken off", good.diff_id, good.descriptor,
       misbehaving(std::string_view(good.blob).substr(0, 1 << 20), Misbehaving::Then::Error),
       Code::Unavailable},
  };
  for (const Case& c : cases) {
    TempDir dir;
    TestStore store(dir.path());
    {
      LayerImport import(store.images, store.snapshots, {c.diff_id});
      const auto layer = import.layer(0, c.blob, c.open);
      ASSERT_FALSE(layer) << c.what;
      EXPECT_EQ(layer.error().code(), c.code) << c.what << ": " << layer.error().message();
      EXPECT_TRUE(layer.error().message().starts_with("layer 'sha256:")) << layer.error().message();
    }
    expect_nothing_left(dir, store, c.blob.digest);
  }
}

TEST(LayerImport, stops_at_its_limits) {
  TempDir dir;
  TestStore store(dir.path());
  const TestLayer bomb(tar_of({{"zeros", std::string(8 << 20, '\0')}}));
  for (const oci::DecompressLimits& limits :
       {oci::DecompressLimits{.max_bytes = 1 << 20}, oci::DecompressLimits{.max_ratio = 10}}) {
    LayerImport import(store.images, store.snapshots, {bomb.diff_id});
    const auto layer = import.layer(0, bomb.descriptor, bomb.open(), {.limits = limits});
    ASSERT_FALSE(layer);
    EXPECT_EQ(layer.error().code(), Code::ResourceExhausted) << layer.error().message();
  }
  expect_nothing_left(dir, store, bomb.descriptor.digest);
}

TEST(LayerImport, goes_on_where_it_was_broken_off) {
  TempDir dir;
  TestStore store(dir.path());
  const TestLayer layer(tar_of({{"large", noise(12 << 20)}}));
  {
    LayerImport import(store.images, store.snapshots, {layer.diff_id});
    const auto broken =
        import.layer(0, layer.descriptor,
                     misbehaving(std::string_view(layer.blob).substr(0, 10 << 20), Misbehaving::Then::Error),
                     {.is_resumable = true});
    ASSERT_FALSE(broken);
    EXPECT_EQ(broken.error().code(), Code::Unavailable) << broken.error().message();
  }
  std::uint64_t from = 0;
  LayerImport import(store.images, store.snapshots, {layer.diff_id});
  MUST(import.layer(0, layer.descriptor,
                    [&](std::uint64_t offset) {
                      from = offset;
                      return layer.open()(offset);
                    },
                    {.is_resumable = true}));
  EXPECT_GE(from, 8U << 20);
  EXPECT_EQ(MUST(store.snapshots.layers()).size(), 1U);
}

TEST(LayerImport, one_of_many_threads_and_processes_fetches) {
  TempDir dir;
  {
    TestStore store(dir.path());
  }
  const TestLayer layer(tar_of({{"large", noise(1 << 20)}}));
  std::vector<pid_t> children;
  for (int i = 0; i < 3; ++i) {
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      TestStore store(dir.path());
      auto import_it = [&] {
        LayerImport import(store.images, store.snapshots, {layer.diff_id});
        MUST(import.layer(0, layer.descriptor, layer.open()));
      };
      std::thread other(import_it);
      import_it();
      other.join();
      UniqueFd log = MUST(open_at(AT_FDCWD, dir / "opened", O_WRONLY | O_CREAT | O_APPEND, 0644));
      MUST(write_all(log.get(), std::string(static_cast<std::size_t>(layer.opened), 'x'), "log"));
      ::_exit(0);
    }
    children.push_back(child);
  }
  for (const pid_t child : children) {
    int status = -1;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_EQ(status, 0);
  }
  EXPECT_EQ(MUST(read_file(dir / "opened")), "x");
}

TEST(LayerImport, a_killed_one_is_repaired_by_the_next) {
  TempDir dir;
  TestStore store(dir.path());
  const TestLayer layer(tar_of({{"large", noise(4 << 20)}}));
  // Killed after every so many bytes that were received.
  for (std::uint64_t limit = 0; limit < layer.blob.size(); limit += 1 << 20) {
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      TestStore own(dir.path());
      LayerImport import(own.images, own.snapshots, {layer.diff_id});
      (void)import.layer(0, layer.descriptor, layer.open(),
                         {.on_progress = [&](ImportEvent event, std::uint64_t done, std::uint64_t) {
                           if (event == ImportEvent::Receiving && done >= limit) ::raise(SIGKILL);
                         }});
      ::_exit(0);
    }
    int status = -1;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_TRUE(WIFSIGNALED(status));
    EXPECT_FALSE(MUST(store.snapshots.layer(layer.diff_id)));
  }
  {
    LayerImport import(store.images, store.snapshots, {layer.diff_id});
    MUST(import.layer(0, layer.descriptor, layer.open()));
    EXPECT_EQ(MUST(read_file_at(MUST(store.snapshots.open_layer(layer.diff_id)).get(), "large")).size(),
              4U << 20);
  }
  MUST(store.images.collect());
  MUST(store.snapshots.collect());
  expect_nothing_left(dir, store, layer.descriptor.digest);
}

// ---- layers that need those below

#define IN_OWN_MOUNTS(...)  \
  NEEDS_ROOT();             \
  NEEDS_THREADS_IN_CHILD(); \
  testing::in_namespaces(CLONE_NEWNS, __VA_ARGS__)

TEST(LayerImport, a_directory_that_is_only_implied_is_as_it_is_below) {
  IN_OWN_MOUNTS([] {
    TempDir dir;
    TestStore store(dir.path());
    const TestLayer base(tar_of({{"etc/", "", oci::TarType::Directory, "", 0710}}));
    const TestLayer top(tar_of({{"etc/file", "text"}}));
    LayerImport import(store.images, store.snapshots, {base.diff_id, top.diff_id});
    // The upper one first: it waits.
    std::thread upper([&] { MUST(import.layer(1, top.descriptor, top.open())); });
    MUST(import.layer(0, base.descriptor, base.open()));
    upper.join();
    const auto layers = MUST(store.snapshots.layers_of(oci::chain_id(base.diff_id, top.diff_id)));
    struct stat st{};
    ASSERT_EQ(::fstatat(MUST(store.snapshots.open_layer(layers[0].chain_id)).get(), "etc", &st, 0), 0);
    EXPECT_EQ(st.st_mode & 07777, 0710U);
  });
}

// A zstd frame of one block that is not compressed (RFC 8878, 3.1.1), and asks for a window of 128 MiB.
std::string with_large_window(const std::string& tar) {
  const std::size_t block = tar.size() << 3 | 1;
  std::string frame("\x28\xb5\x2f\xfd\0\x88", 6);
  for (int i = 0; i < 3; ++i) frame += static_cast<char>(block >> 8 * i & 0xff);
  return frame + tar;
}

TEST(LayerImport, one_that_waits_for_those_below_leaves_its_memory_for_windows_to_them) {
  IN_OWN_MOUNTS([] {
    TempDir dir;
    TestStore store(dir.path());
    const TestLayer base(tar_of({{"etc/", "", oci::TarType::Directory}}), with_large_window);
    const TestLayer top(tar_of({{"etc/file", "text"}}), with_large_window);
    LayerImport import(store.images, store.snapshots, {base.diff_id, top.diff_id});
    std::atomic<bool> has_begun = false;
    std::thread upper([&] {
      MUST(import.layer(1, top.descriptor, top.open(), {.on_progress = [&](ImportEvent event, auto, auto) {
                          if (event == ImportEvent::Receiving) has_begun = true, has_begun.notify_one();
                        }}));
    });
    has_begun.wait(false);
    MUST(import.layer(0, base.descriptor, base.open()));
    upper.join();
  });
}

// Two layers below, and one on top with whiteouts and an opaque directory.
void expect_whiteouts_to_work(const std::string& root) {
  TestStore store(root);
  constexpr auto kDirectory = oci::TarType::Directory;
  const TestLayer base(tar_of({{"./", "", kDirectory, "", 0751},
                               {"dir/", "", kDirectory},
                               {"dir/hidden", "base"},
                               {"gone", "base"},
                               {"kept", "base"}}));
  const TestLayer middle(tar_of({{"back", "middle"}, {".wh.gone", ""}}));
  const TestLayer top(
      tar_of({{"dir/.wh..wh..opq", ""}, {"dir/new", "top"}, {".wh.back", ""}, {"gone", "top"}}));
  const std::vector<const TestLayer*> layers = {&base, &middle, &top};
  LayerImport import(store.images, store.snapshots, {base.diff_id, middle.diff_id, top.diff_id});
  for (std::size_t i = 0; i < layers.size(); ++i)
    MUST(import.layer(i, layers[i]->descriptor, layers[i]->open()));
  const Digest chain = oci::chain_ids(std::array{base.diff_id, middle.diff_id, top.diff_id})[2];
  MUST(store.snapshots.prepare("web", chain, {}));
  const auto mounted = MUST(store.snapshots.mount("web"));
  const int view = mounted.mount.fd();
  EXPECT_EQ(mounted.why_fuse, "");
  EXPECT_EQ(MUST(read_file_at(view, "kept")), "base");
  EXPECT_EQ(MUST(read_file_at(view, "gone")), "top");
  EXPECT_EQ(MUST(names_in(view, "dir")), std::vector<std::string>{"new"});
  EXPECT_EQ(::faccessat(view, "back", F_OK, 0), -1);
  struct stat st{};
  ASSERT_EQ(::fstat(view, &st), 0);
  EXPECT_EQ(st.st_mode & 07777, 0751U) << "what the lowest layer says of the root directory";
  MUST(replace_file_at(view, "written", "text", 0644));
  EXPECT_EQ(store.snapshots.remove("web").error().code(), Code::Conflict);
}

TEST(LayerImport, whiteouts_and_opaque_directories_hide_what_is_in_layers_below) {
  IN_OWN_MOUNTS([] {
    TempDir dir;
    expect_whiteouts_to_work(dir.path());
  });
}

TEST(LayerImport, works_inside_of_a_user_namespace) {
  NEEDS_ROOT();
  UniqueFd user_namespace =
      MUST(kernel::make_user_namespace({.uids = {{0, 100000, 65536}}, .gids = {{0, 100000, 65536}}}));
  testing::in_child([&] {
    ASSERT_EQ(::setns(user_namespace.get(), CLONE_NEWUSER), 0) << errno;
    ASSERT_EQ(::setgid(0), 0);
    ASSERT_EQ(::setuid(0), 0);
    ASSERT_EQ(::unshare(CLONE_NEWNS), 0) << errno;
    ASSERT_EQ(::mount("tmpfs", "/mnt", "tmpfs", 0, nullptr), 0) << errno;
    expect_whiteouts_to_work("/mnt/store");
  });
}

TEST(LayerImport, the_same_layer_may_be_in_an_image_twice_and_in_two_images_in_either_order) {
  IN_OWN_MOUNTS([] {
    TempDir dir;
    TestStore store(dir.path());
    const TestLayer a(tar_of({{"a/file", "text"}, {"large", noise(4 << 20)}}));
    const TestLayer b(tar_of({{"a/other", "text"}, {"large", noise(4 << 20)}}));
    auto bring = [&](const std::vector<const TestLayer*>& layers) {
      std::vector<Digest> diff_ids;
      for (const TestLayer* layer : layers) diff_ids.push_back(layer->diff_id);
      LayerImport import(store.images, store.snapshots, diff_ids);
      std::vector<std::thread> threads;
      for (std::size_t i = layers.size(); i-- > 0;)
        threads.emplace_back([&, i] { MUST(import.layer(i, layers[i]->descriptor, layers[i]->open())); });
      for (std::thread& thread : threads) thread.join();
      EXPECT_EQ(MUST(store.snapshots.layers_of(oci::chain_ids(diff_ids).back())).size(), layers.size());
    };
    std::thread other([&] { bring({&a, &b}); });
    bring({&b, &a, &a, &b});
    other.join();
  });
}

TEST(LayerImport, who_waits_for_a_layer_below_hears_that_it_failed) {
  TempDir dir;
  TestStore store(dir.path());
  const TestLayer base(tar_of({{"etc/", "", oci::TarType::Directory}})), top(tar_of({{"etc/file", "text"}}));
  LayerImport import(store.images, store.snapshots, {base.diff_id, top.diff_id});
  std::thread upper([&] {
    const auto layer = import.layer(1, top.descriptor, top.open());
    ASSERT_FALSE(layer);
    EXPECT_NE(layer.error().message().find("connection reset"), std::string::npos) << layer.error().message();
  });
  EXPECT_FALSE(import.layer(0, base.descriptor, misbehaving("", Misbehaving::Then::Error)));
  upper.join();

  LayerImport given_up(store.images, store.snapshots, {base.diff_id, top.diff_id});
  std::thread waiting([&] { EXPECT_FALSE(given_up.layer(1, top.descriptor, top.open())); });
  given_up.give_up(error(Code::Unavailable, "cancelled"));
  waiting.join();
}

}  // namespace
}  // namespace gantry::image
