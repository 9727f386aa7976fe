// SPDX-License-Identifier: Apache-2.0
#include "image/transfer/pusher.h"

#include <unistd.h>

#include <algorithm>
#include <set>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

#include "base/mutex.h"
#include "base/thread_pool.h"
#include "image/attachments.h"
#include "oci/image/convert.h"
#include "oci/image/document.h"

namespace gantry::image {
namespace {

// A descriptor with its place: reads from `offset` on.
class BlobFile final : public ByteSource {
 public:
  static Result<std::unique_ptr<ByteSource>> open(const ContentStore& content, const oci::Digest& digest,
                                                  std::uint64_t offset) {
    UniqueFd file = TRY(content.open(digest));
    if (::lseek(file.get(), static_cast<off_t>(offset), SEEK_SET) < 0)
      return sys_error("seek in blob {}", digest.str());
    return std::unique_ptr<ByteSource>(new BlobFile(std::move(file), digest.str()));
  }
  Result<std::size_t> read(std::span<std::byte> into) override { return source_.read(into); }

 private:
  BlobFile(UniqueFd file, const std::string& name) : file_(std::move(file)), source_(file_.get(), name) {}
  UniqueFd file_;
  FdSource source_;
};

// One manifest as it will be at the registry.
struct Outgoing {
  std::string bytes;
  oci::Descriptor descriptor;  // media type, digest and size of them
};

class Push {
 public:
  Push(ImageStore& store, Lease lease, Route route, const oci::Reference& reference,
       const PushOptions& options, ProgressSink& progress)
      : store_(store),
        lease_(std::move(lease)),
        route_(std::move(route)),
        reference_(reference),
        options_(options),
        progress_(progress),
        cancellation_(options.cancellation == nullptr ? own_cancellation_ : *options.cancellation) {}

  Result<Pushed> run() {
    const Image image = TRY(store_.resolve(options_.source.empty() ? reference_.str() : options_.source));
    const oci::Digest target = TRY(choose_target(image));
    TRY(lease_.hold(target));
    for (const Image::Name& name : image.names) remember_home(name.name);
    Outgoing top = TRY(send_below(target));
    const std::string tag = reference_.tag() ? *reference_.tag() : top.descriptor.digest.str();
    TRY(put(top, tag));
    if (top.descriptor.digest == target) TRY(send_attachments(target));
    return Pushed{
        .digest = top.descriptor.digest, .media_type = top.descriptor.media_type, .size = top.bytes.size()};
  }

 private:
  // ---- What to send

  Result<oci::Digest> choose_target(const Image& image) const {
    oci::Digest target = image.manifest;
    for (const Image::Name& name : image.names)
      if (name.name == reference_.str()) target = name.target;
    if (target == image.manifest || TRY(store_.missing_below(target)).empty()) {
      if (!options_.platform) return target;
      return choose_platform(target);
    }
    return options_.platform ? choose_platform(target) : Result<oci::Digest>(image.manifest);
  }

  Result<oci::Digest> choose_platform(const oci::Digest& target) const {
    const oci::Document document = TRY(stored_document(target));
    const auto* index = std::get_if<oci::Index>(&document);
    if (index == nullptr) return target;
    const oci::Digest chosen = TRY(oci::select(*index, *options_.platform))->digest;
    if (!TRY(store_.content().has(chosen)) || !TRY(store_.missing_below(chosen)).empty())
      return error(Code::NotFound, "the image for {} was not pulled whole", options_.platform->str());
    return chosen;
  }

  Result<oci::Document> stored_document(const oci::Digest& digest) const {
    const auto info = TRY(store_.manifest(digest));
    const std::string bytes = TRY(store_.content().read(digest));
    return TRY_DURING(oci::parse_document(bytes, info ? info->media_type : ""), "manifest {}", digest.str());
  }

  // ---- Sending: everything that the manifest points at, but not the manifest

  Result<Outgoing> send_below(const oci::Digest& digest) {
    const oci::Document document = TRY(stored_document(digest));
    if (const auto* index = std::get_if<oci::Index>(&document)) return send_index(digest, *index);
    if (const auto* manifest = std::get_if<oci::Manifest>(&document)) return send_image(digest, *manifest);
    return error(Code::Unsupported, "manifest {} is of Docker's schema 1, which is not pushed", digest.str());
  }

  Result<Outgoing> send_index(const oci::Digest& digest, const oci::Index& index) {
    std::unordered_map<oci::Digest, oci::Descriptor> sent;
    for (const oci::Descriptor& child : index.manifests) {
      const Outgoing outgoing = TRY(send_below(child.digest));
      TRY(put(outgoing, outgoing.descriptor.digest.str()));
      sent[child.digest] = outgoing.descriptor;
    }
    if (!options_.format || *options_.format == index.format()) return as_stored(digest, index.media_type);
    oci::Converted converted = TRY(oci::convert(index, *options_.format, sent));
    return told_of_losses({std::move(converted.json), std::move(converted.descriptor)}, converted.lost);
  }

  Result<Outgoing> send_image(const oci::Digest& digest, const oci::Manifest& manifest) {
    std::vector<oci::Descriptor> blobs;
    for (const oci::Descriptor& layer : manifest.layers) {
      const auto type = oci::layer_type(layer.media_type);
      if (type && !type->is_distributable) continue;  // lies where its urls say
      if (std::ranges::find(blobs, layer.digest, &oci::Descriptor::digest) == blobs.end())
        blobs.push_back(layer);
    }
    for (const oci::Descriptor& blob : blobs)
      progress_.on_blob({.blob = blob, .state = TransferState::Waiting, .total = blob.size});
    TRY(send_all(blobs));
    TRY_DURING(send_blob(manifest.config), "config {}", manifest.config.digest.str());
    if (!options_.format || *options_.format == manifest.format())
      return as_stored(digest, manifest.media_type);
    oci::Converted converted = TRY(oci::convert(manifest, *options_.format));
    return told_of_losses({std::move(converted.json), std::move(converted.descriptor)}, converted.lost);
  }

  Result<Outgoing> as_stored(const oci::Digest& digest, const std::string& media_type) const {
    Outgoing outgoing{.bytes = TRY(store_.content().read(digest))};
    outgoing.descriptor.media_type = media_type;
    outgoing.descriptor.digest = digest;
    outgoing.descriptor.size = outgoing.bytes.size();
    return outgoing;
  }

  Outgoing told_of_losses(Outgoing outgoing, const std::vector<std::string>& lost) const {
    for (const std::string& field : lost)
      progress_.on_note(fmt::format("'{}' has no place in the other format and is left out", field));
    return outgoing;
  }

  Result<void> send_all(const std::vector<oci::Descriptor>& blobs) {
    ThreadPool pool({.name = "push",
                     .max_threads = std::max(options_.parallel_layers, 1U),
                     .max_waiting = blobs.size() + 1});
    TaskGroup group(pool);
    for (const oci::Descriptor& blob : blobs)
      TRY(group.run([this, &blob]() -> Result<void> {
        Result<void> sent = send_blob(blob);
        if (sent) return sent;
        cancellation_.cancel(fmt::format("layer {} has failed", blob.digest.str()));
        return std::move(sent).error().during("layer " + blob.digest.str());
      }));
    return group.wait();
  }

  Result<void> send_blob(const oci::Descriptor& blob) {
    RegistryClient& registry = *route_.registry;
    if (!first_to_send(blob.digest)) return {};
    const auto tell = [&](TransferState state, std::uint64_t done, std::string_view note = {}) {
      progress_.on_blob({.blob = blob, .state = state, .done = done, .total = blob.size, .note = note});
    };
    const Control control{.cancellation = &cancellation_,
                          .on_retry = [&](const std::string& why, std::chrono::milliseconds delay) {
                            tell(TransferState::Retrying, 0,
                                 fmt::format("again in {} ms: {}", delay.count(), why));
                          }};
    if (TRY(registry.has_blob(route_.repository, blob.digest, control)))
      return tell(TransferState::Exists, 0), Result<void>();
    for (const std::string& home : homes_)
      if (TRY(registry.mount_blob(route_.repository, blob.digest, home, control)))
        return tell(TransferState::Mounted, 0), Result<void>();
    const OpenAt open = [&](std::uint64_t offset) {
      return BlobFile::open(store_.content(), blob.digest, offset);
    };
    TRY(registry.upload_blob(
        route_.repository, blob, open, [&](std::uint64_t done) { tell(TransferState::Uploading, done); },
        control));
    tell(TransferState::Done, blob.size);
    return {};
  }

  // What is said about a manifest names its digest, so it makes no sense beside a converted one.
  Result<void> send_attachments(const oci::Digest& subject) {
    for (const oci::Digest& referrer : TRY(attachments_of(store_, subject))) {
      const Outgoing outgoing = TRY(send_below(referrer));
      TRY_DURING(put(outgoing, referrer.str()), "what is attached to {}", subject.str());
    }
    return {};
  }

  Result<void> put(const Outgoing& manifest, const std::string& reference) {
    TRY_DURING(route_.registry->put_manifest(route_.repository, reference, manifest.descriptor.media_type,
                                             manifest.bytes, {.cancellation = &cancellation_}),
               "manifest {}", manifest.descriptor.digest.str());
    return {};
  }

  // Images of one index share layers.
  bool first_to_send(const oci::Digest& digest) {
    MutexLock lock(mutex_);
    return sent_.insert(digest).second;
  }

  // Another repository of the same registry that the image was in once has its layers, most likely.
  void remember_home(const std::string& name) {
    const auto known = oci::Reference::parse(name);
    if (!known || known->registry() != reference_.registry() ||
        known->repository() == reference_.repository())
      return;
    if (std::ranges::find(homes_, known->repository()) == homes_.end()) homes_.push_back(known->repository());
  }

  ImageStore& store_;
  Lease lease_;
  const Route route_;
  const oci::Reference& reference_;
  const PushOptions& options_;
  ProgressSink& progress_;
  Cancellation own_cancellation_;
  Cancellation& cancellation_;
  std::vector<std::string> homes_;  // repositories to mount from

  Mutex mutex_;  // guards what follows
  std::set<oci::Digest> sent_ GUARDED_BY(mutex_);
};

}  // namespace

Result<Pushed> push(ImageStore& store, Registries& registries, const oci::Reference& reference,
                    const PushOptions& options, ProgressSink& progress) {
  const auto run = [&]() -> Result<Pushed> {
    Route route = TRY(registries.push_route(reference, options.credentials));
    Lease lease = TRY(store.lease("push " + reference.str()));
    return Push(store, std::move(lease), std::move(route), reference, options, progress).run();
  };
  return TRY_DURING(run(), "push '{}'", reference.familiar());
}

}  // namespace gantry::image
