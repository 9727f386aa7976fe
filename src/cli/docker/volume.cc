// SPDX-License-Identifier: Apache-2.0
//
// gantry volume.
#include <algorithm>
#include <array>

#include "base/json_codec.h"
#include "cli/docker/confirm.h"
#include "cli/docker/each.h"
#include "cli/docker/engine_client.h"
#include "cli/docker/filters.h"
#include "cli/docker/listing.h"
#include "cli/docker/values.h"
#include "cli/docker/verbs.h"
#include "cli/user_config.h"

namespace gantry::cli::docker {
namespace {

struct CreateOptions {
  std::string driver = "local";
  Words label, opt;

  std::vector<Option> table() {
    return {{'d', "driver", "NAME", &driver, "The driver"},
            {0, "label", "KEY=VALUE", &label, "Set a label"},
            {'o', "opt", "KEY=VALUE", &opt, "An option of the driver"}};
  }
};

struct CreateBody {
  std::string name, driver;
  StringMap driver_opts, labels;
};
void fields(json::Fields& f, CreateBody& body) {
  f("Name", body.name);
  f("Driver", body.driver);
  f("DriverOpts", body.driver_opts);
  f("Labels", body.labels);
}

Result<int> create(Context& context, const CreateOptions& options, const Words& words) {
  CreateBody body{
      .name = words.empty() ? "" : words[0], .driver = options.driver, .labels = key_values(options.label)};
  body.driver_opts = TRY(key_values_option("opt", options.opt));
  EngineClient engine = TRY(EngineClient::of(context));
  const json::Document answer = TRY(engine.post_json("/volumes/create", json::encode(body)));
  const auto name = answer.root().find("Name");
  TRY(print(fmt::format("{}\n", name ? name->as_string() : "")));
  return 0;
}

struct ListOptions {
  bool quiet = false, cluster = false;
  std::string format;
  Words filter;

  std::vector<Option> table() {
    return {{0, "cluster", "", &cluster, ""},
            filter_option('f', filter, "Only those: dangling=, driver=, label=, name="),
            {0, "format", "FORMAT", &format, "table, json, or a template: '{{.Name}}'"},
            {'q', "quiet", "", &quiet, "Names only"}};
  }
};

struct Listed {
  std::string name, driver, mountpoint, scope;
  StringMap labels;
};
void fields(json::Fields& f, Listed& volume) {
  f("Name", volume.name);
  f("Driver", volume.driver);
  f("Mountpoint", volume.mountpoint);
  f("Scope", volume.scope);
  f("Labels", volume.labels);
}

struct Answer {
  std::vector<Listed> volumes;
};
void fields(json::Fields& f, Answer& answer) { f("Volumes", answer.volumes); }

constexpr Listing::Column kColumns[] = {
    {"Driver", "DRIVER"},      {"Name", "VOLUME NAME"},     {"Mountpoint", "MOUNTPOINT", false},
    {"Scope", "SCOPE", false}, {"Labels", "LABELS", false}, {"Links", "LINKS", false},
    {"Size", "SIZE", false}};

// What only counting would tell (`system df`).
constexpr const char* kNotCounted = "N/A";

Result<int> list(Context& context, const ListOptions& options, const Words&) {
  EngineClient engine = TRY(EngineClient::of(context));
  const json::Document document =
      TRY(engine.get("/volumes", {{"filters", filters_parameter(options.filter)}}));
  auto volumes = TRY(json::decode<Answer>(document.root())).volumes;
  std::ranges::sort(volumes, {}, &Listed::name);
  Listing listing(kColumns);
  std::string names;
  for (const Listed& volume : volumes) {
    names += volume.name + "\n";
    listing.add({.cells = {volume.driver, volume.name, volume.mountpoint, volume.scope,
                           labels_text(volume.labels), kNotCounted, kNotCounted},
                 .labels = volume.labels});
  }
  TRY(print(options.quiet && options.format.empty()
                ? names
                : TRY(listing.text(or_configured(options.format, user_config().volumes_format)))));
  return 0;
}

struct RemoveOptions {
  bool force = false;
  std::vector<Option> table() { return {{'f', "force", "", &force, "Do not mind what is not there"}}; }
};

Result<int> remove(Context& context, const RemoveOptions& options, const Words& names) {
  EngineClient engine = TRY(EngineClient::of(context));
  return for_each_name(names, [&](const std::string& name) -> Result<std::string> {
    TRY(engine.remove("/volumes/" + path_part(name), {{"force", options.force ? "1" : ""}}));
    return name;
  });
}

struct PruneOptions {
  bool all = false, force = false;
  Words filter;
  std::vector<Option> table() {
    return {{'a', "all", "", &all, "Those with names, too"},
            filter_option(0, filter, "Only those: label="),
            {'f', "force", "", &force, "Do not ask"}};
  }
};

Result<int> prune(Context& context, const PruneOptions& options, const Words&) {
  const std::string_view which = options.all ? "all" : "anonymous";
  const std::string warning =
      fmt::format("This will remove {} local volumes not used by at least one container.", which);
  if (!options.force && !TRY(confirm(warning))) return nothing_pruned();
  Words filters = options.filter;
  if (options.all) filters.emplace_back("all=true");
  EngineClient engine = TRY(EngineClient::of(context));
  TRY(print(TRY(prune_report(engine, "/volumes/prune", filters, "VolumesDeleted", "Deleted Volumes:"))));
  return 0;
}

}  // namespace

std::span<const Verb> volume_verbs() {
  static const std::array kVerbs = {
      make_verb<CreateOptions, create>("create", "[NAME]", {0, 1}, "Create a volume"), kInspectVolume,
      with_alias(make_verb<ListOptions, list>("ls", "", {0, 0}, "List volumes"), "list"),
      make_verb<PruneOptions, prune>("prune", "", {0, 0}, "Remove volumes that nobody uses"),
      with_alias(make_verb<RemoveOptions, remove>("rm", "VOLUME [VOLUME...]", {1, kAny}, "Remove volumes"),
                 "remove")};
  return kVerbs;
}

}  // namespace gantry::cli::docker
