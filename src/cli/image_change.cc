// SPDX-License-Identifier: Apache-2.0
//
// tag, rm, prune, convert.
#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "base/human.h"
#include "cli/image.h"
#include "cli/image_filter.h"
#include "oci/image/convert.h"
#include "oci/image/reference.h"

namespace gantry::cli {
namespace {

using image::Image;

Result<int> tag(Context& context, const NoOptions&, const Words& words) {
  const oci::Reference name = TRY(oci::Reference::parse(words[1]));
  if (name.digest())
    return error(Code::InvalidArgument, "'{}' has a digest; a name is made of a repository and a tag",
                 words[1]);
  Store store = TRY(open_store(context));
  const Image image = TRY(store.images->resolve(words[0]));
  TRY(store.images->tag(image.id, name.str()));
  return 0;
}

// ---- rm

struct RemoveOptions {
  bool force = false;
  bool keep = false;
  std::vector<Option> table() {
    return {{'f', "force", "", &force, "Also if it is used, or has several names"},
            {0, "no-prune", "", &keep, "Leave the freeing of what nothing holds to 'prune'"}};
  }
};

// As docker does it: a name is taken away, and the image goes with its last one; an id takes all names.
Result<std::string> remove_one(Store& store, const std::string& word, bool force) {
  const Image image = TRY(store.images->resolve(word));
  const auto reference = oci::Reference::parse(word);
  const auto named = std::ranges::find_if(
      image.names, [&](const Image::Name& name) { return reference && name.name == reference->str(); });
  if (named != image.names.end() && image.names.size() > 1) {
    TRY(store.images->untag(named->name));
    return fmt::format("Untagged: {}\n", reference->familiar());
  }
  if (named == image.names.end() && image.names.size() > 1 && !force)
    return error(Code::Conflict, "image '{}' has {} names; take them away one by one, or use --force", word,
                 image.names.size());
  TRY(store.images->remove_image(image.id,
                                 force ? image::ImageStore::Force::Yes : image::ImageStore::Force::No));
  std::string text;
  for (const Line& line : lines_of(image))
    if (line.tag != "<none>") text += fmt::format("Untagged: {}:{}\n", line.repository, line.tag);
  return text + fmt::format("Deleted: {}\n", image.id.str());
}

Result<int> remove(Context& context, const RemoveOptions& options, const Words& words) {
  Store store = TRY(open_store(context));
  int status = 0;
  for (const std::string& word : words) {
    const Result<std::string> removed = remove_one(store, word, options.force);
    if (removed) {
      TRY(print(*removed));
    } else {
      context.log.error(removed.error().message());
      status = 1;
    }
  }
  if (!options.keep) TRY(collect(store));
  return status;
}

// ---- prune

struct PruneOptions {
  bool all = false;
  bool force = false;
  std::vector<std::string> filters;
  std::vector<Option> table() {
    return {{'a', "all", "", &all, "Also images that have a name and no user"},
            {'f', "force", "", &force, "Accepted for compatibility: nothing is asked"},
            {0, "filter", "FILTER", &filters, "label=KEY[=VALUE]"}};
  }
};

Result<int> prune(Context& context, const PruneOptions& options, const Words&) {
  const Filter filter = TRY(Filter::parse(options.filters));
  Store store = TRY(open_store(context));
  std::string text;
  for (const Image& image : TRY(store.images->images())) {
    const bool is_free = image.users.empty() && (options.all || image.names.empty());
    if (!is_free || !filter.accepts(lines_of(image)[0])) continue;
    Result<void> removed = store.images->remove_image(image.id);
    if (!removed && removed.error().code() == Code::Conflict) continue;  // somebody uses it by now
    if (!removed) return std::move(removed).error();
    text += fmt::format("Deleted: {}\n", image.id.str());
  }
  const std::uint64_t freed = TRY(collect(store));
  TRY(print(text + fmt::format("Total reclaimed space: {}\n", human_size(freed))));
  return 0;
}

// ---- convert

struct ConvertOptions {
  std::string format = "oci";
  std::vector<Option> table() { return {{0, "format", "FORMAT", &format, "oci or docker"}}; }
};

Result<int> convert(Context& context, const ConvertOptions& options, const Words& words) {
  if (options.format != "oci" && options.format != "docker")
    return error(Code::InvalidArgument, "option '--format' is either oci or docker, not '{}'",
                 options.format);
  const oci::Format format = options.format == "oci" ? oci::Format::Oci : oci::Format::Docker;
  const oci::Reference name = TRY(oci::Reference::parse(words[1]));
  Store store = TRY(open_store(context));
  Image image = TRY(store.images->resolve(words[0]));
  image::Lease lease = TRY(store.images->lease("convert " + words[0]));
  TRY(lease.hold(image.manifest));
  const oci::Manifest manifest = TRY(oci::parse_manifest(TRY(store.images->content().read(image.manifest))));
  const oci::Converted converted = TRY(oci::convert(manifest, format));
  for (const std::string& field : converted.lost)
    context.log.warn("a field has no place in the other format and is left out", {{"field", field}});
  TRY(lease.add_manifest(converted.json, TRY(oci::parse_document(converted.json))));
  TRY(store.images->tag(image.id, name.str(), converted.descriptor.digest));
  TRY(print(converted.descriptor.digest.str() + "\n"));
  return 0;
}

}  // namespace

const Verb kTag = make_verb<NoOptions, tag>("tag", "IMAGE NAME[:TAG]", {2, 2}, "Give an image one more name");
const Verb kRemove = make_verb<RemoveOptions, remove>("rm", "IMAGE...", {1, kAny},
                                                      "Take names away, and images with their last one");
const Verb kPrune = make_verb<PruneOptions, prune>("prune", "", {0, 0},
                                                   "Remove images that nobody uses, and free their space");
const Verb kConvert = make_verb<ConvertOptions, convert>("convert", "IMAGE NAME[:TAG]", {2, 2},
                                                         "Name the same image in the other format");

}  // namespace gantry::cli
