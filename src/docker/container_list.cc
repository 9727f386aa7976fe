// SPDX-License-Identifier: Apache-2.0
//
// GET /containers/json and /containers/{id}/json.
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/timestamp.h"
#include "docker/container_filters.h"
#include "docker/container_views.h"
#include "docker/endpoints.h"
#include "engine/engine.h"

namespace gantry::docker {
namespace {

// What the names of images mean now, each looked up once for a listing.
class ImageNameLookup {
 public:
  explicit ImageNameLookup(const image::ImageStore& images) : images_(images) {}

  // The name that a container was made with, as long as it means the same image; else the image's id.
  const std::string& shown(const engine::ContainerSettings& settings) {
    const auto [found, is_new] = ids_.try_emplace(settings.image_name);
    if (is_new)
      if (const auto image = images_.resolve(settings.image_name)) found->second = image->id.str();
    return found->second == settings.image || settings.image.empty() ? settings.image_name : settings.image;
  }

 private:
  const image::ImageStore& images_;
  std::map<std::string, std::string> ids_;  // by name; empty: there is none
};

struct Sizes {
  std::optional<std::int64_t> rw, root_fs;  // bytes
};

// What the container has written, and that together with its image.
Result<Sizes> sizes_of(const Context& context, const engine::ContainerRecord& record) {
  auto written = context.snapshots.usage(engine::Engine::snapshot_key(record));
  if (!written && written.error().code() == Code::NotFound) return Sizes{};  // it is being removed
  if (!written) return std::move(written).error();
  Sizes sizes{.rw = static_cast<std::int64_t>(written->bytes),
              .root_fs = static_cast<std::int64_t>(written->bytes)};
  if (const auto image = context.images.resolve(record.settings->image))
    *sizes.root_fs += static_cast<std::int64_t>(image->unpacked_size);
  return sizes;
}

// Whether a container is shown that no filter keeps out.
bool is_in_view(const engine::ContainerRecord& record, bool all) {
  return all || record.state.is_running() || record.state.status == engine::Status::Restarting;
}

Result<void> list_containers(const Context& context, Call& call) {
  const auto filter = TRY(ContainerFilter::parse(call.text("filters"), context.engine, context.images));
  const std::int64_t limit = TRY(call.number("limit")).value_or(0);
  const bool all = call.flag("all") || limit > 0 || filter.names_states();
  const bool with_sizes = call.flag("size");
  const engine::TimeNs now = wall_clock_ns();

  ImageNameLookup images(context.images);
  const auto link_names = context.engine.link_names();
  json::Writer writer;
  writer.begin_array();
  std::int64_t count = 0;
  for (const engine::ContainerRef& record : context.engine.list()) {
    if (!is_in_view(*record, all) || !filter.accepts(*record)) continue;
    ContainerSummary summary = summary_of(*record, call.version, now);
    summary.image = images.shown(*record->settings);
    if (const auto linked = link_names.find(record->id); linked != link_names.end())
      summary.names.insert(summary.names.end(), linked->second.begin(), linked->second.end());
    if (with_sizes) {
      const Sizes sizes = TRY(sizes_of(context, *record));
      summary.size_rw = sizes.rw;
      summary.size_root_fs = sizes.root_fs;
    }
    json::encode(writer, summary);
    if (++count == limit) break;
  }
  writer.end_array();
  return call.send_json(std::move(writer).text());
}

Result<void> inspect_container(const Context& context, Call& call) {
  const engine::ContainerRef record = TRY(context.engine.find(call.parameter(0)));
  ContainerDetails details = details_of(*record, context.engine.paths(*record), call.version);
  details.host_config.links = context.engine.links_of(*record);
  std::vector<std::string> execs;
  for (const engine::ExecRef& exec : context.engine.execs_of(*record))
    if (exec->status == engine::ExecStatus::Running) execs.push_back(exec->id);
  if (!execs.empty()) details.exec_ids = std::move(execs);
  if (call.flag("size")) {
    const Sizes sizes = TRY(sizes_of(context, *record));
    details.size_rw = sizes.rw;
    details.size_root_fs = sizes.root_fs;
  }
  return call.send_object(details);
}

}  // namespace

std::span<const Route> container_view_routes() {
  static constexpr Route kRoutes[] = {
      {"GET", "/containers/json", list_containers},
      {"GET", "/containers/{id...}/json", inspect_container},
  };
  return kRoutes;
}

}  // namespace gantry::docker
