// SPDX-License-Identifier: Apache-2.0
//
// gantry ps.
#include <ctime>

#include "cli/docker/container_summary.h"
#include "cli/docker/filters.h"
#include "cli/docker/listing.h"
#include "cli/docker/moment.h"
#include "cli/docker/verbs.h"
#include "cli/user_config.h"

namespace gantry::cli::docker {
namespace {

struct PsOptions {
  bool all = false, latest = false, no_trunc = false, quiet = false, size = false;
  std::optional<std::int64_t> last;
  std::string format;
  Words filter;

  std::vector<Option> table() {
    return {{'a', "all", "", &all, "Those that do not run, too"},
            filter_option('f', filter, "Only those: status=, name=, label=, ancestor=, network= ..."),
            {0, "format", "FORMAT", &format, "table, json, or a template: '{{.Names}}: {{.Status}}'"},
            {'n', "last", "NUMBER", &last, "The last that were created, whatever their state"},
            {'l', "latest", "", &latest, "The last one"},
            {0, "no-trunc", "", &no_trunc, "Show all of each column"},
            {'q', "quiet", "", &quiet, "Ids only"},
            {'s', "size", "", &size, "Show how much they have written"}};
  }
};

constexpr Listing::Column kColumns[] = {
    {"ID", "CONTAINER ID"},
    {"Image", "IMAGE"},
    {"Command", "COMMAND"},
    {"RunningFor", "CREATED"},
    {"Status", "STATUS"},
    {"Ports", "PORTS"},
    {"Names", "NAMES"},
    {"Size", "SIZE", false},
    {"State", "STATE", false},
    {"CreatedAt", "CREATED AT", false},
    {"Labels", "LABELS", false},
    {"Mounts", "MOUNTS", false},
    {"Networks", "NETWORKS", false},
    {"LocalVolumes", "LOCAL VOLUMES", false},
};

std::string mounts_text(const ContainerSummary& container, bool whole) {
  constexpr std::size_t kWidth = 15;
  std::string text;
  for (const MountSummary& mount : container.mounts) {
    std::string name = mount.name.empty() ? mount.source : mount.name;
    if (!whole) name = shortened(std::move(name), kWidth);
    text += (text.empty() ? "" : ",") + name;
  }
  return text;
}

std::string networks_text(const ContainerSummary& container) {
  std::string text;
  for (const auto& [name, endpoint] : container.network_settings.networks)
    text += (text.empty() ? "" : ",") + name;
  return text;
}

Listing::Row row_of(const ContainerSummary& container, const PsOptions& options) {
  return {.cells = {short_id(container.id, options.no_trunc), image_text(container, options.no_trunc),
                    command_text(container, options.no_trunc), ago(container.created), container.status,
                    ports_text(container.ports), names_text(container.names, options.no_trunc),
                    size_text(container), container.state, local_time(container.created),
                    labels_text(container.labels), mounts_text(container, options.no_trunc),
                    networks_text(container), volumes_text(container)},
          .labels = container.labels};
}

Result<int> ps(Context& context, const PsOptions& options, const Words&) {
  EngineClient engine = TRY(EngineClient::of(context));
  const std::string& format =
      options.quiet ? options.format : or_configured(options.format, user_config().ps_format);
  const bool wants_size = options.size || format.find("{{.Size}}") != std::string::npos;
  const std::int64_t limit = options.latest ? 1 : options.last.value_or(0);
  const auto containers =
      TRY(list_containers(engine, {{"all", options.all ? "1" : ""},
                                   {"limit", limit > 0 ? std::to_string(limit) : std::string()},
                                   {"size", wants_size ? "1" : ""},
                                   {"filters", filters_parameter(options.filter)}}));
  if (options.quiet && options.format.empty()) {
    std::string text;
    for (const ContainerSummary& container : containers)
      text += short_id(container.id, options.no_trunc) + "\n";
    TRY(print(text));
    return 0;
  }
  Listing listing(kColumns);
  if (options.size) listing.show("Size");
  for (const ContainerSummary& container : containers) listing.add(row_of(container, options));
  TRY(print(TRY(listing.text(format))));
  return 0;
}

}  // namespace

const Verb kPs = with_alias(make_verb<PsOptions, ps>("ls", "", {0, 0}, "List containers"), "ps");

}  // namespace gantry::cli::docker
