// SPDX-License-Identifier: Apache-2.0
#include "build/base_image.h"

#include <utility>

#include "base/printable.h"
#include "base/timestamp.h"
#include "build/step_root.h"
#include "image/transfer/puller.h"
#include "image/unpack_image.h"
#include "oci/image/manifest.h"
#include "oci/image/media_type.h"
#include "oci/image/reference.h"

namespace gantry::build {
namespace {

// What images that begin with nothing have in docker's builder and in buildah.
constexpr const char* kDefaultPath = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

// A pull's progress as that of a vertex.
class PullProgress final : public image::ProgressSink {
 public:
  PullProgress(const VertexId& vertex, build::ProgressSink& progress)
      : vertex_(vertex), progress_(progress) {}
  void on_blob(const image::TransferEvent& event) override {
    using enum image::TransferState;
    const std::string what = event.blob.digest.str();
    if (event.state == Downloading) progress_.on_transfer(vertex_, what, event.done, event.total);
    if (event.state == Done) progress_.on_transfer(vertex_, what, event.blob.size, event.blob.size);
  }
  void on_note(std::string_view line) override {
    progress_.on_log(vertex_, LogStream::Err, std::string(line) + "\n");
  }

 private:
  const VertexId& vertex_;
  build::ProgressSink& progress_;
};

bool runs_on(const image::Image& image, const oci::Platform& wanted) {
  const auto platform = oci::Platform::parse(image.platform);
  return !platform || oci::match(wanted, *platform).has_value();
}

Result<image::Image> pull_image(image::ImageStore& images, image::Snapshots& snapshots,
                                const std::string& name, const oci::Platform& platform,
                                const BaseImageOptions& options, Cancel& cancel,
                                image::ProgressSink& progress) {
  const oci::Reference reference = TRY(oci::Reference::parse(name));
  image::PullOptions pull{
      .platform = platform, .credentials = {}, .download = {}, .cancellation = &cancel.transfers()};
  if (options.credentials != nullptr)
    if (const auto found = options.credentials->find(reference.registry());
        found != options.credentials->end())
      pull.credentials = found->second;
  if (!pull.credentials && options.find_credentials != nullptr && *options.find_credentials)
    pull.credentials = TRY((*options.find_credentials)(reference.registry()));
  const image::Pulled pulled = TRY_DURING(
      image::pull(images, snapshots, *options.registries, reference, pull, progress), "pull '{}'", name);
  auto image = TRY(images.image(pulled.id));
  if (!image) return error(Code::NotFound, "image '{}' was removed while it was pulled", name);
  return *std::move(image);
}

// The layers' types in the words of the format that we write.
Result<oci::Descriptor> as_oci_layer(oci::Descriptor layer) {
  const auto type = oci::layer_type(layer.media_type);
  if (!type) return error(Code::Unsupported, "a layer of type '{}'", printable(layer.media_type));
  if (const auto name = oci::layer_media_type(oci::Format::Oci, *type)) layer.media_type = std::string(*name);
  return layer;
}

Result<StageState> state_of_image(const Session& session, const image::Image& image) {
  const image::ContentStore& content = session.content();
  TRY(session.lease().hold(image.manifest));
  const oci::Manifest manifest =
      TRY(oci::parse_manifest(TRY(content.read(image.manifest, oci::kMaxManifestBytes))));
  StageState state;
  state.image = TRY(image::read_config(*session.places().images, image));
  TRY(oci::check_matches(state.image, manifest));
  const std::vector<oci::Digest> diff_ids = std::exchange(state.image.rootfs.diff_ids, {});
  for (std::size_t i = 0; i < diff_ids.size(); ++i)
    state.add_layer(TRY(as_oci_layer(manifest.layers[i])), diff_ids[i]);
  if (const auto top = state.top()) TRY(session.lease().hold(*top));
  state.created = parse_timestamp(state.image.created).value_or(0);
  return state;
}

}  // namespace

StageState empty_stage(const oci::Platform& platform) {
  StageState state;
  state.image.platform = platform;
  state.image.config.env = {kDefaultPath};
  return state;
}

Result<StageState> load_base_image(const Session& session, const std::string& name,
                                   const oci::Platform& platform, const BaseImageOptions& options,
                                   Cancel& cancel, const VertexId& vertex, ProgressSink& progress) {
  image::ImageStore& images = *session.places().images;
  Result<image::Image> image = error(Code::NotFound, "image '{}' is not in the store", printable(name));
  const bool may_pull = options.registries != nullptr;
  if (!options.pull || !may_pull) image = images.resolve(name);
  const bool is_usable = image && runs_on(*image, platform);
  if (!is_usable && may_pull && (image || image.error().code() == Code::NotFound)) {
    PullProgress pull_progress(vertex, progress);
    image = pull_image(images, session.snapshots(), name, platform, options, cancel, pull_progress);
  }
  if (!image) return std::move(image).error();
  if (!runs_on(*image, platform))
    return error(Code::NotFound, "image '{}' is for {}, not for {}", printable(name), image->platform,
                 platform.str());
  return TRY_DURING(state_of_image(session, *image), "image '{}'", printable(name));
}

Result<void> unpack_layers(const Session& session, const StageState& state) {
  const auto top = state.top();
  if (!top) return {};
  auto all = session.snapshots().layers_of(*top);
  if (all) return {};
  if (all.error().code() != Code::NotFound) return std::move(all).error();
  std::optional<oci::Digest> parent;
  for (std::size_t i = 0; i < state.layers.size(); ++i) {
    const oci::Digest& diff_id = state.image.rootfs.diff_ids[i];
    TRY(unpack_layer(session, parent, state.layers[i], diff_id));
    parent = oci::chain_id(parent.value_or(oci::Digest()), diff_id);
  }
  return {};
}

}  // namespace gantry::build
