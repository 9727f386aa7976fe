// SPDX-License-Identifier: Apache-2.0
//
// save() of archive_io.h.
#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <map>
#include <set>
#include <unordered_map>
#include <utility>

#include "base/file.h"
#include "base/json.h"
#include "image/archive_io.h"
#include "oci/archive/tar_writer.h"
#include "oci/image/convert.h"
#include "oci/image/document.h"
#include "oci/image/index.h"
#include "oci/image/manifest.h"
#include "oci/image/platform.h"
#include "oci/image/reference.h"

namespace gantry::image {

using oci::Descriptor;

namespace {

// Where the files of the archive go.
class ArchiveWriter {
 public:
  virtual ~ArchiveWriter() = default;
  virtual Result<void> directory(const std::string& path) = 0;
  virtual Result<void> file(const std::string& path, std::uint64_t size, ByteSource& contents) = 0;

  Result<void> text(const std::string& path, std::string_view contents) {
    StringSource source(contents);
    return file(path, contents.size(), source);
  }
};

class ArchiveTar final : public ArchiveWriter {
 public:
  explicit ArchiveTar(ByteSink& sink) : tar_(sink) {}
  Result<void> directory(const std::string& path) override {
    return tar_.add({.type = oci::TarType::Directory, .path = path + "/", .mode = 0755});
  }
  Result<void> file(const std::string& path, std::uint64_t size, ByteSource& contents) override {
    TRY(tar_.add({.path = path, .mode = 0644, .size = size}));
    TRY(copy(contents, tar_));
    return {};
  }
  Result<void> finish() { return tar_.finish(); }

 private:
  oci::TarWriter tar_;
};

class ArchiveDirectory final : public ArchiveWriter {
 public:
  explicit ArchiveDirectory(UniqueFd directory) : directory_(std::move(directory)) {}
  Result<void> directory(const std::string& path) override {
    if (::mkdirat(directory_.get(), path.c_str(), 0755) < 0 && errno != EEXIST)
      return sys_error("make directory '{}'", path);
    return {};
  }
  // A blob that is there already is left as it is, if it has the right size: it has the same name.
  Result<void> file(const std::string& path, std::uint64_t size, ByteSource& contents) override {
    struct stat st{};
    const bool is_blob = path.starts_with("blobs/");
    if (is_blob && ::fstatat(directory_.get(), path.c_str(), &st, AT_SYMLINK_NOFOLLOW) == 0 &&
        S_ISREG(st.st_mode) && static_cast<std::uint64_t>(st.st_size) == size)
      return {};
    const std::string temporary = fmt::format("{}.{}.tmp", path, ::getpid());
    UniqueFd fd = TRY(open_at(directory_.get(), temporary, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, 0644));
    FdSink sink(fd.get(), path);
    const auto copied = copy(contents, sink);
    if (copied && ::renameat(directory_.get(), temporary.c_str(), directory_.get(), path.c_str()) == 0)
      return {};
    Error failure =
        copied ? sys_error("rename '{}' to '{}'", temporary, path)
               : Error(copied.error().code(), copied.error().errno_value(), copied.error().message());
    (void)::unlinkat(directory_.get(), temporary.c_str(), 0);
    return failure;
  }
  int fd() const { return directory_.get(); }

 private:
  UniqueFd directory_;
};

// What the archive says of an image: of manifest.json and of index.json.
struct SavedImage {
  Descriptor target;
  Digest manifest;                         // of the platform that docker load is to take
  std::vector<oci::Reference> references;  // empty: saved by id
};

class Save {
 public:
  Save(ImageStore& store, Lease& lease, const SaveOptions& options)
      : store_(store), lease_(lease), options_(options) {}

  Result<void> add(const std::string& wanted) {
    const Image image = TRY(store_.resolve(wanted));
    // By name if it is one of the image's: "busybox" may also be the beginning of an id.
    auto reference = oci::Reference::parse(wanted);
    const auto name =
        reference ? std::ranges::find(image.names, reference->str(), &Image::Name::name) : image.names.end();
    const bool is_by_name = name != image.names.end();
    const Digest target = is_by_name ? name->target : image.manifest;
    TRY(lease_.hold(target));
    SavedImage saved = TRY_DURING(plan(target, image), "save '{}'", wanted);
    for (const std::string& given : options_.as)
      saved.references.push_back(TRY(oci::Reference::parse(given)));
    auto known = std::ranges::find_if(images_, [&](const SavedImage& other) {
      return other.target.digest == saved.target.digest && other.manifest == saved.manifest;
    });
    if (known == images_.end()) known = images_.insert(images_.end(), std::move(saved));
    if (is_by_name && std::ranges::find(known->references, *reference) == known->references.end())
      known->references.push_back(std::move(*reference));
    return {};
  }

  Result<void> write(ArchiveWriter& archive) {
    TRY(archive.text("oci-layout", oci::oci_layout_json()));
    if (options_.form == ArchiveForm::Docker) TRY(archive.text("manifest.json", TRY(docker_manifest())));
    TRY(write_blobs(archive));
    return {};
  }

  // The elements of index.json: one for each name of an image.
  std::vector<Descriptor> entries() const {
    std::vector<Descriptor> entries;
    for (const SavedImage& image : images_) {
      if (image.references.empty()) entries.push_back(image.target);
      for (const oci::Reference& reference : image.references) {
        Descriptor entry = image.target;
        // As containerd and docker write them.
        entry.annotations["io.containerd.image.name"] = reference.str();
        if (reference.tag()) entry.annotations["org.opencontainers.image.ref.name"] = *reference.tag();
        entries.push_back(std::move(entry));
      }
    }
    return entries;
  }

 private:
  // ---- what is saved

  Result<SavedImage> plan(const Digest& target, const Image& image) {
    const auto missing = TRY(store_.missing_below(image.manifest));
    if (!missing.empty())
      return error(Code::NotFound, "blob '{}' is not in the store: pull the image again",
                   missing.front().str());
    if (options_.platform.empty())
      return SavedImage{.target = TRY(add_document(target)), .manifest = image.manifest};
    const oci::Platform platform = TRY(oci::Platform::parse(options_.platform));
    const Digest chosen = TRY(select(target, image, platform));
    return SavedImage{.target = TRY(add_document(chosen)), .manifest = chosen};
  }

  Result<oci::Document> document(const Digest& digest) {
    const auto info = TRY(store_.manifest(digest));
    if (!info) return error(Code::NotFound, "manifest '{}' is not in the store", digest.str());
    return oci::parse_document(TRY(store_.content().read(digest, oci::kMaxManifestBytes)), info->media_type);
  }

  // The manifest of the platform that is wanted: in an index, the best that is here with all its blobs.
  Result<Digest> select(const Digest& target, const Image& image, const oci::Platform& platform) {
    const oci::Document found = TRY(document(target));
    if (const auto* index = std::get_if<oci::Index>(&found)) {
      for (const Descriptor* candidate : oci::candidates(*index, platform))
        if (TRY(is_whole(candidate->digest))) return candidate->digest;
    } else if (oci::match(platform, TRY(oci::Platform::parse(image.platform)))) {
      return target;
    }
    return error(Code::NotFound, "there is no image for '{}' in the store", platform.str());
  }

  Result<bool> is_whole(const Digest& manifest) {
    return TRY(store_.content().has(manifest)) && TRY(store_.missing_below(manifest)).empty();
  }

  // Adds a manifest or index with everything below that is here, and answers what describes it in the
  // archive. In the OCI form what Docker's types say is said in OCI's, which makes another document with
  // another digest.
  Result<Descriptor> add_document(const Digest& digest) {
    if (const auto done = documents_.find(digest); done != documents_.end()) return done->second;
    const oci::Document found = TRY_DURING(document(digest), "manifest '{}'", digest.str());
    Descriptor described;
    if (const auto* manifest = std::get_if<oci::Manifest>(&found))
      described = TRY(add_manifest(*manifest, digest));
    else if (const auto* index = std::get_if<oci::Index>(&found))
      described = TRY(add_index(*index, digest));
    else
      return error(Code::Unsupported, "'{}' is a manifest of schema 1", digest.str());
    documents_.emplace(digest, described);
    return described;
  }

  Result<Descriptor> add_manifest(const oci::Manifest& manifest, const Digest& digest) {
    blobs_.emplace(manifest.config.digest, manifest.config.size);
    for (const Descriptor& layer : manifest.layers)
      if (TRY(store_.content().has(layer.digest))) blobs_.emplace(layer.digest, layer.size);
    if (options_.form == ArchiveForm::Oci && manifest.format() == oci::Format::Docker)
      return add_made(TRY(oci::convert(manifest, oci::Format::Oci)));
    return add_as_it_is(digest, manifest.media_type);
  }

  Result<Descriptor> add_index(const oci::Index& index, const Digest& digest) {
    std::unordered_map<Digest, Descriptor> children;
    for (const Descriptor& child : index.manifests)
      if (TRY(is_whole(child.digest))) children.emplace(child.digest, TRY(add_document(child.digest)));
    if (options_.form != ArchiveForm::Oci || index.format() != oci::Format::Docker)
      return add_as_it_is(digest, index.media_type);
    oci::Index present = index;
    std::erase_if(present.manifests,
                  [&](const Descriptor& child) { return !children.contains(child.digest); });
    return add_made(TRY(oci::convert(present, oci::Format::Oci, children)));
  }

  Result<Descriptor> add_as_it_is(const Digest& digest, std::string_view media_type) {
    const std::uint64_t size = TRY(store_.content().size(digest));
    blobs_.emplace(digest, size);
    return Descriptor{.media_type = std::string(media_type), .digest = digest, .size = size};
  }

  Descriptor add_made(oci::Converted converted) {
    made_.emplace(converted.descriptor.digest, std::move(converted.json));
    return std::move(converted.descriptor);
  }

  // ---- what is written

  static std::string path_of(const Digest& digest) {
    return fmt::format("blobs/{}/{}", oci::name_of(digest.algorithm()), digest.hex());
  }

  Result<std::string> docker_manifest() {
    json::Writer json;
    json.begin_array();
    for (const SavedImage& image : images_) {
      const oci::Document found = TRY(document(image.manifest));
      const auto* manifest = std::get_if<oci::Manifest>(&found);
      if (manifest == nullptr) return error(Code::Internal, "'{}' is no manifest", image.manifest.str());
      json.begin_object().key("Config").value(path_of(manifest->config.digest)).key("RepoTags");
      if (image.references.empty()) json.null();
      if (!image.references.empty()) {
        json.begin_array();
        for (const oci::Reference& reference : image.references) json.value(reference.familiar());
        json.end_array();
      }
      json.key("Layers").begin_array();
      for (const Descriptor& layer : manifest->layers) json.value(path_of(layer.digest));
      json.end_array().end_object();
    }
    json.end_array();
    return std::move(json).text();
  }

  Result<void> write_blobs(ArchiveWriter& archive) {
    TRY(archive.directory("blobs"));
    std::set<oci::DigestAlgorithm> algorithms;
    for (const auto& [digest, size] : blobs_) algorithms.insert(digest.algorithm());
    for (const auto& [digest, json] : made_) algorithms.insert(digest.algorithm());
    for (const oci::DigestAlgorithm algorithm : algorithms)
      TRY(archive.directory(fmt::format("blobs/{}", oci::name_of(algorithm))));
    for (const auto& [digest, json] : made_) TRY(archive.text(path_of(digest), json));
    for (const auto& [digest, size] : blobs_) {
      UniqueFd blob = TRY(store_.content().open(digest));
      FdSource contents(blob.get(), digest.str());
      TRY(archive.file(path_of(digest), size, contents));
    }
    return {};
  }

  ImageStore& store_;
  Lease& lease_;
  const SaveOptions& options_;
  std::vector<SavedImage> images_;
  std::map<Digest, Descriptor> documents_;  // by the digest in the store
  std::map<Digest, std::uint64_t> blobs_;   // that are in the store, and their sizes
  std::map<Digest, std::string> made_;      // that are made for the archive
};

Result<void> add_all(Save& save, const std::vector<std::string>& names) {
  if (names.empty()) return error(Code::InvalidArgument, "no image to save is named");
  for (const std::string& name : names) TRY(save.add(name));
  return {};
}

// Entries of the same name are replaced.
Result<oci::Index> index_with(int directory, std::vector<Descriptor> entries) {
  constexpr const char* kName = "org.opencontainers.image.ref.name";
  oci::Index index;
  auto text = read_file_at(directory, "index.json", oci::kMaxManifestBytes);
  if (text)
    index = TRY_DURING(oci::parse_index(*text, oci::media_type::kOciIndex), "index.json");
  else if (text.error().code() != Code::NotFound)
    return std::move(text).error();
  for (Descriptor& entry : entries) {
    std::erase_if(index.manifests, [&](const Descriptor& old) {
      const auto old_name = old.annotations.find(kName);
      const auto name = std::as_const(entry).annotations.find(kName);
      const bool has_name = old_name != old.annotations.end(), is_named = name != entry.annotations.end();
      if (has_name && is_named) return old_name->second == name->second;
      return has_name == is_named && old.digest == entry.digest;
    });
    index.manifests.push_back(std::move(entry));
  }
  return index;
}

}  // namespace

Result<void> save(ImageStore& store, const std::vector<std::string>& names, ByteSink& tar,
                  const SaveOptions& options) {
  Lease lease = TRY(store.lease("save"));
  Save save(store, lease, options);
  TRY(add_all(save, names));
  ArchiveTar archive(tar);
  TRY(archive.text("index.json", oci::to_json(oci::Index{.manifests = save.entries()})));
  TRY(save.write(archive));
  return archive.finish();
}

Result<void> save_to_directory(ImageStore& store, const std::vector<std::string>& names,
                               const std::string& directory, const SaveOptions& options) {
  if (options.form != ArchiveForm::Oci)
    return error(Code::InvalidArgument, "a Docker archive is a tar: a directory can be an OCI layout only");
  Lease lease = TRY(store.lease("save"));
  Save save(store, lease, options);
  TRY(add_all(save, names));
  TRY(make_directories(directory, 0755));
  ArchiveDirectory archive(TRY(open_at(AT_FDCWD, directory, O_RDONLY | O_DIRECTORY)));
  const oci::Index index = TRY_DURING(index_with(archive.fd(), save.entries()), "'{}'", directory);
  TRY(save.write(archive));
  // Last, so that it never names what is not there.
  return archive.text("index.json", oci::to_json(index));
}

}  // namespace gantry::image
