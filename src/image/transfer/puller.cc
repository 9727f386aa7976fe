// SPDX-License-Identifier: Apache-2.0
#include "image/transfer/puller.h"

#include <algorithm>
#include <array>
#include <numeric>
#include <utility>
#include <variant>

#include "base/thread_pool.h"
#include "base/timestamp.h"
#include "image/hash_sink.h"
#include "image/layer_encoding.h"
#include "image/layer_import.h"
#include "image/unpack_image.h"
#include "oci/archive/compression.h"
#include "oci/image/document.h"
#include "oci/image/image_config.h"

namespace gantry::image {
namespace {

// The bytes of a blob from the first route that has them; when one fails half way, the next goes on.
class RoutedSource final : public ByteSource {
 public:
  RoutedSource(const std::vector<Route>& routes, oci::Descriptor blob, std::uint64_t offset,
               DownloadOptions options)
      : routes_(routes), blob_(std::move(blob)), position_(offset), options_(std::move(options)) {}

  Result<std::size_t> read(std::span<std::byte> into) override {
    for (;;) {
      if (!source_) {
        const Route& route = routes_[next_++];
        source_ = download(*route.registry, route.repository, blob_, position_, options_);
      }
      Result<std::size_t> count = source_->read(into);
      if (count) {
        position_ += *count;
        return count;
      }
      TRY(options_.control.check());
      if (next_ == routes_.size()) return count;
      source_.reset();
    }
  }

 private:
  const std::vector<Route>& routes_;
  const oci::Descriptor blob_;
  std::uint64_t position_;
  const DownloadOptions options_;
  std::size_t next_ = 0;  // route
  std::unique_ptr<ByteSource> source_;
};

TransferState state_of(ImportEvent event) {
  switch (event) {
    case ImportEvent::Waiting: return TransferState::Waiting;
    case ImportEvent::Exists: return TransferState::Exists;
    case ImportEvent::Receiving: return TransferState::Downloading;
    case ImportEvent::Unpacking: return TransferState::Unpacking;
    case ImportEvent::Done: return TransferState::Done;
  }
  return TransferState::Done;
}

// One image on its way in.
class Pull {
 public:
  Pull(ImageStore& store, Snapshots& snapshots, Lease lease, std::vector<Route> routes,
       const oci::DecompressLimits& limits, const oci::Reference& reference, const PullOptions& options,
       ProgressSink& progress)
      : store_(store),
        snapshots_(snapshots),
        lease_(std::move(lease)),
        routes_(std::move(routes)),
        limits_(limits),
        reference_(reference),
        options_(options),
        progress_(progress),
        cancellation_(options.cancellation == nullptr ? own_cancellation_ : *options.cancellation) {}

  Result<Pulled> run() {
    if (auto known = TRY(find_unchanged())) return *known;
    const FetchedManifest top = TRY(fetch(reference_));
    oci::Document document =
        TRY_DURING(oci::parse_document(top.bytes, top.media_type), "manifest {}", top.digest.str());
    if (const auto* index = std::get_if<oci::Index>(&document)) return pull_index(top, *index);
    if (const auto* manifest = std::get_if<oci::Manifest>(&document))
      return pull_manifest(top, *manifest, top.digest);
    return pull_schema1(std::get<oci::Schema1Manifest>(document));
  }

 private:
  // ---- Manifests

  // HEAD costs the registry little, and pulls of what has not changed are common. Anything unclear is left to
  // the full pull.
  Result<std::optional<Pulled>> find_unchanged() {
    const std::optional<Image> image = TRY(store_.image_named(reference_.str()));
    if (!image || !reference_.tag() || options_.platform) return std::nullopt;
    const auto name = std::ranges::find(image->names, reference_.str(), &Image::Name::name);
    if (name == image->names.end()) return std::nullopt;
    const auto info =
        routes_.front().registry->manifest_info(routes_.front().repository, *reference_.tag(), control());
    if (!info || !*info || (*info)->digest != name->target) return std::nullopt;
    if (!TRY(lease_.hold(image->manifest)) || !TRY(store_.missing_below(image->manifest)).empty())
      return std::nullopt;
    if (options_.unpack_all && !TRY(unpacked_top(store_, snapshots_, *image))) return std::nullopt;
    return Pulled{.digest = name->target, .id = image->id, .is_new = false};
  }

  // From the first route that has it; why the others have not is told.
  Result<FetchedManifest> fetch(const oci::Reference& wanted) {
    const std::string reference = wanted.digest() ? wanted.digest()->str() : *wanted.tag();
    std::string failures;
    std::optional<Error> last;
    for (const Route& route : routes_) {
      Result<FetchedManifest> manifest = route.registry->manifest(route.repository, reference, control());
      if (manifest) return manifest;
      TRY(control().check());
      progress_.on_note(manifest.error().message());
      if (last) failures += last->message() + "; ";
      last = std::move(manifest).error();
    }
    return failures.empty() ? *std::move(last)
                            : std::move(*last).during(failures.substr(0, failures.size() - 2));
  }

  Result<Pulled> pull_index(const FetchedManifest& top, const oci::Index& index) {
    const oci::Platform platform = options_.platform.value_or(oci::host_platform());
    const oci::Descriptor& chosen = *TRY(oci::select(index, platform));
    TRY(lease_.add_manifest(top.bytes, index, {.digest = top.digest}));
    const FetchedManifest child = TRY(stored_or_fetched(chosen));
    TRY(oci::verify(chosen, child.bytes));
    const std::string_view type = chosen.media_type.empty() ? child.media_type : chosen.media_type;
    const oci::Manifest manifest =
        TRY_DURING(oci::parse_manifest(child.bytes, type), "manifest {}", child.digest.str());
    return pull_manifest(child, manifest, top.digest);
  }

  Result<FetchedManifest> stored_or_fetched(const oci::Descriptor& descriptor) {
    if (!TRY(lease_.hold(descriptor.digest))) return fetch(reference_.with_digest(descriptor.digest));
    return FetchedManifest{.bytes = TRY(store_.content().read(descriptor.digest)),
                           .media_type = descriptor.media_type,
                           .digest = descriptor.digest};
  }

  Result<Pulled> pull_manifest(const FetchedManifest& fetched, const oci::Manifest& manifest,
                               const oci::Digest& target) {
    TRY_DURING(oci::check_is_image(manifest), "manifest {}", fetched.digest.str());
    const std::string config_bytes =
        TRY_DURING(fetch_config(manifest.config), "config {}", manifest.config.digest.str());
    const oci::ImageConfig config =
        TRY_DURING(oci::parse_image_config(config_bytes), "config {}", manifest.config.digest.str());
    TRY_DURING(oci::check_matches(config, manifest), "manifest {}", fetched.digest.str());
    TRY(fetch_layers(manifest, config));
    TRY(lease_.add_manifest(fetched.bytes, manifest, {.digest = fetched.digest}));
    return record(fetched, manifest, config, target);
  }

  Result<std::string> fetch_config(const oci::Descriptor& descriptor) {
    if (TRY(lease_.hold(descriptor.digest)))
      return store_.content().read(descriptor.digest, oci::kMaxConfigBytes);
    if (descriptor.size > oci::kMaxConfigBytes)
      return error(Code::InvalidArgument, "the manifest says {} bytes; at most {} are taken", descriptor.size,
                   oci::kMaxConfigBytes);
    RoutedSource source(routes_, descriptor, 0, download_options(descriptor));
    std::string bytes = TRY(read_all(source, "config", oci::kMaxConfigBytes));
    TRY(oci::verify(descriptor, bytes));
    TRY(lease_.add(bytes, {.digest = descriptor.digest, .size = descriptor.size}));
    return bytes;
  }

  // ---- Layers

  Result<void> fetch_layers(const oci::Manifest& manifest, const oci::ImageConfig& config) {
    std::vector<oci::Digest> digests;
    for (const oci::Descriptor& layer : manifest.layers) digests.push_back(layer.digest);
    const std::vector<oci::Digest> missing = TRY(lease_.hold(digests));
    if (missing.empty() && !options_.unpack_all) {
      for (const oci::Descriptor& layer : manifest.layers)
        progress_.on_blob({.blob = layer, .state = TransferState::Exists});
      return {};
    }
    for (const oci::Descriptor& layer : manifest.layers)
      progress_.on_blob({.blob = layer, .state = TransferState::Waiting, .total = layer.size});
    LayerImport import(store_, snapshots_, config.rootfs.diff_ids);
    TRY(import_all(import, manifest.layers));
    TRY(import.finish(manifest.config.digest));
    return {};
  }

  // In order, since a layer may have to wait for those below it.
  Result<void> import_all(LayerImport& import, const std::vector<oci::Descriptor>& layers) {
    ThreadPool pool({.name = "pull",
                     .max_threads = std::max(options_.parallel_layers, 1U),
                     .max_waiting = layers.size()});
    TaskGroup group(pool);
    for (std::size_t i = 0; i < layers.size(); ++i)
      TRY(group.run([this, &import, &layers, i]() -> Result<void> {
        Result<void> done = import_layer(import, i, layers[i]);
        if (!done) {
          import.give_up(done.error());
          cancellation_.cancel(fmt::format("layer {} has failed", layers[i].digest.str()));
        }
        return done;
      }));
    return group.wait();
  }

  Result<void> import_layer(LayerImport& import, std::size_t index, const oci::Descriptor& layer) {
    const OpenBlob open = [&](std::uint64_t offset) -> Result<std::unique_ptr<ByteSource>> {
      return std::make_unique<RoutedSource>(routes_, layer, offset, download_options(layer));
    };
    LayerImportOptions options{.is_resumable = true, .limits = limits_};
    options.on_progress = [&](ImportEvent event, std::uint64_t done, std::uint64_t total) {
      progress_.on_blob({.blob = layer, .state = state_of(event), .done = done, .total = total});
    };
    options.on_loss = [&](const std::string& sentence) { progress_.on_note(sentence); };
    TRY_DURING(import.layer(index, layer, open, options), "layer {}", layer.digest.str());
    return {};
  }

  // ---- Schema 1: the config is made from what the layers turn out to be

  Result<Pulled> pull_schema1(const oci::Schema1Manifest& old) {
    std::vector<oci::UnpackedLayer> layers;
    for (const oci::Digest& blob : old.layer_blobs())
      layers.push_back(TRY_DURING(fetch_unsized(blob), "layer {}", blob.str()));
    const oci::ConvertedImage image = TRY_DURING(oci::convert_schema1(old, layers), "convert from schema 1");
    const oci::Manifest manifest = TRY(oci::parse_manifest(image.manifest));
    TRY(lease_.add(image.config, {.digest = manifest.config.digest}));
    const FetchedManifest made{image.manifest, image.descriptor.media_type, image.descriptor.digest};
    return pull_manifest(made, manifest, made.digest);
  }

  // Schema 1 does not tell sizes, so this is one plain request.
  Result<oci::UnpackedLayer> fetch_unsized(const oci::Digest& digest) {
    if (!TRY(lease_.hold(digest))) {
      const Route& route = routes_.front();
      http::ClientResponse response = TRY(route.registry->blob(route.repository, digest, {}, control()));
      Ingest ingest = TRY(store_.content().ingest(digest.algorithm()));
      TRY(copy(response.body(), ingest));
      TRY(lease_.commit(std::move(ingest), {.digest = digest}));
    }
    const UniqueFd blob = TRY(store_.content().open(digest));
    FdSource bytes(blob.get(), digest.str());
    const std::unique_ptr<oci::Decompressor> tar = TRY(oci::decompress(bytes, limits_));
    HashSink hash;
    TRY(copy(*tar, hash));
    const std::uint64_t size = TRY(store_.content().size(digest));
    return oci::UnpackedLayer{
        .blob = digest, .size = size, .diff_id = hash.finish(), .encoding = encoding_of(tar->compression())};
  }

  // ---- The end

  Result<Pulled> record(const FetchedManifest& fetched, const oci::Manifest& manifest,
                        const oci::ImageConfig& config, const oci::Digest& target) {
    Image image;
    image.id = manifest.config.digest;
    image.manifest = fetched.digest;
    image.platform = config.platform.str();
    if (const auto created = parse_timestamp(config.created)) image.created = *created;
    image.size = std::accumulate(
        manifest.layers.begin(), manifest.layers.end(), fetched.bytes.size() + manifest.config.size,
        [](std::uint64_t sum, const oci::Descriptor& layer) { return sum + layer.size; });
    if (const auto top = TRY(unpacked_top(store_, snapshots_, image)))
      image.unpacked_size = TRY(unpacked_size(snapshots_, *top));
    image.labels = config.config.labels;
    const std::string name = reference_.str();
    const std::optional<Image> before = TRY(store_.image_named(name));
    const bool is_new = !before || std::ranges::none_of(before->names, [&](const Image::Name& known) {
      return known.name == name && known.target == target;
    });
    TRY(store_.put_image(image, std::array{NewName{name, target}}));
    return Pulled{.digest = target, .id = image.id, .is_new = is_new};
  }

  Control control() const { return {.cancellation = &cancellation_}; }

  DownloadOptions download_options(const oci::Descriptor& blob) {
    DownloadOptions options = options_.download;
    options.control = {
        .cancellation = &cancellation_,
        .on_retry = [this, &blob](const std::string& why, std::chrono::milliseconds delay) {
          const std::string note = fmt::format("again in {} ms: {}", delay.count(), why);
          progress_.on_blob(
              {.blob = blob, .state = TransferState::Retrying, .total = blob.size, .note = note});
        }};
    return options;
  }

  ImageStore& store_;
  Snapshots& snapshots_;
  Lease lease_;
  const std::vector<Route> routes_;
  const oci::DecompressLimits limits_;
  const oci::Reference& reference_;
  const PullOptions& options_;
  ProgressSink& progress_;
  Cancellation own_cancellation_;
  Cancellation& cancellation_;
};

}  // namespace

Result<Pulled> pull(ImageStore& store, Snapshots& snapshots, Registries& registries,
                    const oci::Reference& reference, const PullOptions& options, ProgressSink& progress) {
  const auto run = [&]() -> Result<Pulled> {
    std::vector<Route> routes = TRY(registries.pull_routes(reference, options.credentials));
    Lease lease = TRY(store.lease("pull " + reference.str()));
    return Pull(store, snapshots, std::move(lease), std::move(routes), registries.layer_limits(), reference,
                options, progress)
        .run();
  };
  return TRY_DURING(run(), "pull '{}'", reference.familiar());
}

}  // namespace gantry::image
