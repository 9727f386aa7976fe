// SPDX-License-Identifier: Apache-2.0
//
// GET /system/df: what images, containers, volumes and the build cache take on disk.
#include <algorithm>

#include "base/json_codec.h"
#include "base/timestamp.h"
#include "build/builder.h"
#include "docker/call.h"
#include "docker/container_views.h"
#include "docker/endpoints.h"
#include "docker/image_views.h"
#include "docker/volume_views.h"
#include "engine/disk_usage.h"
#include "engine/engine.h"

namespace gantry::docker {
namespace {

using json::Presence;

// BuildCache.
struct CacheView {
  std::string id;
  std::string type = "regular";
  std::string description;
  bool in_use = false;
  bool shared = false;
  std::uint64_t size = 0;
  std::string created_at, last_used_at;  // RFC 3339
};

void fields(json::Fields& f, CacheView& view) {
  f("ID", view.id, Presence::Always);
  f("Type", view.type, Presence::Always);
  f("Description", view.description, Presence::Always);
  f("InUse", view.in_use, Presence::Always);
  f("Shared", view.shared, Presence::Always);
  f("Size", view.size, Presence::Always);
  f("CreatedAt", view.created_at, Presence::Always);
  f("LastUsedAt", view.last_used_at, Presence::Always);
}

// DiskUsage of the API up to 1.51. What was not asked for is null.
struct DiskUsage {
  std::uint64_t layers_size = 0;
  std::optional<std::vector<ImageSummary>> images;
  std::optional<std::vector<ContainerSummary>> containers;
  std::optional<std::vector<VolumeView>> volumes;
  std::optional<std::vector<CacheView>> build_cache;
  std::uint64_t builder_size = 0;  // clients before 1.42 read it in place of the records
};

void fields(json::Fields& f, DiskUsage& usage) {
  f("LayersSize", usage.layers_size, Presence::Always);
  f("Images", usage.images, Presence::Always);
  f("Containers", usage.containers, Presence::Always);
  f("Volumes", usage.volumes, Presence::Always);
  f("BuildCache", usage.build_cache, Presence::Always);
  f("BuilderSize", usage.builder_size, Presence::Always);
}

// What the client wants to know; without the parameter everything.
struct Wanted {
  bool images = true, containers = true, volumes = true, build_cache = true;

  static Result<Wanted> parse(const http::Query& query) {
    const std::vector<std::string_view> types = query.all("type");
    if (types.empty()) return Wanted{};
    Wanted wanted{false, false, false, false};
    for (const std::string_view type : types) {
      if (type == "image")
        wanted.images = true;
      else if (type == "container")
        wanted.containers = true;
      else if (type == "volume")
        wanted.volumes = true;
      else if (type == "build-cache")
        wanted.build_cache = true;
      else
        return error(Code::InvalidArgument, "unknown object type: {}", type);
    }
    return wanted;
  }
};

Result<void> add_images(const Context& context, ApiVersion version, DiskUsage& usage) {
  const std::vector<image::Image> images = TRY(context.images.images());
  SharedSizes sizes = TRY(shared_sizes(context.images, context.snapshots, images));
  std::map<std::string, std::int64_t> users;  // by image
  for (const engine::ContainerRef& container : context.engine.list()) ++users[container->settings->image];
  usage.layers_size = sizes.all_layers;
  for (const image::Image& image : images) {
    ImageSummary summary = summary_of(image, version);
    summary.shared_size = static_cast<std::int64_t>(sizes.shared[image.id]);
    summary.containers = users[summary.id];
    usage.images->push_back(std::move(summary));
  }
  return {};
}

Result<void> add_containers(const Context& context, ApiVersion version, DiskUsage& usage) {
  const std::int64_t now = wall_clock_ns();
  for (const engine::ContainerRef& container : context.engine.list()) {
    auto found = engine::container_size(context.snapshots, engine::Engine::snapshot_key(*container));
    if (!found && found.error().code() == Code::NotFound) continue;  // it was removed meanwhile
    const engine::ContainerSize size = TRY(std::move(found));
    ContainerSummary summary = summary_of(*container, version, now);
    summary.size_rw = static_cast<std::int64_t>(size.written);
    summary.size_root_fs = static_cast<std::int64_t>(size.whole);
    usage.containers->push_back(std::move(summary));
  }
  return {};
}

void add_volumes(const Context& context, DiskUsage& usage) {
  for (const engine::VolumeSize& size : engine::volume_sizes(context.engine.volumes())) {
    VolumeView view = view_of(*size.volume);
    view.usage_data = {.size = size.bytes, .ref_count = size.users};
    usage.volumes->push_back(std::move(view));
  }
}

Result<void> add_build_cache([[maybe_unused]] const Context& context, [[maybe_unused]] DiskUsage& usage) {
  for (const build::CacheRecord& record : TRY(context.builder.cache())) {
    usage.builder_size += record.size;
    usage.build_cache->push_back({.id = record.key,
                                  .description = record.description,
                                  .size = record.size,
                                  .created_at = time_text(record.created),
                                  .last_used_at = time_text(record.used)});
  }
  return {};
}

Result<void> disk_usage(const Context& context, Call& call) {
  const Wanted wanted = TRY(Wanted::parse(call.query));
  DiskUsage usage;
  if (wanted.images) {
    usage.images.emplace();
    TRY(add_images(context, call.version, usage));
  }
  if (wanted.containers) {
    usage.containers.emplace();
    TRY(add_containers(context, call.version, usage));
  }
  if (wanted.volumes) {
    usage.volumes.emplace();
    add_volumes(context, usage);
  }
  if (wanted.build_cache) {
    usage.build_cache.emplace();
    TRY(add_build_cache(context, usage));
  }
  return call.send_object(usage);
}

}  // namespace

std::span<const Route> disk_usage_routes() {
  static constexpr Route kRoutes[] = {{"GET", "/system/df", disk_usage}};
  return kRoutes;
}

}  // namespace gantry::docker
