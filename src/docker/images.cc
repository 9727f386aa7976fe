// SPDX-License-Identifier: Apache-2.0
//
// Images: list, inspect, history, tag, remove, prune.
#include <algorithm>
#include <iterator>

#include "base/json_codec.h"
#include "docker/call.h"
#include "docker/endpoints.h"
#include "docker/image_events.h"
#include "docker/image_filters.h"
#include "docker/image_removal.h"
#include "docker/image_views.h"
#include "engine/engine.h"
#include "oci/image/reference.h"

namespace gantry::docker {
namespace {

using image::Image;

Result<void> list(const Context& context, Call& call) {
  const ImageFilter filter = TRY(ImageFilter::parse(call.text("filters"), context.images));
  const std::vector<Image> all = TRY(context.images.images());
  SharedSizes sizes;
  const bool with_shared = call.flag("shared-size");
  if (with_shared) sizes = TRY(shared_sizes(context.images, context.snapshots, all));
  std::vector<ImageSummary> summaries;
  for (const Image& image : filter.apply(all)) {
    summaries.push_back(summary_of(image, call.version));
    if (with_shared) summaries.back().shared_size = static_cast<std::int64_t>(sizes.shared[image.id]);
  }
  return call.send_object(summaries);
}

Result<void> inspect(const Context& context, Call& call) {
  const Image image = TRY(find_image(context, call.parameter(0)));
  return call.send_object(TRY(details_of(context.images, image, call.version)));
}

Result<void> history(const Context& context, Call& call) {
  const Image image = TRY(find_image(context, call.parameter(0)));
  return call.send_object(TRY(history_of(context.images, context.snapshots, image)));
}

Result<void> tag(const Context& context, Call& call) {
  oci::Reference name = TRY_DURING(oci::Reference::parse(call.text("repo")), "invalid reference format");
  if (name.digest()) return error(Code::InvalidArgument, "refusing to create a tag with a digest reference");
  if (const std::string wanted = call.text("tag"); !wanted.empty())
    name = TRY_DURING(name.with_tag(wanted), "invalid tag format");
  const Image image = TRY(find_image(context, call.parameter(0)));
  TRY(context.images.tag(image.id, name.str()));
  publish_image_event(context, "tag", image, name.familiar());
  return call.send(201);
}

// They belong to images that are kept by their manifests' platforms; docker's own store has none either.
Result<void> attestations(const Context& context, Call& call) {
  TRY(context.images.resolve(call.parameter(0)));
  return error(Code::Unsupported, "attestations are not part of this engine's image store");
}

Result<void> remove(const Context& context, Call& call) {
  return call.send_object(TRY(remove_image(context, call.parameter(0), call.flag("force"))).items);
}

struct PruneAnswer {
  std::vector<RemovedItem> images_deleted;
  std::uint64_t space_reclaimed = 0;
};

void fields(json::Fields& f, PruneAnswer& answer) {
  f("ImagesDeleted", answer.images_deleted, json::Presence::Always);
  f("SpaceReclaimed", answer.space_reclaimed, json::Presence::Always);
}

// Only those without a name, unless the filter "dangling=false" asks for all that no container uses.
Result<void> prune(const Context& context, Call& call) {
  const ImageFilter filter = TRY(ImageFilter::parse_for_prune(call.text("filters")));
  PruneAnswer answer;
  for (const Image& image : filter.apply(TRY(context.images.images()))) {
    Removed removed = TRY(prune_image(context, image));
    answer.space_reclaimed += removed.bytes;
    std::ranges::move(removed.items, std::back_inserter(answer.images_deleted));
  }
  context.engine.events().publish({.type = "image",
                                   .action = "prune",
                                   .attributes = {{"reclaimed", std::to_string(answer.space_reclaimed)}}});
  return call.send_object(answer);
}

}  // namespace

std::span<const Route> image_routes() {
  static constexpr Route kRoutes[] = {
      {"GET", "/images/json", list},
      {"POST", "/images/prune", prune},
      {"GET", "/images/{name...}/json", inspect},
      {"GET", "/images/{name...}/history", history},
      {"GET", "/images/{name...}/attestations", attestations},
      {"POST", "/images/{name...}/tag", tag},
      {"DELETE", "/images/{name...}", remove},
  };
  return kRoutes;
}

}  // namespace gantry::docker
