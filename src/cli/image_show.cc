// SPDX-License-Identifier: Apache-2.0
//
// ls, inspect, history.
#include <algorithm>

#include <fmt/format.h>

#include "base/hex.h"
#include "base/human.h"
#include "base/json.h"
#include "base/json_codec.h"
#include "base/table.h"
#include "base/timestamp.h"
#include "cli/image.h"
#include "cli/image_filter.h"
#include "image/unpack_image.h"
#include "oci/image/image_config.h"
#include "oci/image/reference.h"

namespace gantry::cli {
namespace {

using image::Image;

std::string age(std::int64_t created) {
  if (created == 0) return "N/A";
  const std::int64_t seconds = (wall_clock_ns() - created) / 1'000'000'000;
  return human_duration(std::chrono::seconds(std::max<std::int64_t>(seconds, 0))) + " ago";
}

// ---- ls

struct ListOptions {
  bool quiet = false;
  bool no_trunc = false;
  bool digests = false;
  std::string format = "table";
  std::vector<std::string> filters;

  std::vector<Option> table() {
    return {{'q', "quiet", "", &quiet, "Show ids only"},
            {0, "no-trunc", "", &no_trunc, "Show ids whole"},
            {0, "digests", "", &digests, "Show what the names stand for"},
            {0, "format", "FORMAT", &format, "table or json (an object a line)"},
            {'f', "filter", "FILTER", &filters, "dangling=true, label=KEY[=VALUE] or reference=PATTERN"}};
  }
};

std::string json_line(const Line& line) {
  json::Writer writer(json::Style::Compact);
  writer.begin_object();
  writer.key("Repository").value(line.repository);
  writer.key("Tag").value(line.tag);
  writer.key("ID").value(line.image->id.str());
  writer.key("Digest").value(line.digest.str());
  writer.key("CreatedAt").value(line.image->created);
  writer.key("Size").value(line.image->size);
  writer.key("UnpackedSize").value(line.image->unpacked_size);
  writer.key("Platform").value(line.image->platform);
  writer.end_object();
  return std::move(writer).text() + "\n";
}

Result<int> list(Context& context, const ListOptions& options, const Words& words) {
  if (options.format != "table" && options.format != "json")
    return error(Code::InvalidArgument, "option '--format' is either table or json, not '{}'",
                 options.format);
  std::vector<std::string> filters = options.filters;
  if (!words.empty()) filters.push_back("reference=" + words[0]);
  const Filter filter = TRY(Filter::parse(filters));
  const Store store = TRY(open_store(context));
  const std::vector<Image> images = TRY(store.images->images());
  const auto id_of = [&](const Image& image) {
    return options.no_trunc ? image.id.str() : to_hex(image.id.hash().first(6));
  };

  Table::Row titles = {"REPOSITORY", "TAG"};
  if (options.digests) titles.emplace_back("DIGEST");
  titles.insert(titles.end(), {"IMAGE ID", "CREATED", "SIZE"});
  Table table(titles);
  std::string plain;
  for (const Image& image : images)
    for (Line& line : lines_of(image)) {
      if (!filter.accepts(line)) continue;
      if (options.quiet) {
        plain += id_of(image) + "\n";
        break;  // once, however many names it has
      }
      if (options.format == "json") {
        plain += json_line(line);
        continue;
      }
      Table::Row row;
      row.reserve(titles.size());
      row.push_back(std::move(line.repository));
      row.push_back(std::move(line.tag));
      if (options.digests) row.push_back(line.digest.str());
      row.push_back(id_of(image));
      row.push_back(age(image.created));
      row.push_back(human_size(image.unpacked_size == 0 ? image.size : image.unpacked_size));
      table.add(std::move(row));
    }
  TRY(print(options.quiet || options.format == "json" ? plain : table.text()));
  return 0;
}

// ---- inspect

// In the words of docker's image inspect, and what only we know.
Result<void> write_image(json::Writer& writer, const Store& store, const Image& image) {
  const oci::ImageConfig config = TRY(image::read_config(*store.images, image));
  writer.begin_object();
  writer.key("Id").value(image.id.str());
  writer.key("RepoTags").begin_array();
  for (const Line& line : lines_of(image))
    if (line.tag != "<none>") writer.value(line.repository + ":" + line.tag);
  writer.end_array();
  writer.key("RepoDigests").begin_array();
  for (const Line& line : lines_of(image))
    if (line.repository != "<none>") writer.value(line.repository + "@" + line.digest.str());
  writer.end_array();
  writer.key("Manifest").value(image.manifest.str());
  writer.key("Created").value(config.created);
  writer.key("Author").value(config.author);
  writer.key("Architecture").value(config.platform.architecture);
  if (!config.platform.variant.empty()) writer.key("Variant").value(config.platform.variant);
  writer.key("Os").value(config.platform.os);
  writer.key("Size").value(image.size);
  writer.key("UnpackedSize").value(image.unpacked_size);
  writer.key("Config");
  json::encode(writer, config.config);
  writer.key("RootFS").begin_object();
  writer.key("Type").value(config.rootfs.type);
  writer.key("Layers").begin_array();
  for (const oci::Digest& diff_id : config.rootfs.diff_ids) writer.value(diff_id.str());
  writer.end_array();
  writer.end_object();
  writer.end_object();
  return {};
}

Result<int> inspect(Context& context, const NoOptions&, const Words& names) {
  const Store store = TRY(open_store(context));
  json::Writer writer(json::Style::Indented);
  writer.begin_array();
  for (const std::string& name : names) TRY(write_image(writer, store, TRY(store.images->resolve(name))));
  writer.end_array();
  TRY(print(std::move(writer).text() + "\n"));
  return 0;
}

// ---- history

Result<int> history(Context& context, const NoOptions&, const Words& names) {
  const Store store = TRY(open_store(context));
  const Image image = TRY(store.images->resolve(names[0]));
  const oci::ImageConfig config = TRY(image::read_config(*store.images, image));
  Table table({"CREATED", "CREATED BY", "COMMENT"});
  for (auto step = config.history.rbegin(); step != config.history.rend(); ++step)
    table.add({age(parse_timestamp(step->created).value_or(0)), step->created_by, step->comment});
  TRY(print(table.text()));
  return 0;
}

}  // namespace

const Verb kList = make_verb<ListOptions, list>("ls", "[REPOSITORY[:TAG]]", {0, 1}, "List images");
const Verb kInspect =
    make_verb<NoOptions, inspect>("inspect", "IMAGE...", {1, kAny}, "Show all about images, as JSON");
const Verb kHistory =
    make_verb<NoOptions, history>("history", "IMAGE", {1, 1}, "Show how an image came to be");

}  // namespace gantry::cli
