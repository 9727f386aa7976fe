// SPDX-License-Identifier: Apache-2.0
//
// Images of a daemon on their way: from and to registries, from and to files; and what a registry has.
#include <fcntl.h>
#include <unistd.h>

#include "base/byte_stream.h"
#include "base/file.h"
#include "cli/docker/document_format.h"
#include "cli/docker/engine_client.h"
#include "cli/docker/filters.h"
#include "cli/docker/image_verbs.h"
#include "cli/docker/listing.h"
#include "cli/docker/message_view.h"
#include "cli/docker/pull.h"
#include "cli/docker/terminal.h"
#include "cli/output_file.h"

namespace gantry::cli::docker {
namespace {

MessageView view_of(bool quiet) { return quiet ? MessageView::Quiet : MessageView::Shown; }

// ---- registries

struct PullOptions {
  bool all_tags = false, quiet = false;
  std::string platform;
  std::vector<Option> table() {
    return {{'a', "all-tags", "", &all_tags, "All tags of the repository"},
            {0, "platform", "OS/ARCH", &platform, "Of an image for several, the one for this platform"},
            {'q', "quiet", "", &quiet, "Show no progress"}};
  }
};

// As docker says what was meant where a name says neither tag nor digest.
Result<void> tell_default_tag(const std::string& name) {
  const oci::Reference written = TRY(oci::Reference::parse_untagged(name));
  if (!written.tag() && !written.digest())
    TRY(print(fmt::format("Using default tag: {}\n", oci::kDefaultTag)));
  return {};
}

// Without a tag where all are meant.
Result<oci::Reference> wanted_image(const PullOptions& options, const std::string& name) {
  if (!options.all_tags) return oci::Reference::parse(name);
  oci::Reference image = TRY(oci::Reference::parse_untagged(name));
  if (image.tag() || image.digest())
    return error(Code::InvalidArgument, "tag can't be used with --all-tags/-a");
  return image;
}

Result<int> pull(Context& context, const PullOptions& options, const Words& names) {
  EngineClient engine = TRY(EngineClient::of(context));
  for (const std::string& name : names) {
    const oci::Reference image = TRY(wanted_image(options, name));
    if (!options.quiet && !options.all_tags) TRY(tell_default_tag(name));
    TRY(pull_image(engine, image, options.platform, STDOUT_FILENO, view_of(options.quiet)));
    TRY(print(image.str() + "\n"));
  }
  return 0;
}

struct PushOptions {
  bool all_tags = false, quiet = false;
  std::vector<Option> table() {
    return {{'a', "all-tags", "", &all_tags, "All tags of the repository"},
            {'q', "quiet", "", &quiet, "Show no progress"}};
  }
};

Result<int> push(Context& context, const PushOptions& options, const Words& names) {
  EngineClient engine = TRY(EngineClient::of(context));
  const oci::Reference written = TRY(oci::Reference::parse_untagged(names[0]));
  if (options.all_tags && written.tag())
    return error(Code::InvalidArgument, "tag can't be used with --all-tags/-a");
  const oci::Reference image = TRY(oci::Reference::parse(names[0]));
  if (!options.all_tags && !options.quiet) TRY(tell_default_tag(names[0]));
  // Without a tag the daemon takes all.
  const std::string tag = options.all_tags ? "" : image.tag().value_or("");
  const std::string credentials = TRY(registry_auth(image));
  auto response = TRY(engine.send({.method = "POST",
                                   .path = "/images/" + path_part(image.untagged().str()) + "/push",
                                   .parameters = {{"tag", tag}},
                                   .headers = {{"X-Registry-Auth", credentials}}}));
  TRY(show_messages(response.body(), STDOUT_FILENO, view_of(options.quiet)));
  if (options.quiet) TRY(print((options.all_tags ? image.untagged() : image).str() + "\n"));
  return 0;
}

struct SearchOptions {
  bool no_trunc = false;
  std::optional<std::int64_t> limit;
  std::string format;
  Words filter;
  std::vector<Option> table() {
    return {filter_option('f', filter, "Only those: is-official=, stars="),
            {0, "format", "FORMAT", &format, "table, json, or a template: '{{.Name}}'"},
            {0, "limit", "NUMBER", &limit, "At most so many (default 25)"},
            {0, "no-trunc", "", &no_trunc, "Show whole descriptions"}};
  }
};

constexpr Listing::Column kSearchColumns[] = {
    {"Name", "NAME"}, {"Description", "DESCRIPTION"}, {"StarCount", "STARS"}, {"IsOfficial", "OFFICIAL"}};

Result<int> search(Context& context, const SearchOptions& options, const Words& words) {
  constexpr std::size_t kWidth = 45;
  EngineClient engine = TRY(EngineClient::of(context));
  const std::string& term = words[0];
  const auto reference = oci::Reference::parse(term);
  const std::string credentials = reference ? TRY(registry_auth(*reference)) : "e30=";
  auto response = TRY(
      engine.send({.path = "/images/search",
                   .parameters = {{"term", term},
                                  {"limit", options.limit ? std::to_string(*options.limit) : std::string()},
                                  {"filters", filters_parameter(options.filter)}},
                   .headers = {{"X-Registry-Auth", credentials}}}));
  const json::Document found = TRY(json::Document::parse(TRY(response.read_body())));
  Listing listing(kSearchColumns);
  for (std::size_t i = 0; i < found.root().size(); ++i) {
    const json::Value item = found.root().at(i);
    std::string description = text_in(item, "description");
    if (!options.no_trunc) description = shortened(std::move(description), kWidth);
    listing.add(
        {.cells = {text_in(item, "name"), std::move(description),
                   std::to_string(number_in(item, "star_count")), flag_in(item, "is_official") ? "[OK]" : ""},
         .labels = {}});
  }
  TRY(print(TRY(listing.text(options.format))));
  return 0;
}

// ---- files

struct SaveOptions {
  std::string output;
  std::vector<Option> table() {
    return {{'o', "output", "FILE", &output, "Where to write (default: standard output)"}};
  }
};

Result<int> save(Context& context, const SaveOptions& options, const Words& names) {
  EngineClient engine = TRY(EngineClient::of(context));
  OutputFile file = TRY(OutputFile::open(options.output));
  Parameters parameters;
  for (const std::string& name : names) parameters.emplace_back("names", name);
  auto response = TRY(engine.send({.path = "/images/get", .parameters = std::move(parameters)}));
  TRY(copy(response.body(), file));
  TRY(file.commit());
  return 0;
}

// A file's bytes; of "-" and of no name those of standard input.
class InputFile final : public ByteSource {
 public:
  static Result<InputFile> open(const std::string& path) {
    if (path.empty() || path == "-") return InputFile(UniqueFd());
    return InputFile(TRY(open_at(AT_FDCWD, path, O_RDONLY)));
  }
  Result<std::size_t> read(std::span<std::byte> into) override {
    for (;;) {
      const ssize_t got = ::read(file_ ? file_.get() : STDIN_FILENO, into.data(), into.size());
      if (got >= 0) return static_cast<std::size_t>(got);
      if (errno != EINTR) return sys_error("read the file to send");
    }
  }

 private:
  explicit InputFile(UniqueFd file) : file_(std::move(file)) {}
  UniqueFd file_;  // none: standard input
};

struct LoadOptions {
  std::string input;
  bool quiet = false;
  std::vector<Option> table() {
    return {{'i', "input", "FILE", &input, "What to read (default: standard input)"},
            {'q', "quiet", "", &quiet, "Show no progress"}};
  }
};

Result<int> load(Context& context, const LoadOptions& options, const Words&) {
  EngineClient engine = TRY(EngineClient::of(context));
  InputFile file = TRY(InputFile::open(options.input));
  // Bars are for those who watch.
  const bool is_quiet = options.quiet || !is_terminal(STDOUT_FILENO);
  auto response = TRY(engine.send({.method = "POST",
                                   .path = "/images/load",
                                   .parameters = {{"quiet", is_quiet ? "1" : "0"}},
                                   .source = &file,
                                   .headers = {{"Content-Type", "application/x-tar"}}}));
  TRY(show_messages(response.body(), STDOUT_FILENO, MessageView::Shown));
  return 0;
}

struct ImportOptions {
  Words change;
  std::string message, platform;
  std::vector<Option> table() {
    return {{'c', "change", "INSTRUCTION", &change, "Of a Dockerfile, to apply: 'CMD [\"sh\"]'"},
            {'m', "message", "TEXT", &message, "What the history says"},
            {0, "platform", "OS/ARCH", &platform, "Which platform it is for"}};
  }
};

Result<int> import(Context& context, const ImportOptions& options, const Words& words) {
  EngineClient engine = TRY(EngineClient::of(context));
  const bool is_url = words[0].starts_with("http://") || words[0].starts_with("https://");
  InputFile file = TRY(InputFile::open(is_url ? "" : words[0]));
  Parameters parameters = {{"fromSrc", is_url ? words[0] : std::string("-")},
                           {"message", options.message},
                           {"platform", options.platform}};
  for (const std::string& change : options.change) parameters.emplace_back("changes", change);
  if (words.size() > 1) {
    const oci::Reference name = TRY(oci::Reference::parse(words[1]));
    parameters.emplace_back("repo", name.untagged().str());
    parameters.emplace_back("tag", name.tag().value_or(""));
  }
  auto response = TRY(engine.send({.method = "POST",
                                   .path = "/images/create",
                                   .parameters = std::move(parameters),
                                   .source = is_url ? nullptr : &file,
                                   .headers = {{"Content-Type", "application/x-tar"}}}));
  TRY(show_messages(response.body(), STDOUT_FILENO, MessageView::Shown));
  return 0;
}

}  // namespace

const Verb kRemotePull =
    make_verb<PullOptions, pull>("pull", "NAME[:TAG|@DIGEST]...", {1, kAny}, "Bring images from a registry");
const Verb kRemotePush =
    make_verb<PushOptions, push>("push", "NAME[:TAG]", {1, 1}, "Send an image to a registry");
const Verb kSearch =
    make_verb<SearchOptions, search>("search", "TERM", {1, 1}, "Look for images in a registry");
const Verb kRemoteSave =
    make_verb<SaveOptions, save>("save", "IMAGE...", {1, kAny}, "Write images to a file");
const Verb kRemoteLoad = make_verb<LoadOptions, load>("load", "", {0, 0}, "Read images from a file");
const Verb kRemoteImport =
    make_verb<ImportOptions, import>("import", "FILE|- [NAME[:TAG]]", {1, 2}, "Make an image of a flat tar");

}  // namespace gantry::cli::docker
