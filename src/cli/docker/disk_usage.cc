// SPDX-License-Identifier: Apache-2.0
//
// gantry system df.
#include <algorithm>
#include <functional>

#include "base/human.h"
#include "cli/docker/container_summary.h"
#include "cli/docker/document_format.h"
#include "cli/docker/engine_client.h"
#include "cli/docker/image_names.h"
#include "cli/docker/listing.h"
#include "cli/docker/moment.h"
#include "cli/docker/verbs.h"

namespace gantry::cli::docker {
namespace {

struct UsageOptions {
  std::string format;
  bool verbose = false;
  std::vector<Option> table() {
    return {{0, "format", "FORMAT", &format, "json, or a template: '{{.Type}} {{.Size}}'"},
            {'v', "verbose", "", &verbose, "Each image, container, volume and step of builds"}};
  }
};

std::string size_text(std::int64_t bytes) {
  return human_size(static_cast<std::uint64_t>(std::max<std::int64_t>(bytes, 0)));
}

// ---- in short: a line for each kind

struct Usage {
  std::string_view name;
  std::uint64_t total = 0, active = 0;
  std::int64_t size = 0, reclaimable = 0;  // bytes
};

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
  const std::int64_t shared = std::max<std::int64_t>(number_in(image, "SharedSize"), 0);
  add_sized(usage, number_in(image, "Size") - shared, number_in(image, "Containers") > 0);
}

void add_container(Usage& usage, const json::Value& container) {
  add_sized(usage, number_in(container, "SizeRw"), text_in(container, "State") == "running");
}

void add_volume(Usage& usage, const json::Value& volume) {
  const auto data = volume.find("UsageData");
  if (data)
    add_sized(usage, std::max<std::int64_t>(number_in(*data, "Size"), 0), number_in(*data, "RefCount") > 0);
}

void add_cache(Usage& usage, const json::Value& record) {
  add_sized(usage, number_in(record, "Size"), flag_in(record, "InUse"));
}

constexpr Listing::Column kUsageColumns[] = {{"Type", "TYPE"},
                                             {"TotalCount", "TOTAL"},
                                             {"Active", "ACTIVE"},
                                             {"Size", "SIZE"},
                                             {"Reclaimable", "RECLAIMABLE"}};

std::string share_text(const Usage& usage) {
  const std::string size = size_text(usage.reclaimable);
  if (usage.size <= 0) return size;
  return fmt::format("{} ({}%)", size, usage.reclaimable * 100 / usage.size);
}

Listing summary_of(const json::Document& answer) {
  Usage images = usage_of(answer, "Images", "Images", add_image);
  // Layers that images share are counted once.
  if (const std::int64_t layers = number_in(answer.root(), "LayersSize"); layers > 0) images.size = layers;
  Listing listing(kUsageColumns);
  for (const Usage& usage : {images, usage_of(answer, "Containers", "Containers", add_container),
                             usage_of(answer, "Local Volumes", "Volumes", add_volume),
                             usage_of(answer, "Build Cache", "BuildCache", add_cache)})
    listing.add({.cells = {std::string(usage.name), std::to_string(usage.total), std::to_string(usage.active),
                           size_text(usage.size), share_text(usage)},
                 .labels = {}});
  return listing;
}

// ---- at length: a table for each kind

constexpr Listing::Column kImageColumns[] = {{"Repository", "REPOSITORY"},
                                             {"Tag", "TAG"},
                                             {"ID", "IMAGE ID"},
                                             {"CreatedSince", "CREATED"},
                                             {"Size", "SIZE"},
                                             {"SharedSize", "SHARED SIZE"},
                                             {"UniqueSize", "UNIQUE SIZE"},
                                             {"Containers", "CONTAINERS"}};

void add_image_rows(Listing& listing, const json::Value& image) {
  const std::int64_t size = number_in(image, "Size");
  const std::int64_t shared = std::max<std::int64_t>(number_in(image, "SharedSize"), 0);
  for (const NamedImage& name : names_of(image))
    listing.add({.cells = {name.repository, name.tag, short_id(text_in(image, "Id")),
                           ago(number_in(image, "Created")), size_text(size), size_text(shared),
                           size_text(size - shared), std::to_string(number_in(image, "Containers"))},
                 .labels = {}});
}

constexpr Listing::Column kContainerColumns[] = {{"ID", "CONTAINER ID"}, {"Image", "IMAGE"},
                                                 {"Command", "COMMAND"}, {"LocalVolumes", "LOCAL VOLUMES"},
                                                 {"Size", "SIZE"},       {"RunningFor", "CREATED"},
                                                 {"Status", "STATUS"},   {"Names", "NAMES"}};

Result<void> add_container_row(Listing& listing, const json::Value& value) {
  const auto container = TRY(json::decode<ContainerSummary>(value));
  listing.add({.cells = {short_id(container.id), image_text(container, false), command_text(container, false),
                         volumes_text(container), size_text(container.size_rw), ago(container.created),
                         container.status, names_text(container.names, false)},
               .labels = container.labels});
  return {};
}

constexpr Listing::Column kVolumeColumns[] = {{"Name", "VOLUME NAME"}, {"Links", "LINKS"}, {"Size", "SIZE"}};

void add_volume_row(Listing& listing, const json::Value& volume) {
  const auto data = volume.find("UsageData");
  listing.add({.cells = {text_in(volume, "Name"), std::to_string(data ? number_in(*data, "RefCount") : 0),
                         size_text(data ? number_in(*data, "Size") : 0)},
               .labels = {}});
}

constexpr Listing::Column kCacheColumns[] = {
    {"ID", "CACHE ID"},          {"CacheType", "CACHE TYPE"},    {"Size", "SIZE"},
    {"CreatedSince", "CREATED"}, {"LastUsedSince", "LAST USED"}, {"UsageCount", "USAGE"},
    {"Shared", "SHARED"}};

void add_cache_row(Listing& listing, const json::Value& record) {
  const auto since = [&](const char* key) { return ago(seconds_of(text_in(record, key))); };
  listing.add({.cells = {short_id(text_in(record, "ID")), text_in(record, "Type"),
                         size_text(number_in(record, "Size")), since("CreatedAt"), since("LastUsedAt"),
                         std::to_string(number_in(record, "UsageCount")),
                         flag_in(record, "Shared") ? "true" : "false"},
               .labels = {}});
}

struct Details {
  Listing images{kImageColumns}, containers{kContainerColumns}, volumes{kVolumeColumns}, cache{kCacheColumns};
  std::int64_t cache_size = 0;  // bytes
};

Result<Details> details_of(const json::Value& answer) {
  const auto list = [&](const char* key) { return answer.find(key); };
  Details details;
  if (const auto images = list("Images"))
    for (std::size_t i = 0; i < images->size(); ++i) add_image_rows(details.images, images->at(i));
  if (const auto containers = list("Containers"))
    for (std::size_t i = 0; i < containers->size(); ++i)
      TRY(add_container_row(details.containers, containers->at(i)));
  if (const auto volumes = list("Volumes"))
    for (std::size_t i = 0; i < volumes->size(); ++i) add_volume_row(details.volumes, volumes->at(i));
  if (const auto records = list("BuildCache"))
    for (std::size_t i = 0; i < records->size(); ++i) {
      add_cache_row(details.cache, records->at(i));
      details.cache_size += number_in(records->at(i), "Size");
    }
  return details;
}

Result<std::string> text_of(const Details& details) {
  return fmt::format(
      "Images space usage:\n\n{}\nContainers space usage:\n\n{}\nLocal Volumes space usage:\n\n{}\n"
      "Build cache usage: {}\n\n{}",
      TRY(details.images.text("")), TRY(details.containers.text("")), TRY(details.volumes.text("")),
      size_text(details.cache_size), TRY(details.cache.text("")));
}

Result<json::Document> document_of(const Details& details) {
  json::Writer writer;
  writer.begin_object();
  writer.key("Images").raw(details.images.json());
  writer.key("Containers").raw(details.containers.json());
  writer.key("Volumes").raw(details.volumes.json());
  writer.key("BuildCache").raw(details.cache.json());
  return json::Document::parse(std::move(writer.end_object()).text());
}

Result<std::string> at_length(const json::Document& answer, const std::string& format) {
  const Details details = TRY(details_of(answer.root()));
  if (format.empty() || format == "table") return text_of(details);
  const json::Document document = TRY(document_of(details));
  return formatted(document.root(), format);
}

Result<int> disk_usage(Context& context, const UsageOptions& options, const Words&) {
  EngineClient engine = TRY(EngineClient::of(context));
  const json::Document answer = TRY(engine.get("/system/df"));
  TRY(print(
      TRY(options.verbose ? at_length(answer, options.format) : summary_of(answer).text(options.format))));
  return 0;
}

}  // namespace

const Verb kDiskUsage =
    make_verb<UsageOptions, disk_usage>("df", "", {0, 0}, "Show what takes space on disk");

}  // namespace gantry::cli::docker
