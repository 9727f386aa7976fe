// SPDX-License-Identifier: Apache-2.0
#include "docker/image_views.h"

#include <algorithm>

#include "base/json.h"
#include "base/timestamp.h"
#include "image/unpack_image.h"
#include "oci/image/chain_id.h"
#include "oci/image/image_config.h"
#include "oci/image/reference.h"

namespace gantry::docker {

using image::Image;
using json::Presence;

static constexpr std::int64_t kNsPerSecond = 1'000'000'000;
// Since then `Size` says it all, and names that are not there are left out.
static constexpr ApiVersion kWithoutVirtualSize{1, 44};
static constexpr ApiVersion kWithoutNoneNames{1, 43};

static std::uint64_t size_of(const Image& image) {
  return image.unpacked_size > 0 ? image.unpacked_size : image.size;
}

static std::optional<std::uint64_t> virtual_size_of(const Image& image, ApiVersion version) {
  if (version >= kWithoutVirtualSize) return std::nullopt;
  return size_of(image);
}

ImageNames names_of(const Image& image) {
  ImageNames names;
  for (const Image::Name& name : image.names) {
    const auto reference = oci::Reference::parse_untagged(name.name);
    if (!reference) continue;  // a name of somebody else's making
    if (reference->tag()) names.tags.push_back(reference->without_digest().familiar());
    std::string digest = reference->untagged().with_digest(name.target).familiar();
    if (std::ranges::find(names.digests, digest) == names.digests.end())
      names.digests.push_back(std::move(digest));
  }
  return names;
}

// ---- A line of the list

void fields(json::Fields& f, ImageSummary& summary) {
  f("Id", summary.id, Presence::Always);
  f("ParentId", summary.parent_id, Presence::Always);
  f("RepoTags", summary.repo_tags, Presence::Always);
  f("RepoDigests", summary.repo_digests, Presence::Always);
  f("Created", summary.created, Presence::Always);
  f("Size", summary.size, Presence::Always);
  f("SharedSize", summary.shared_size, Presence::Always);
  f("VirtualSize", summary.virtual_size);
  f("Labels", summary.labels, Presence::Always);
  f("Containers", summary.containers, Presence::Always);
}

ImageSummary summary_of(const Image& image, ApiVersion version) {
  ImageNames names = names_of(image);
  if (version < kWithoutNoneNames && names.tags.empty() && names.digests.empty())
    names = {.tags = {"<none>:<none>"}, .digests = {"<none>@<none>"}};
  return {.id = image.id.str(),
          .parent_id = {},
          .repo_tags = std::move(names.tags),
          .repo_digests = std::move(names.digests),
          .created = image.created / kNsPerSecond,
          .size = size_of(image),
          .virtual_size = virtual_size_of(image, version),
          .labels = image.labels};
}

// ---- Everything about one

static void fields(json::Fields& f, ImageDetails::GraphDriver& driver) {
  f("Data", driver.data, Presence::Always);
  f("Name", driver.name, Presence::Always);
}

static void fields(json::Fields& f, ImageDetails::RootFs& rootfs) {
  f("Type", rootfs.type, Presence::Always);
  f("Layers", rootfs.layers);
}

static void fields(json::Fields& f, ImageDetails::Metadata& metadata) {
  f("LastTagTime", metadata.last_tag_time, Presence::Always);
}

void fields(json::Fields& f, ImageDetails& details) {
  f("Id", details.id, Presence::Always);
  f("RepoTags", details.repo_tags, Presence::Always);
  f("RepoDigests", details.repo_digests, Presence::Always);
  f("Parent", details.parent, Presence::Always);
  f("Comment", details.comment, Presence::Always);
  f("Created", details.created);
  f("Container", details.container, Presence::Always);
  f("ContainerConfig", details.container_config);
  f("DockerVersion", details.docker_version, Presence::Always);
  f("Author", details.author, Presence::Always);
  f("Config", details.config, Presence::Always);
  f("Architecture", details.architecture, Presence::Always);
  f("Variant", details.variant);
  f("Os", details.os, Presence::Always);
  f("OsVersion", details.os_version);
  f("Size", details.size, Presence::Always);
  f("VirtualSize", details.virtual_size);
  f("GraphDriver", details.graph_driver, Presence::Always);
  f("RootFS", details.rootfs, Presence::Always);
  f("Metadata", details.metadata, Presence::Always);
}

// Docker's words for the same settings: the image's are a subset of a container's, under the same keys.
static Result<container::Config> config_of(const oci::ContainerConfig& config) {
  const json::Document document = TRY(json::Document::parse(json::encode(config)));
  return json::decode<container::Config>(document.root());
}

static std::int64_t last_named(const Image& image) {
  std::int64_t last = 0;
  for (const Image::Name& name : image.names) last = std::max(last, name.updated);
  return last;
}

static std::string timestamp_of(std::int64_t nanoseconds) {
  if (nanoseconds == 0) return "0001-01-01T00:00:00Z";  // Go's zero time
  return format_timestamp({.tv_sec = static_cast<time_t>(nanoseconds / kNsPerSecond),
                           .tv_nsec = static_cast<long>(nanoseconds % kNsPerSecond)});
}

Result<ImageDetails> details_of(const image::ImageStore& store, const Image& image, ApiVersion version) {
  const oci::ImageConfig config = TRY(image::read_config(store, image));
  ImageNames names = names_of(image);
  ImageDetails details{.id = image.id.str(),
                       .repo_tags = std::move(names.tags),
                       .repo_digests = std::move(names.digests),
                       .comment = config.history.empty() ? "" : config.history.back().comment,
                       .created = config.created,
                       .author = config.author,
                       .architecture = config.platform.architecture,
                       .variant = config.platform.variant,
                       .os = config.platform.os,
                       .os_version = config.platform.os_version,
                       .size = size_of(image),
                       .virtual_size = virtual_size_of(image, version),
                       .graph_driver = {.name = "overlay2", .data = {}},
                       .rootfs = {.type = config.rootfs.type, .layers = {}},
                       .metadata = {.last_tag_time = timestamp_of(last_named(image))}};
  details.config = TRY(config_of(config.config));
  // Gone from 1.45, but docker-compose 1.29 fails without it whatever version it speaks.
  details.container_config = details.config;
  for (const oci::Digest& diff_id : config.rootfs.diff_ids) details.rootfs.layers.push_back(diff_id.str());
  return details;
}

// ---- How it came to be

void fields(json::Fields& f, HistoryItem& item) {
  f("Comment", item.comment, Presence::Always);
  f("Created", item.created, Presence::Always);
  f("CreatedBy", item.created_by, Presence::Always);
  f("Id", item.id, Presence::Always);
  f("Size", item.size, Presence::Always);
  f("Tags", item.tags, Presence::Always);
}

static Result<std::uint64_t> layer_size(const image::Snapshots& snapshots, const oci::Digest& chain_id) {
  const auto layer = TRY(snapshots.layer(chain_id));
  return layer ? layer->size : 0;  // 0: it was not unpacked yet
}

Result<std::vector<HistoryItem>> history_of(const image::ImageStore& store, const image::Snapshots& snapshots,
                                            const Image& image) {
  const oci::ImageConfig config = TRY(image::read_config(store, image));
  const std::vector<oci::Digest> chain = oci::chain_ids(config.rootfs.diff_ids);
  std::vector<HistoryItem> items;
  std::size_t layer = 0;
  for (const oci::History& step : config.history) {
    HistoryItem item{.id = "<missing>",
                     .created = parse_timestamp(step.created).value_or(0) / kNsPerSecond,
                     .created_by = step.created_by,
                     .comment = step.comment};
    if (!step.empty_layer && layer < chain.size()) item.size = TRY(layer_size(snapshots, chain[layer++]));
    items.push_back(std::move(item));
  }
  // Nothing says how the other layers came to be, but they are there.
  for (; layer < chain.size(); ++layer) {
    const auto size = TRY(layer_size(snapshots, chain[layer]));
    items.push_back({.id = "<missing>", .created = image.created / kNsPerSecond, .size = size});
  }
  std::ranges::reverse(items);
  if (!items.empty()) {
    items.front().id = image.id.str();
    items.front().tags = names_of(image).tags;
  }
  return items;
}

// ---- What is shared

Result<SharedSizes> shared_sizes(const image::ImageStore& store, const image::Snapshots& snapshots,
                                 const std::vector<Image>& images) {
  struct Use {
    std::uint64_t size = 0;
    unsigned images = 0;
  };
  std::map<oci::Digest, Use> uses;  // by chain id
  SharedSizes sizes;
  for (const image::Layer& layer : TRY(snapshots.layers())) {
    uses[layer.chain_id].size = layer.size;
    sizes.all_layers += layer.size;
  }
  std::map<oci::Digest, std::vector<oci::Digest>> chains;  // by image
  for (const Image& image : images) {
    auto& chain = chains[image.id];
    chain = oci::chain_ids(TRY(image::read_config(store, image)).rootfs.diff_ids);
    for (const oci::Digest& id : chain) ++uses[id].images;
  }
  for (const auto& [id, chain] : chains)
    for (const oci::Digest& layer : chain)
      if (uses[layer].images > 1) sizes.shared[id] += uses[layer].size;
  return sizes;
}

}  // namespace gantry::docker
