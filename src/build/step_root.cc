// SPDX-License-Identifier: Apache-2.0
#include "build/step_root.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "base/byte_stream.h"
#include "base/file.h"
#include "base/timestamp.h"
#include "build/written_tree.h"
#include "image/file_attributes.h"
#include "image/hash_sink.h"
#include "image/layer_diff.h"
#include "image/layer_merge.h"
#include "image/layer_support.h"
#include "image/unpack.h"
#include "oci/archive/compression.h"
#include "oci/image/chain_id.h"
#include "oci/image/media_type.h"

namespace gantry::build {

using oci::Digest;

namespace {

// Fast rather than small: most layers of a build are never sent anywhere.
constexpr int kGzipLevel = 3;

// A layer's tar on its way to being compressed; what it is called by is the tar, not the blob.
class LayerSink final : public ByteSink {
 public:
  explicit LayerSink(ByteSink& blob) : blob_(blob) {}
  Result<void> write(std::span<const std::byte> from) override {
    TRY(diff_id_.write(from));
    return blob_.write(from);
  }
  Digest finish() { return diff_id_.finish(); }

 private:
  image::HashSink diff_id_;
  ByteSink& blob_;
};

// The root directory counts as changed when write_layer() says so in the tar.
Result<bool> has_own_root(int upper, std::span<const int> lowers) {
  const image::FileAttributes own = TRY(image::read_attributes(upper));
  image::FileAttributes below{.mode = 0755};
  if (!lowers.empty()) below = TRY(image::read_attributes(lowers.front()));
  return own.mode != below.mode || own.uid != below.uid || own.gid != below.gid || own.xattrs != below.xattrs;
}

// Everything in `from` becomes what is in `to`, without a byte being copied: both are in one file system.
Result<void> move_contents(int from, int to) {
  for (const std::string& name : TRY(names_in(from, ".")))
    if (::renameat(from, name.c_str(), to, name.c_str()) < 0) return sys_error("move '{}'", name);
  return {};
}

Result<void> copy_root_attributes(int from, int to) {
  const image::UnpackOptions options;
  image::UnpackResult losses;
  image::AttributeWriter writer(options, losses);
  return writer.set_on_directory(to, TRY(image::read_attributes(from)), "/");
}

}  // namespace

Result<StepRoot> StepRoot::open(const Session& session, const std::optional<Digest>& top,
                                const kernel::IdMaps& id_maps) {
  StepRoot root(session, top);
  TRY(top ? root.mount_snapshot(id_maps) : root.make_plain(id_maps));
  UniqueFd directory(::openat(root.mount_->fd(), ".", O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!directory) return sys_error("open the step's root");
  root.directory_.emplace(std::move(directory));
  return root;
}

Result<void> StepRoot::mount_snapshot(const kernel::IdMaps& id_maps) {
  image::Snapshots& snapshots = session_->snapshots();
  key_ = session_->snapshot_key(session_->unique_name("step"));
  TRY(snapshots.prepare(key_, top_, {.id_maps = id_maps, .is_volatile = true}, database::Durability::Lazy));
  mount_ = std::move(TRY(snapshots.mount(key_)).mount);
  return {};
}

// In an overlay every new directory would be marked as one that hides those below, of which there may be some
// where this layer is put on others (COPY --link).
Result<void> StepRoot::make_plain(const kernel::IdMaps& id_maps) {
  const std::string path = TRY(session_->make_directory("root"));
  plain_ = TRY(open_at(AT_FDCWD, path, O_RDONLY | O_DIRECTORY));
  if (::fchmod(plain_.get(), 0755) < 0) return sys_error("change the mode of '{}'", path);
  mount_ = TRY(kernel::DetachedMount::copy_of(plain_.get(), "", kernel::Depth::One));
  if (id_maps.uids.empty()) return {};
  return mount_->set_id_map(TRY(kernel::make_user_namespace(id_maps)).get(), kernel::Depth::One);
}

StepRoot::StepRoot(StepRoot&& other) noexcept
    : session_(other.session_),
      key_(std::exchange(other.key_, {})),
      plain_(std::move(other.plain_)),
      top_(std::move(other.top_)),
      mount_(std::move(other.mount_)),
      directory_(std::move(other.directory_)) {}

StepRoot::~StepRoot() {
  directory_.reset();
  mount_.reset();
  // What cannot be removed goes with the session.
  if (!key_.empty())
    (void)session_->snapshots().remove(key_, image::Snapshots::IfMounted::Remove, database::Durability::Lazy);
}

Result<StepRoot::Written> StepRoot::end_mount(const CommitOptions& options) {
  directory_.reset();
  mount_.reset();
  Written written;
  if (plain_)
    written.parts.upper = std::move(plain_);
  else
    written.parts = TRY(session_->snapshots().parts(key_));
  for (const UniqueFd& lower : written.parts.lowers) written.lowers.push_back(lower.get());
  if (options.latest_time) TRY(limit_times(written.upper(), *options.latest_time));
  return written;
}

Result<NewLayer> StepRoot::commit(const CommitOptions& options) {
  const auto make = [&]() -> Result<NewLayer> {
    const Written written = TRY(end_mount(options));
    NewLayer layer = TRY(store([&](ByteSink& tar) -> Result<void> {
      return image::write_layer(written.upper(), written.lowers, {}, tar);
    }));
    const std::uint64_t size = TRY(tree_size(written.upper()));
    TRY(session_->lease().hold(oci::chain_id(top_.value_or(Digest()), layer.diff_id)));
    image::LayerTicket ticket = TRY(session_->snapshots().begin_layer(top_, layer.diff_id));
    TRY(keep_directory(ticket, written, {.size = size, .is_independent = true}));
    TRY(keep_layer(top_, layer));
    return layer;
  };
  return TRY_DURING(make(), "make a layer of what was written");
}

Result<NewLayer> StepRoot::commit_change(const NewLayer& before, const std::optional<Digest>& parent,
                                         const CommitOptions& options) {
  const auto make = [&]() -> Result<NewLayer> {
    const Written written = TRY(end_mount(options));
    const UniqueFd scratch = TRY(open_at(AT_FDCWD, session_->directory(), O_RDWR | O_TMPFILE, 0600));
    FdSink change_sink(scratch.get(), "the change");
    TRY(image::write_layer(written.upper(), written.lowers, {}, change_sink));
    if (::lseek(scratch.get(), 0, SEEK_SET) < 0) return sys_error("rewind a file");
    FdSource change(scratch.get(), "the change");
    const UniqueFd blob = TRY(session_->content().open(before.blob.digest));
    FdSource blob_source(blob.get(), before.blob.digest.str());
    const auto old = TRY(oci::decompress(blob_source));
    image::MergedLayer merged;
    NewLayer layer = TRY(store([&](ByteSink& tar) -> Result<void> {
      merged = TRY(image::merge_layers(*old, change, {.removes_for_good = true}, tar));
      return {};
    }));
    TRY(session_->lease().hold(oci::chain_id(parent.value_or(Digest()), layer.diff_id)));
    image::LayerTicket ticket = TRY(session_->snapshots().begin_layer(parent, layer.diff_id));
    if (!ticket.is_done())
      TRY(image::stand_on(session_->places().images->database(),
                          oci::chain_id(parent.value_or(Digest()), layer.diff_id), *top_));
    TRY(keep_directory(ticket, written, {.size = merged.size, .is_independent = false}));
    TRY(keep_layer(parent, layer));
    return layer;
  };
  return TRY_DURING(make(), "make a layer of what has changed");
}

Result<NewLayer> StepRoot::store(const std::function<Result<void>(ByteSink& tar)>& write) const {
  image::Ingest ingest = TRY(session_->content().ingest());
  const auto compressor =
      TRY(oci::compress(ingest, {.compression = oci::Compression::Gzip, .level = kGzipLevel}));
  LayerSink sink(*compressor);
  TRY(write(sink));
  TRY(compressor->finish());
  NewLayer layer{.blob = {}, .diff_id = sink.finish(), .created = wall_clock_ns()};
  const std::uint64_t size = ingest.size();
  const Digest digest = TRY(session_->lease().commit(std::move(ingest)));
  layer.blob = {.media_type = std::string(oci::media_type::kOciLayerGzip), .digest = digest, .size = size};
  return layer;
}

Result<void> StepRoot::keep_directory(image::LayerTicket& ticket, const Written& written,
                                      image::BuiltLayer built) const {
  if (ticket.is_done()) return {};
  built.has_root = TRY(has_own_root(written.upper(), written.lowers));
  TRY(move_contents(written.upper(), ticket.directory()));
  if (built.has_root) TRY(copy_root_attributes(written.upper(), ticket.directory()));
  TRY(ticket.commit(built));
  return {};
}

Result<void> StepRoot::keep_layer(const std::optional<Digest>& parent, const NewLayer& layer) const {
  return session_->snapshots().keep_layers(oci::chain_id(parent.value_or(Digest()), layer.diff_id),
                                           layer.blob.digest);
}

namespace {

// What is below is asked for only by archives that imply directories, as those of others may.
class Parents final : public image::ParentView {
 public:
  Parents(const image::Snapshots& snapshots, const std::optional<Digest>& top)
      : snapshots_(snapshots), top_(top) {}
  Result<int> directory() override {
    if (!top_) return -1;
    mount_ = std::move(TRY(snapshots_.mount_layers(*top_)).mount);
    return mount_->fd();
  }

 private:
  const image::Snapshots& snapshots_;
  const std::optional<Digest>& top_;
  std::optional<kernel::DetachedMount> mount_;
};

}  // namespace

Result<void> unpack_layer(const Session& session, const std::optional<Digest>& parent,
                          const oci::Descriptor& blob, const Digest& diff_id) {
  const Digest chain = oci::chain_id(parent.value_or(Digest()), diff_id);
  TRY(session.lease().hold(chain));
  image::LayerTicket ticket = TRY(session.snapshots().begin_layer(parent, diff_id));
  if (ticket.is_done()) return {};
  const UniqueFd file = TRY(session.content().open(blob.digest));
  FdSource source(file.get(), blob.digest.str());
  const auto tar = TRY(oci::decompress(source));
  Parents parents(session.snapshots(), parent);
  const image::UnpackResult unpacked = TRY_DURING(image::unpack(*tar, ticket.directory(), {}, &parents),
                                                  "unpack layer '{}'", blob.digest.str());
  TRY(ticket.commit(
      {.size = unpacked.size, .is_independent = !unpacked.has_used_parents, .has_root = unpacked.has_root}));
  return session.snapshots().keep_layers(chain, blob.digest);
}

}  // namespace gantry::build
