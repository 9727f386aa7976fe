// SPDX-License-Identifier: Apache-2.0
#include "build/export.h"

#include <fcntl.h>

#include <utility>
#include <vector>

#include "base/file.h"
#include "base/timestamp.h"
#include "build/base_image.h"
#include "build/copy_set.h"
#include "build/shown_text.h"
#include "build/source.h"
#include "image/archive_io.h"
#include "image/new_image.h"
#include "oci/image/image_config.h"
#include "oci/image/manifest.h"
#include "oci/image/media_type.h"
#include "oci/image/reference.h"

namespace gantry::build {
namespace {

constexpr std::int64_t kSecond = 1'000'000'000;

// The same state always gives the same bytes: a build of which all steps are cached has the same image.
oci::ImageConfig config_of(const StageState& state, const BuildRequest& request,
                           std::optional<std::int64_t> epoch) {
  oci::ImageConfig config = state.image;
  std::int64_t created = epoch ? *epoch * kSecond : state.created;
  // Nothing has ever been made: settings on nothing.
  if (created == 0 && !epoch) created = wall_clock_ns();
  config.created = shown_time(created);
  for (const auto& [name, value] : request.labels) config.config.labels[name] = value;
  return config;
}

oci::Digest image_id(const BuildRequest& request, std::optional<std::int64_t> epoch,
                     const StageState& state) {
  return oci::digest_of(oci::to_json(config_of(state, request, epoch)));
}

Result<std::vector<std::string>> full_names(const BuildRequest& request) {
  std::vector<std::string> names;
  for (const std::string& name : request.names) {
    const oci::Reference reference = TRY(oci::Reference::parse(name));
    if (reference.digest())
      return error(Code::InvalidArgument, "'{}' has a digest; a name is made of a repository and a tag",
                   name);
    names.push_back(reference.str());
  }
  return names;
}

// Nothing is written where the same image has the same names already.
Result<bool> is_there(const image::ImageStore& images, const oci::Digest& id, const oci::Digest& manifest,
                      const std::vector<std::string>& names) {
  const auto image = TRY(images.image(id));
  if (!image || image->manifest != manifest) return false;
  for (const std::string& name : names) {
    const auto named = TRY(images.image_named(name));
    if (!named || named->id != id) return false;
  }
  return true;
}

// Puts the image into the store, under the names of `result`.
Result<BuildResult> store_image(const Session& session, const BuildRequest& request,
                                std::optional<std::int64_t> epoch, const StageState& state,
                                BuildResult result) {
  image::ImageStore& images = *session.places().images;
  const std::string config = oci::to_json(config_of(state, request, epoch));
  result.image = oci::digest_of(config);
  const oci::Manifest manifest{.config = {.media_type = std::string(oci::media_type::kOciConfig),
                                          .digest = result.image,
                                          .size = config.size()},
                               .layers = state.layers};
  const std::string bytes = oci::to_json(manifest);
  result.manifest = oci::digest_of(bytes);
  if (TRY(is_there(images, result.image, result.manifest, result.names))) return result;
  TRY(session.lease().add(config));
  TRY(session.lease().add_manifest(bytes, manifest));
  TRY(unpack_layers(session, state));
  const image::Image image = TRY(image::unpack_new_image(images, session.snapshots(), result.manifest));
  std::vector<image::NewName> names;
  for (const std::string& name : result.names) names.push_back({name, result.manifest});
  TRY(images.put_image(image, names));
  return result;
}

// Saving is from the store, so an image that is not to be kept is there without a name meanwhile.
Result<BuildResult> write_archives(const Session& session, const BuildRequest& request,
                                   std::optional<std::int64_t> epoch, const StageState& state) {
  image::ImageStore& images = *session.places().images;
  BuildResult result = TRY(store_image(session, request, epoch, state, {}));
  const std::vector<std::string> names = TRY(full_names(request));
  for (const ExportArchive& archive : request.archives)
    TRY(image::save(images, {result.image.str()}, *archive.tar, {.form = archive.form, .as = names}));
  return result;
}

// One that somebody has named or uses stays.
Result<void> forget_unnamed(image::ImageStore& images, const oci::Digest& id) {
  const auto image = TRY(images.image(id));
  if (!image || !image->names.empty()) return {};
  Result<void> removed = images.remove_image(id);
  return removed || removed.error().code() == Code::Conflict ? Result<void>() : std::move(removed);
}

Result<void> write_tar(Source& files, ByteSink& tar) {
  const SourceTree* tree = TRY(files.tree());
  const UniqueFd directory = TRY(tree->root()->open_path("/", O_RDONLY | O_DIRECTORY));
  return image::export_tar(directory.get(), tar);
}

Result<void> write_directory(Source& files, const std::string& path, Cancel& cancel) {
  TRY(make_directories(path, 0755));
  const UniqueFd directory = TRY(open_at(AT_FDCWD, path, O_RDONLY | O_DIRECTORY));
  const SourceTree* tree = TRY(files.tree());
  std::vector<FileEntry> entries;
  TRY(tree->collect({.path = "", .is_directory = true}, "", {}, entries));
  TreeWriter writer(directory.get(), cancel);
  for (const FileEntry& entry : entries) TRY(writer.add(entry));
  return writer.finish();
}

}  // namespace

Result<BuildResult> export_result(const Session& session, const BuildRequest& request,
                                  std::optional<std::int64_t> epoch, StageState state, Cancel& cancel,
                                  Narrator& narrator) {
  BuildResult result;
  const auto step = [&](const char* name, auto work) -> Result<void> {
    TRY(cancel.check());
    Telling telling(narrator.sink(), {.id = narrator.new_id(), .kind = VertexKind::Export, .name = name});
    return telling.tell(work);
  };
  if (request.keeps_image)
    TRY(step("exporting to image", [&]() -> Result<void> {
      result = TRY(store_image(session, request, epoch, state, {.names = TRY(full_names(request))}));
      return {};
    }));
  if (!request.archives.empty()) {
    const bool was_there =
        request.keeps_image || TRY(session.places().images->image(image_id(request, epoch, state)));
    TRY(step("exporting to an archive", [&]() -> Result<void> {
      BuildResult archived = TRY(write_archives(session, request, epoch, state));
      if (!request.keeps_image) result = std::move(archived);
      return {};
    }));
    if (!was_there) TRY(forget_unnamed(*session.places().images, result.image));
  }
  if (!request.tar && !request.directory) return result;
  const auto files = layers_source(session, std::move(state));
  if (request.tar) TRY(step("exporting to a tar", [&] { return write_tar(*files, *request.tar->tar); }));
  if (request.directory)
    TRY(step("exporting to a directory",
             [&] { return write_directory(*files, request.directory->path, cancel); }));
  return result;
}

}  // namespace gantry::build
