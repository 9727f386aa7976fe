// SPDX-License-Identifier: Apache-2.0
//
// Images of a daemon: listed, looked into, named, removed.
#include <algorithm>

#include "base/human.h"
#include "cli/docker/confirm.h"
#include "cli/docker/document_format.h"
#include "cli/docker/each.h"
#include "cli/docker/engine_client.h"
#include "cli/docker/filters.h"
#include "cli/docker/image_names.h"
#include "cli/docker/image_verbs.h"
#include "cli/docker/listing.h"
#include "cli/docker/moment.h"
#include "cli/user_config.h"
#include "oci/image/reference.h"

namespace gantry::cli::docker {
namespace {

std::string image_path(const std::string& name, std::string_view action = "") {
  return fmt::format("/images/{}{}", path_part(name), action);
}

std::string size_text(const json::Value& object) {
  return human_size(static_cast<std::uint64_t>(std::max<std::int64_t>(number_in(object, "Size"), 0)));
}

// ---- images

struct ListOptions {
  bool all = false, digests = false, no_trunc = false, quiet = false;
  std::string format;
  Words filter;
  std::vector<Option> table() {
    return {{'a', "all", "", &all, "Those of intermediate steps, too"},
            {0, "digests", "", &digests, "Show digests"},
            filter_option('f', filter, "Only those: dangling=, label=, before=, since=, reference="),
            {0, "format", "FORMAT", &format, "table, json, or a template: '{{.Repository}}:{{.Tag}}'"},
            {0, "no-trunc", "", &no_trunc, "Show whole ids"},
            {'q', "quiet", "", &quiet, "Ids only"}};
  }
};

constexpr Listing::Column kColumns[] = {
    {"Repository", "REPOSITORY"}, {"Tag", "TAG"},   {"Digest", "DIGEST", false},       {"ID", "IMAGE ID"},
    {"CreatedSince", "CREATED"},  {"Size", "SIZE"}, {"CreatedAt", "CREATED AT", false}};

Result<int> list(Context& context, const ListOptions& options, const Words& words) {
  EngineClient engine = TRY(EngineClient::of(context));
  Words filters = options.filter;
  if (!words.empty()) filters.push_back("reference=" + words[0]);
  const json::Document images = TRY(
      engine.get("/images/json", {{"all", options.all ? "1" : ""}, {"filters", filters_parameter(filters)}}));
  Listing listing(kColumns);
  if (options.digests) listing.show("Digest");
  std::string ids;
  for (std::size_t i = 0; i < images.root().size(); ++i) {
    const json::Value image = images.root().at(i);
    std::string id = text_in(image, "Id");
    if (!options.no_trunc) id = short_id(id);
    const std::int64_t created = number_in(image, "Created");
    for (const NamedImage& name : names_of(image)) {
      ids += id + "\n";
      listing.add({.cells = {name.repository, name.tag, name.digest, id, ago(created), size_text(image),
                             local_time(created)},
                   .labels = {}});
    }
  }
  TRY(print(options.quiet && options.format.empty()
                ? ids
                : TRY(listing.text(or_configured(options.format, user_config().images_format)))));
  return 0;
}

// ---- one image

struct HistoryOptions {
  bool human = true, no_trunc = false, quiet = false;
  std::string format;
  std::vector<Option> table() {
    return {{0, "format", "FORMAT", &format, "table, json, or a template: '{{.CreatedBy}}'"},
            {'H', "human", "", &human, "Sizes and times for people: false gives bytes, and moments"},
            {0, "no-trunc", "", &no_trunc, "Show all of each column"},
            {'q', "quiet", "", &quiet, "Ids only"}};
  }
};

constexpr Listing::Column kHistoryColumns[] = {
    {"ID", "IMAGE"},  {"CreatedSince", "CREATED"}, {"CreatedBy", "CREATED BY"},
    {"Size", "SIZE"}, {"Comment", "COMMENT"},      {"CreatedAt", "CREATED AT", false}};

Result<int> history(Context& context, const HistoryOptions& options, const Words& words) {
  constexpr std::size_t kWidth = 45;
  EngineClient engine = TRY(EngineClient::of(context));
  const json::Document steps = TRY(engine.get(image_path(words[0], "/history")));
  Listing listing(kHistoryColumns);
  std::string ids;
  for (std::size_t i = 0; i < steps.root().size(); ++i) {
    const json::Value step = steps.root().at(i);
    const std::string id = short_id(text_in(step, "Id"), options.no_trunc);
    std::string made_by = text_in(step, "CreatedBy");
    std::ranges::replace(made_by, '\t', ' ');
    if (!options.no_trunc) made_by = shortened(std::move(made_by), kWidth);
    const std::int64_t created = number_in(step, "Created");
    ids += id + "\n";
    listing.add({.cells = {id, options.human ? ago(created) : rfc3339(created), made_by,
                           options.human ? size_text(step) : std::to_string(number_in(step, "Size")),
                           text_in(step, "Comment"), rfc3339(created)},
                 .labels = {}});
  }
  TRY(print(options.quiet ? ids : TRY(listing.text(options.format))));
  return 0;
}

// ---- what changes them

Result<int> tag(Context& context, const NoOptions&, const Words& words) {
  EngineClient engine = TRY(EngineClient::of(context));
  const oci::Reference name = TRY(oci::Reference::parse(words[1]));
  if (name.digest()) return error(Code::InvalidArgument, "refusing to create a tag with a digest reference");
  TRY(engine.post(image_path(words[0], "/tag"),
                  {{"repo", name.untagged().str()}, {"tag", name.tag().value_or("")}}));
  return 0;
}

struct RemoveOptions {
  bool force = false, no_prune = false;
  std::vector<Option> table() {
    return {{'f', "force", "", &force, "Also what stopped containers use, and all names of an id"},
            {0, "no-prune", "", &no_prune, "Keep parents without a name"}};
  }
};

Result<int> remove(Context& context, const RemoveOptions& options, const Words& names) {
  EngineClient engine = TRY(EngineClient::of(context));
  const auto remove_one = [&](const std::string& name) -> Result<std::string> {
    auto response = TRY(engine.send(
        {.method = "DELETE",
         .path = image_path(name),
         .parameters = {{"force", options.force ? "1" : ""}, {"noprune", options.no_prune ? "1" : ""}}}));
    const json::Document answer = TRY(json::Document::parse(TRY(response.read_body())));
    std::string told;
    for (std::size_t i = 0; i < answer.root().size(); ++i)
      for (const char* what : {"Untagged", "Deleted"})
        if (const std::string text = text_in(answer.root().at(i), what); !text.empty())
          told += fmt::format("{}{}: {}", told.empty() ? "" : "\n", what, text);
    return told;
  };
  return for_each_name(names, remove_one, options.force ? IfMissing::Tell : IfMissing::Fail);
}

struct PruneOptions {
  bool all = false, force = false;
  Words filter;
  std::vector<Option> table() {
    return {{'a', "all", "", &all, "All that no container uses, not only those without a name"},
            filter_option(0, filter, "Only those: until=, label="),
            {'f', "force", "", &force, "Do not ask"}};
  }
};

Result<int> prune(Context& context, const PruneOptions& options, const Words&) {
  if (!options.force &&
      !TRY(confirm(options.all ? "This will remove all images without at least one container "
                                 "associated to them."
                               : "This will remove all dangling images.")))
    return nothing_pruned();
  EngineClient engine = TRY(EngineClient::of(context));
  Words filters = options.filter;
  filters.push_back(fmt::format("dangling={}", !options.all));
  TRY(print(TRY(prune_report(engine, "/images/prune", filters, "ImagesDeleted", "Deleted Images:"))));
  return 0;
}

}  // namespace

const Verb kRemoteImages = make_verb<ListOptions, list>("ls", "[REPOSITORY[:TAG]]", {0, 1}, "List images");
const Verb kRemoteHistory =
    make_verb<HistoryOptions, history>("history", "IMAGE", {1, 1}, "Show how an image came to be");
const Verb kRemoteTag =
    make_verb<NoOptions, tag>("tag", "IMAGE NAME[:TAG]", {2, 2}, "Give an image one more name");
const Verb kRemoteRemove = make_verb<RemoveOptions, remove>("rm", "IMAGE...", {1, kAny}, "Remove images");
const Verb kRemotePrune =
    make_verb<PruneOptions, prune>("prune", "", {0, 0}, "Remove images that nobody uses");

}  // namespace gantry::cli::docker
