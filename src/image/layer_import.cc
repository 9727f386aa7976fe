// SPDX-License-Identifier: Apache-2.0
#include "image/layer_import.h"

#include <fcntl.h>

#include <algorithm>
#include <optional>
#include <string>
#include <thread>
#include <utility>

#include "base/file.h"
#include "base/mutex.h"
#include "base/piece_source.h"
#include "base/read_ahead.h"
#include "base/thread_pool.h"
#include "image/hashed_pieces.h"
#include "image/key_lock.h"
#include "image/unpack.h"
#include "image/window_budget.h"
#include "kernel/namespaces.h"
#include "oci/image/chain_id.h"

namespace gantry::image {

using oci::Descriptor;
using oci::Digest;

namespace {

// For layers smaller than this, a thread costs more than it saves. Each of the two has its buffers, 1 MiB.
constexpr std::uint64_t kWorthAThread = 512 << 10;  // bytes
// Of zstd, of all layers of an import: three as they are commonly written, and with all else less than 64
// MiB. Those that are larger are in files.
constexpr std::uint64_t kWindows = 25 << 20;  // bytes
// What a resumed import is spared is worth a file of its own from here on.
constexpr std::uint64_t kWorthSaving = 4 << 20;  // bytes

// The bytes of a blob from `offset` on, exactly as many as were promised.
class BlobSource final : public ByteSource {
 public:
  BlobSource(ByteSource& from, const Descriptor& blob, std::uint64_t offset,
             const LayerImportOptions& options)
      : from_(from), blob_(blob), done_(offset), options_(options) {}

  Result<std::size_t> read(std::span<std::byte> into) override {
    auto got = from_.read(into);
    if (!got) {
      has_failed_ = got.error().code() != Code::InvalidArgument;
      return got;
    }
    done_ += *got;
    if (done_ > blob_.size || (*got == 0 && done_ < blob_.size))
      return error(Code::InvalidArgument, "blob '{}' has {} {} bytes, but should have {}", blob_.digest.str(),
                   done_ > blob_.size ? "at least" : "only", done_, blob_.size);
    if (options_.on_progress)
      options_.on_progress(*got == 0 ? ImportEvent::Unpacking : ImportEvent::Receiving, done_, blob_.size);
    return got;
  }

  // By itself, that is, after bytes that may well be right.
  bool has_failed() const { return has_failed_; }

 private:
  ByteSource& from_;
  const Descriptor& blob_;
  std::uint64_t done_;
  const LayerImportOptions& options_;
  bool has_failed_ = false;
};

// An ingest that is kept for the next time once it is large enough.
class SavingSink final : public ByteSink {
 public:
  explicit SavingSink(Ingest& ingest) : ingest_(ingest) {}
  Result<void> write(std::span<const std::byte> from) override {
    TRY(ingest_.write(from));
    if (is_saved_ || ingest_.size() < kWorthSaving) return {};
    is_saved_ = true;
    return ingest_.save();
  }

 private:
  Ingest& ingest_;
  bool is_saved_ = false;
};

// Whether this user namespace has no ids but one's own: nothing can belong to anybody else then.
Result<bool> has_one_id() {
  const std::string map = TRY(read_file("/proc/self/uid_map"));
  return map.find('\n') == map.size() - 1 && map.find_last_of(' ') != std::string::npos &&
         map.substr(map.find_last_of(' ') + 1) == "1\n";
}

// What is lost where privileges are missing is what every rootless engine loses: devices, and attributes that
// only the host's root may set.
Result<UnpackOptions> unpack_options() {
  UnpackOptions options{.may_lack_end = true};  // a layer that is cut has another digest
  if (!kernel::is_in_user_namespace()) return options;
  options.marks = OverlayMarks::User;
  options.devices = DevicePolicy::Skip;
  options.xattrs = LossPolicy::Report;
  options.keep_owners = !TRY(has_one_id());
  return options;
}

}  // namespace

using Use = std::function<Result<void>(PieceSource&)>;

struct LayerImport::State {
  State(ImageStore& image_store, Snapshots& layers, std::vector<Digest> ids)
      : store(image_store),
        snapshots(layers),
        diff_ids(std::move(ids)),
        chain_ids(oci::chain_ids(diff_ids)),
        is_done(diff_ids.size()) {}

  ImageStore& store;
  Snapshots& snapshots;
  const std::vector<Digest> diff_ids;
  const std::vector<Digest> chain_ids;

  Mutex mutex;  // guards what follows
  std::vector<bool> is_done GUARDED_BY(mutex);
  std::optional<Error> failure GUARDED_BY(mutex);  // the first
  std::optional<Lease> lease GUARDED_BY(mutex);    // of all blobs and layers, from the first one on
  CondVar changed;

  WindowBudget windows{kWindows, store.root()};
  // More threads than there are processors would gain nothing, and those that unpack are some.
  ThreadPool hashers{{.name = "hash", .max_threads = std::max(1U, std::thread::hardware_concurrency() - 1)}};

  std::optional<Digest> parent_of(std::size_t index) const {
    return index == 0 ? std::nullopt : std::optional(chain_ids[index - 1]);
  }

  Result<Lease*> get_lease() {
    MutexLock lock(mutex);
    if (!lease) {
      Lease all = TRY(store.lease("import of layers"));
      TRY(all.hold(chain_ids));
      lease = std::move(all);
    }
    return &*lease;
  }

  void set_done(std::size_t index) {
    MutexLock lock(mutex);
    is_done[index] = true;
    changed.notify_all();
  }

  void fail(const Error& why) {
    MutexLock lock(mutex);
    if (!failure) failure = Error(why.code(), why.errno_value(), why.message());
    changed.notify_all();
  }

  // Until every layer below is there.
  Result<void> wait_for_layers_below(std::size_t index) {
    MutexLock lock(mutex);
    for (std::size_t below = 0; below < index;) {
      if (is_done[below])
        ++below;
      else if (failure)
        return error(failure->code(), "a layer below failed: {}", failure->message());
      else
        changed.wait(mutex);
    }
    return {};
  }

  class Below;

  Result<Layer> bring_in(std::size_t index, const Descriptor& blob, const OpenBlob& open,
                         const LayerImportOptions& options);
  Result<void> receive(const Descriptor& blob, const OpenBlob& open, const LayerImportOptions& options,
                       const Use& use);
};

// The layers below one that is being unpacked.
class LayerImport::State::Below final : public ParentView {
 public:
  Below(State& state, std::size_t index, LayerTicket& ticket, std::optional<KeyLock>& fetch_lock,
        WindowBudget::Share& window)
      : state_(state), index_(index), ticket_(ticket), fetch_lock_(fetch_lock), window_(window) {}

  Result<int> directory() override {
    if (index_ == 0) return -1;
    // Those below may be the same difference, or come from the same blob: who waits for them must not make
    // them wait.
    ticket_.depend_on_parents();
    fetch_lock_.reset();
    window_.stop_counting();
    TRY(state_.wait_for_layers_below(index_));
    mount_ = TRY(state_.snapshots.mount_layers(state_.chain_ids[index_ - 1]));
    return mount_->mount.fd();
  }

 private:
  State& state_;
  std::size_t index_;
  LayerTicket& ticket_;
  std::optional<KeyLock>& fetch_lock_;
  WindowBudget::Share& window_;
  std::optional<kernel::OverlayMount> mount_;
};

namespace {

// What has to do with a blob of that size, which a thread reads if it is worth one.
std::unique_ptr<PieceSource> in_pieces(ByteSource& source, std::uint64_t blob_size) {
  if (blob_size >= kWorthAThread) return std::make_unique<ReadAhead>(source);
  return std::make_unique<BufferedPieces>(source);
}

Result<void> drain(PieceSource& source) {
  while (!TRY(source.next_piece()).empty()) {
  }
  return {};
}

// With what was kept of it, if there is any.
Result<Ingest> begin_ingest(const ContentStore& content, const Descriptor& blob,
                            const LayerImportOptions& options) {
  if (!options.is_resumable) return content.ingest(blob.digest.algorithm());
  auto kept = content.ingest("blob " + blob.digest.str(), blob.digest.algorithm());
  // Somebody who waits for layers below has it: see State::Below.
  if (!kept && kept.error().code() == Code::Conflict) return content.ingest(blob.digest.algorithm());
  if (kept && kept->size() > blob.size) TRY(kept->truncate(0));
  return kept;
}

void tell_of_losses(const UnpackResult& unpacked, const OnLoss& on_loss) {
  if (!on_loss) return;
  for (const std::string& sentence : unpacked.losses) on_loss(sentence);
  if (const std::uint64_t more = unpacked.loss_count - unpacked.losses.size(); more > 0)
    on_loss(fmt::format("and {} more of the same layer", more));
}

Result<BuiltLayer> unpack_blob(PieceSource& blob, std::uint64_t size, const Digest& diff_id,
                               const LayerTicket& ticket, ParentView& below, WindowBudget::Share& window,
                               ThreadPool& hashers, const LayerImportOptions& options) {
  oci::DecompressLimits limits = options.limits;
  limits.windows = &window;
  const auto tar = TRY(oci::decompress(blob, limits));
  // A thread decompresses, this one unpacks, and what has time left hashes: on few processors they even out
  // by themselves, whatever the layer is made of.
  const std::unique_ptr<PieceSource> pieces = in_pieces(*tar, size);
  HashedPieces hash(*pieces, diff_id.algorithm(), hashers);
  const UnpackResult unpacked = TRY(unpack(hash, ticket.directory(), TRY(unpack_options()), &below));
  if (const Digest found = hash.finish(); found != diff_id)
    return error(Code::InvalidArgument, "its content is '{}' uncompressed, but the image's config says '{}'",
                 found.str(), diff_id.str());
  tell_of_losses(unpacked, options.on_loss);
  return BuiltLayer{
      .size = unpacked.size, .is_independent = !unpacked.has_used_parents, .has_root = unpacked.has_root};
}

}  // namespace

// Gets the blob from outside into the store; `use` reads it on the way, unless a part of it is in the store
// already.
Result<void> LayerImport::State::receive(const Descriptor& blob, const OpenBlob& open,
                                         const LayerImportOptions& options, const Use& use) {
  Lease* held = TRY(get_lease());
  Ingest ingest = TRY(begin_ingest(store.content(), blob, options));
  const std::uint64_t offset = ingest.size();
  const std::unique_ptr<ByteSource> from = TRY(open(offset));
  BlobSource source(*from, blob, offset, options);
  SavingSink saving(ingest);
  TeeSource stored(source, options.is_resumable ? static_cast<ByteSink&>(saving) : ingest);
  const Use& reader = offset == 0 ? use : drain;
  std::unique_ptr<PieceSource> pieces = in_pieces(stored, blob.size);
  Result<void> used = reader(*pieces);
  pieces.reset();  // nobody writes to the ingest any more
  if (!used) {
    // Bytes that are no good, or that the disk has no room for, are not worth keeping.
    if (!source.has_failed()) ingest.discard();
    return used;
  }
  TRY(held->commit(std::move(ingest), {.digest = blob.digest, .size = blob.size}));
  return {};
}

LayerImport::LayerImport(ImageStore& store, Snapshots& snapshots, std::vector<Digest> diff_ids)
    : state_(std::make_unique<State>(store, snapshots, std::move(diff_ids))) {}
LayerImport::~LayerImport() = default;

Result<Layer> LayerImport::State::bring_in(std::size_t index, const Descriptor& blob, const OpenBlob& open,
                                           const LayerImportOptions& options) {
  auto report = [&](ImportEvent event) {
    if (options.on_progress)
      options.on_progress(event, event == ImportEvent::Waiting ? 0 : blob.size, blob.size);
  };
  Lease* held = TRY(get_lease());
  report(ImportEvent::Waiting);
  LayerTicket ticket = TRY(snapshots.begin_layer(parent_of(index), diff_ids[index]));
  std::optional<KeyLock> fetch_lock;
  bool is_stored = TRY(held->hold(blob.digest));
  if (!is_stored) {
    fetch_lock = TRY(KeyLock::acquire(store.root(), "fetch " + blob.digest.str()));
    is_stored = TRY(store.content().has(blob.digest));
  }
  if (ticket.is_done()) {
    if (is_stored) {
      report(ImportEvent::Exists);
    } else {
      // The same layer in another compression, or its blob was removed.
      TRY(receive(blob, open, options, drain));
      report(ImportEvent::Done);
    }
    auto layer = TRY(snapshots.layer(chain_ids[index]));
    if (!layer) return error(Code::NotFound, "layer '{}' was removed meanwhile", chain_ids[index].str());
    return *layer;
  }
  WindowBudget::Share window(windows);
  Below below(*this, index, ticket, fetch_lock, window);
  std::optional<BuiltLayer> built;
  auto unpack_it = [&](PieceSource& source) -> Result<void> {
    built = TRY(unpack_blob(source, blob.size, diff_ids[index], ticket, below, window, hashers, options));
    return {};
  };
  if (!is_stored) TRY(receive(blob, open, options, unpack_it));
  if (!built) {
    UniqueFd file = TRY(store.content().open(blob.digest));
    FdSource source(file.get(), blob.digest.str());
    BufferedPieces pieces(source);
    report(ImportEvent::Unpacking);
    TRY(unpack_it(pieces));
  }
  Layer layer = TRY(ticket.commit(*built));
  report(ImportEvent::Done);
  return layer;
}

Result<Layer> LayerImport::layer(std::size_t index, const Descriptor& blob, const OpenBlob& open,
                                 const LayerImportOptions& options) {
  if (index >= state_->diff_ids.size())
    return error(Code::InvalidArgument, "layer {} of an image whose config has {}", index + 1,
                 state_->diff_ids.size());
  auto layer = state_->bring_in(index, blob, open, options);
  if (layer)
    state_->set_done(index);
  else
    state_->fail(layer.error());
  return TRY_DURING(std::move(layer), "layer '{}'", blob.digest.str());
}

void LayerImport::give_up(const Error& why) { state_->fail(why); }

Result<Digest> LayerImport::finish(const Digest& config) {
  if (state_->chain_ids.empty()) return Digest();
  TRY(state_->snapshots.keep_layers(state_->chain_ids.back(), config));
  return state_->chain_ids.back();
}

}  // namespace gantry::image
