// SPDX-License-Identifier: Apache-2.0
//
// load() of archive_io.h. Everything is brought into the store first, under a lease; then images are
// unpacked; only when that worked for all of them is the first one named. What a failed load leaves goes with
// its lease.
#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <set>
#include <utility>

#include "base/file.h"
#include "base/json.h"
#include "base/json_codec.h"
#include "base/printable.h"
#include "image/archive_files.h"
#include "image/archive_io.h"
#include "image/new_image.h"
#include "oci/archive/compression.h"
#include "oci/image/document.h"
#include "oci/image/image_config.h"
#include "oci/image/index.h"
#include "oci/image/manifest.h"
#include "oci/image/platform.h"
#include "oci/image/reference.h"

namespace gantry::image {

using oci::Descriptor;

namespace {

constexpr std::size_t kMaxArchiveManifest = 16 << 20;  // bytes of manifest.json
constexpr std::size_t kMaxArchiveImages = 1024;
constexpr int kMaxIndexDepth = 3;  // an index in the index of the layout, and one in that

// One element of docker-archive's manifest.json.
struct ArchivedImage {
  std::string config;
  std::vector<std::string> repo_tags;
  std::vector<std::string> layers;
};
void fields(json::Fields& f, ArchivedImage& image) {
  f("Config", image.config, json::Presence::Required);
  f("RepoTags", image.repo_tags);
  f("Layers", image.layers);
}

struct LoadingImage {
  std::vector<std::string> names;
  Digest target;    // index or manifest
  Digest manifest;  // of the platform
};

// What an annotation of an image layout says the image is called. containerd, and docker since 25, write the
// whole name; others put it, or only a tag, into the one that the specification knows.
std::string name_of(const Descriptor& image) {
  if (const auto name = image.annotations.find("io.containerd.image.name"); name != image.annotations.end())
    return name->second;
  const auto name = image.annotations.find("org.opencontainers.image.ref.name");
  if (name == image.annotations.end() || name->second.find_first_of("/:") == std::string::npos) return "";
  return name->second;
}

// "<64 hexadecimal digits>.json", as docker and skopeo call a config in docker-archive.
std::optional<Digest> digest_of_config_name(std::string_view name) {
  constexpr std::string_view kSuffix = ".json";
  if (!name.ends_with(kSuffix)) return std::nullopt;
  auto digest = Digest::parse(fmt::format("sha256:{}", name.substr(0, name.size() - kSuffix.size())));
  return digest ? std::optional(*digest) : std::nullopt;
}

class Load {
 public:
  Load(ImageStore& store, Snapshots& snapshots, Lease& lease, ArchiveFiles& files, const LoadOptions& options)
      : store_(store), snapshots_(snapshots), lease_(lease), files_(files), options_(options) {}

  Result<std::vector<LoadedImage>> run() {
    if (!options_.platform.empty()) platform_ = TRY(oci::Platform::parse(options_.platform));
    auto layout = files_.find("oci-layout");
    if (layout)
      TRY_DURING(read_layout(*layout), "image layout");
    else if (layout.error().code() == Code::NotFound)
      TRY(read_docker_archive());
    else
      return std::move(layout).error();
    if (images_.empty()) return error(Code::InvalidArgument, "there is no image in the archive");
    name_the_nameless();
    return record();
  }

 private:
  void report(const std::string& line) const {
    if (options_.on_progress) options_.on_progress(line);
  }

  Result<std::string> text_of(const ArchiveFiles::File& file, std::size_t limit) {
    return store_.content().read(file.digest, limit);
  }

  // ---- OCI image layout

  Result<void> read_layout(const ArchiveFiles::File& layout) {
    TRY(oci::check_oci_layout(TRY(text_of(layout, kMaxArchiveManifest))));
    const std::string text = TRY(text_of(TRY(files_.find("index.json")), oci::kMaxManifestBytes));
    const oci::Index index = TRY_DURING(oci::parse_index(text, oci::media_type::kOciIndex), "index.json");
    for (const Descriptor& image : index.manifests) {
      const std::string name = name_of(image);
      const auto known = std::ranges::find(images_, image.digest, &LoadingImage::target);
      if (known != images_.end()) {
        TRY(add_name(*known, name));
        continue;
      }
      if (images_.size() == kMaxArchiveImages)
        return error(Code::ResourceExhausted, "there are more than {} images in the archive",
                     kMaxArchiveImages);
      LoadingImage loading{.target = image.digest};
      loading.manifest = TRY(read_document(image, 0));
      if (loading.manifest.is_empty())
        return error(Code::NotFound, "'{}' has no image for {} in the archive", image.digest.str(),
                     platform_.str());
      TRY(add_name(loading, name));
      images_.push_back(std::move(loading));
    }
    return {};
  }

  // Brings a manifest or an index in, with what it points at and is in the archive. Answers the manifest of
  // the best fitting image; an empty digest if there is none for the platform.
  Result<Digest> read_document(const Descriptor& descriptor, int depth) {
    const std::string bytes = TRY(text_of(
        TRY_DURING(bring(descriptor), "manifest '{}'", descriptor.digest.str()), oci::kMaxManifestBytes));
    TRY(oci::verify(descriptor, bytes));
    const oci::Document document = TRY_DURING(oci::parse_document(bytes, descriptor.media_type),
                                              "manifest '{}'", descriptor.digest.str());
    Digest best;
    if (const auto* manifest = std::get_if<oci::Manifest>(&document)) {
      TRY_DURING(bring_parts(*manifest), "image '{}'", descriptor.digest.str());
      best = descriptor.digest;
    } else if (const auto* index = std::get_if<oci::Index>(&document)) {
      if (depth == kMaxIndexDepth) return error(Code::InvalidArgument, "an index in an index in an index");
      best = TRY(read_index(*index, depth));
    } else {
      return error(Code::Unsupported, "'{}' is a manifest of schema 1, whose layers cannot be verified",
                   descriptor.digest.str());
    }
    TRY(lease_.add_manifest(bytes, document, {.digest = descriptor.digest, .size = descriptor.size}));
    return best;
  }

  // Of the platforms of an image, archives mostly have one; but all that are there are kept.
  Result<Digest> read_index(const oci::Index& index, int depth) {
    std::map<Digest, Digest> read;  // what became of each that is there
    for (const Descriptor& child : index.manifests) {
      auto manifest = read_document(child, depth + 1);
      if (manifest)
        read[child.digest] = *manifest;
      else if (manifest.error().code() == Code::NotFound)
        missing_ = fmt::format(" ({})", manifest.error().message());
      else
        return manifest;
    }
    for (const Descriptor* candidate : oci::candidates(index, platform_))
      if (const auto found = read.find(candidate->digest); found != read.end() && !found->second.is_empty())
        return found->second;
    return Digest();
  }

  Result<void> bring_parts(const oci::Manifest& manifest) {
    TRY_DURING(bring(manifest.config), "config '{}'", manifest.config.digest.str());
    for (const Descriptor& layer : manifest.layers)
      TRY_DURING(bring(layer), "layer '{}'", layer.digest.str());
    return {};
  }

  // From the archive, or else from the store.
  Result<ArchiveFiles::File> bring(const Descriptor& blob) {
    auto file =
        files_.find(fmt::format("blobs/{}/{}", oci::name_of(blob.digest.algorithm()), blob.digest.hex()));
    if (!file && file.error().code() == Code::NotFound && TRY(lease_.hold(blob.digest))) {
      const std::uint64_t size = TRY(store_.content().size(blob.digest));
      file = ArchiveFiles::File{blob.digest, size};
    }
    if (file && file->size != blob.size)
      return error(Code::InvalidArgument, "it has {} bytes, but should have {}", file->size, blob.size);
    return file;
  }

  // ---- docker-archive

  Result<void> read_docker_archive() {
    const auto file = files_.find("manifest.json");
    if (!file)
      return error(
          Code::InvalidArgument,
          "neither an image layout nor a Docker archive: there is no 'oci-layout' and no 'manifest.json'");
    const auto document =
        TRY_DURING(json::Document::parse(TRY(text_of(*file, kMaxArchiveManifest))), "manifest.json");
    const auto images =
        TRY_DURING(json::decode<std::vector<ArchivedImage>>(document.root()), "manifest.json");
    if (images.size() > kMaxArchiveImages)
      return error(Code::ResourceExhausted, "there are more than {} images in the archive",
                   kMaxArchiveImages);
    for (const ArchivedImage& image : images)
      TRY_DURING(read_archived(image), "image '{}'",
                 printable(image.repo_tags.empty() ? image.config : image.repo_tags[0]));
    return {};
  }

  // A Docker archive has no manifest of the image's own, so it gets one.
  Result<void> read_archived(const ArchivedImage& image) {
    const ArchiveFiles::File config = TRY_DURING(files_.find(image.config), "config");
    if (const auto said = digest_of_config_name(image.config); said && *said != config.digest)
      return error(Code::InvalidArgument, "config '{}' is '{}'", image.config, config.digest.str());
    oci::Manifest manifest{.config = {.media_type = std::string(oci::media_type::kOciConfig),
                                      .digest = config.digest,
                                      .size = config.size}};
    if (image.layers.size() > oci::kMaxImageLayers)
      return error(Code::InvalidArgument, "it has {} layers", image.layers.size());
    for (const std::string& name : image.layers)
      manifest.layers.push_back(TRY_DURING(layer_of(name), "layer"));
    const std::string bytes = oci::to_json(manifest);
    const Digest digest = TRY(lease_.add_manifest(bytes, manifest));
    LoadingImage loading{.target = digest, .manifest = digest};
    for (const std::string& name : image.repo_tags) TRY(add_name(loading, name));
    images_.push_back(std::move(loading));
    return {};
  }

  Result<Descriptor> layer_of(const std::string& name) {
    const ArchiveFiles::File file = TRY(files_.find(name));
    UniqueFd blob = TRY(store_.content().open(file.digest));
    std::byte head[16];
    FdSource source(blob.get(), name);
    const std::size_t size = TRY(read_fully(source, head));
    std::string_view type = oci::media_type::kOciLayer;
    switch (oci::detect_compression(std::span(head, size))) {
      case oci::Compression::None: break;
      case oci::Compression::Gzip: type = oci::media_type::kOciLayerGzip; break;
      case oci::Compression::Zstd: type = oci::media_type::kOciLayerZstd; break;
    }
    return Descriptor{.media_type = std::string(type), .digest = file.digest, .size = file.size};
  }

  // ---- both

  static Result<void> add_name(LoadingImage& image, const std::string& name) {
    if (name.empty()) return {};
    std::string whole = TRY_DURING(oci::Reference::parse(name), "name '{}'", printable(name)).str();
    if (std::ranges::find(image.names, whole) == image.names.end()) image.names.push_back(std::move(whole));
    return {};
  }

  // Only where there is no doubt about which one is meant.
  void name_the_nameless() {
    if (!options_.name.empty() && images_.size() == 1 && images_[0].names.empty())
      images_[0].names.push_back(options_.name);
  }

  Result<std::vector<LoadedImage>> record() {
    std::vector<std::pair<Image, const LoadingImage*>> unpacked;
    for (const LoadingImage& image : images_) {
      report(fmt::format("unpacking {}", image.names.empty() ? image.target.str() : image.names[0]));
      unpacked.emplace_back(TRY(unpack_new_image(store_, snapshots_, image.manifest, options_.on_loss)),
                            &image);
    }
    std::vector<LoadedImage> loaded;
    for (const auto& [image, loading] : unpacked) {
      std::vector<NewName> names;
      for (const std::string& name : loading->names) names.push_back({name, loading->target});
      TRY(store_.put_image(image, names));
      loaded.push_back({.names = loading->names, .digest = loading->target, .config = image.id});
    }
    return loaded;
  }

  ImageStore& store_;
  Snapshots& snapshots_;
  Lease& lease_;
  ArchiveFiles& files_;
  const LoadOptions& options_;
  oci::Platform platform_ = oci::host_platform();
  std::vector<LoadingImage> images_;
  std::string missing_;  // what was missing last, for an error message
};

Result<LoadOptions> checked(LoadOptions options) {
  if (!options.name.empty()) options.name = TRY(oci::Reference::parse(options.name)).str();
  return options;
}

}  // namespace

Result<std::vector<LoadedImage>> load(ImageStore& store, Snapshots& snapshots, ByteSource& archive,
                                      const LoadOptions& wanted) {
  const LoadOptions options = TRY(checked(wanted));
  Lease lease = TRY(store.lease("load"));
  const auto files = TRY(read_archive(store, lease, archive, {.max_bytes = options.max_archive_bytes}));
  return Load(store, snapshots, lease, *files, options).run();
}

Result<std::vector<LoadedImage>> load(ImageStore& store, Snapshots& snapshots, int archive,
                                      const LoadOptions& wanted) {
  struct stat st{};
  if (::fstat(archive, &st) < 0) return sys_error("look at the archive");
  if (!S_ISDIR(st.st_mode)) {
    FdSource source(archive, "the archive");
    return load(store, snapshots, source, wanted);
  }
  const LoadOptions options = TRY(checked(wanted));
  Lease lease = TRY(store.lease("load"));
  const auto files = open_archive_directory(store, lease, TRY(open_at(archive, ".", O_RDONLY | O_DIRECTORY)));
  return Load(store, snapshots, lease, *files, options).run();
}

}  // namespace gantry::image
