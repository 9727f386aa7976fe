// SPDX-License-Identifier: Apache-2.0
//
// gantry system: df, prune; info and version are in files of their own.
#include <algorithm>
#include <array>

#include "base/human.h"
#include "cli/docker/confirm.h"
#include "cli/docker/engine_client.h"
#include "cli/docker/listing.h"
#include "cli/docker/usage.h"
#include "cli/docker/verbs.h"

namespace gantry::cli::docker {
namespace {

struct FormatOptions {
  std::string format;
  std::vector<Option> table() {
    return {{'f', "format", "FORMAT", &format, "json, or a template: '{{.ServerVersion}}'"}};
  }
};

// ---- df

struct Usage {
  std::string_view name;
  std::uint64_t total = 0, active = 0;
  std::int64_t size = 0, reclaimable = 0;  // bytes
};

std::int64_t number_of(const json::Value& object, std::string_view key) {
  const auto value = object.find(key);
  return value ? value->as_int64().value_or(0) : 0;
}

// Calls `add` for each element of a list of the answer.
template <class Add>
Usage usage_of(const json::Document& answer, std::string_view name, std::string_view key, Add add) {
  Usage usage{.name = name};
  const auto list = answer.root().find(key);
  for (std::size_t i = 0; list && i < list->size(); ++i) {
    ++usage.total;
    add(usage, list->at(i));
  }
  return usage;
}

void add_sized(Usage& usage, std::int64_t size, bool is_active) {
  usage.size += size;
  if (is_active)
    ++usage.active;
  else
    usage.reclaimable += size;
}

void add_image(Usage& usage, const json::Value& image) {
  const std::int64_t shared = std::max<std::int64_t>(number_of(image, "SharedSize"), 0);
  add_sized(usage, number_of(image, "Size") - shared, number_of(image, "Containers") > 0);
}

void add_container(Usage& usage, const json::Value& container) {
  const auto state = container.find("State");
  add_sized(usage, number_of(container, "SizeRw"), state && state->as_string() == "running");
}

void add_volume(Usage& usage, const json::Value& volume) {
  const auto data = volume.find("UsageData");
  if (data)
    add_sized(usage, std::max<std::int64_t>(number_of(*data, "Size"), 0), number_of(*data, "RefCount") > 0);
}

void add_cache(Usage& usage, const json::Value& record) {
  const auto in_use = record.find("InUse");
  add_sized(usage, number_of(record, "Size"), in_use && in_use->as_bool());
}

constexpr Listing::Column kUsageColumns[] = {{"Type", "TYPE"},
                                             {"TotalCount", "TOTAL"},
                                             {"Active", "ACTIVE"},
                                             {"Size", "SIZE"},
                                             {"Reclaimable", "RECLAIMABLE"}};

std::string share_text(const Usage& usage) {
  const std::string size =
      human_size(static_cast<std::uint64_t>(std::max<std::int64_t>(usage.reclaimable, 0)));
  if (usage.size <= 0) return size;
  return fmt::format("{} ({}%)", size, usage.reclaimable * 100 / usage.size);
}

Result<int> disk_usage(Context& context, const FormatOptions& options, const Words&) {
  EngineClient engine = TRY(EngineClient::of(context));
  const json::Document answer = TRY(engine.get("/system/df"));
  Usage images = usage_of(answer, "Images", "Images", add_image);
  // Layers that images share are counted once.
  if (const std::int64_t layers = number_of(answer.root(), "LayersSize"); layers > 0) images.size = layers;
  Listing listing(kUsageColumns);
  for (const Usage& usage : {images, usage_of(answer, "Containers", "Containers", add_container),
                             usage_of(answer, "Local Volumes", "Volumes", add_volume),
                             usage_of(answer, "Build Cache", "BuildCache", add_cache)})
    listing.add({.cells = {std::string(usage.name), std::to_string(usage.total), std::to_string(usage.active),
                           human_size(static_cast<std::uint64_t>(std::max<std::int64_t>(usage.size, 0))),
                           share_text(usage)},
                 .labels = {}});
  TRY(print(TRY(listing.text(options.format))));
  return 0;
}

// ---- prune

struct PruneOptions {
  bool all = false, force = false, volumes = false;
  Words filter;
  std::vector<Option> table() {
    return {{'a', "all", "", &all, "Images that no container uses, too, not only those without a name"},
            {0, "filter", "NAME=VALUE", &filter, "Only those: until=, label="},
            {'f', "force", "", &force, "Do not ask"},
            {0, "volumes", "", &volumes, "Anonymous volumes, too"}};
  }
};

std::string warning_of(const PruneOptions& options) {
  return fmt::format(
      "This will remove:\n  - all stopped containers\n  - all networks not used by at least one container\n{}"
      "  - {}\n  - unused build cache\n",
      options.volumes ? "  - all anonymous volumes not used by at least one container\n" : "",
      options.all ? "all images without at least one container associated to them" : "all dangling images");
}

Result<int> prune(Context& context, const PruneOptions& options, const Words&) {
  if (!options.force && !TRY(confirm(warning_of(options)))) return 0;
  EngineClient engine = TRY(EngineClient::of(context));
  Words image_filter = options.filter;
  image_filter.push_back(fmt::format("dangling={}", !options.all));
  struct Part {
    std::string_view path, key, title;
    const Words* filter;
    bool is_on;
  };
  const std::array parts = {
      Part{"/containers/prune", "ContainersDeleted", "Deleted Containers:", &options.filter, true},
      Part{"/networks/prune", "NetworksDeleted", "Deleted Networks:", &options.filter, true},
      Part{"/volumes/prune", "VolumesDeleted", "Deleted Volumes:", &options.filter, options.volumes},
      Part{"/images/prune", "ImagesDeleted", "Deleted Images:", &image_filter, true},
      Part{"/build/prune", "CachesDeleted", "Deleted build cache objects:", &options.filter, true}};
  for (const Part& part : parts)
    if (part.is_on)
      TRY(print(TRY(prune_report(engine, std::string(part.path), *part.filter, part.key, part.title))));
  return 0;
}

}  // namespace

std::span<const Verb> system_verbs() {
  static const std::array kVerbs = {
      kSystemCheck,
      make_verb<FormatOptions, disk_usage>("df", "", {0, 0}, "Show what takes space on disk"),
      kEvents,
      kInfo,
      make_verb<PruneOptions, prune>("prune", "", {0, 0}, "Remove what nobody uses"),
      kUsageReport,
  };
  return kVerbs;
}

}  // namespace gantry::cli::docker
