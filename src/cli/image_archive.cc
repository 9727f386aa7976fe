// SPDX-License-Identifier: Apache-2.0
//
// save, load, import.
#include <fcntl.h>
#include <unistd.h>

#include <fmt/format.h>

#include "base/byte_stream.h"
#include "cli/image.h"
#include "cli/output_file.h"
#include "image/archive_io.h"
#include "oci/image/reference.h"

namespace gantry::cli {
namespace {

using image::LoadedImage;

// ---- save

struct SaveOptions {
  std::string output;
  std::string format = "docker";
  std::string platform;
  std::vector<Option> table() {
    return {{'o', "output", "FILE", &output,
             "Where to (default: standard output); with --format oci-dir a directory"},
            {0, "format", "FORMAT", &format, "docker (also an OCI layout), oci, or oci-dir"},
            {0, "platform", "OS/ARCH", &platform, "Of an image for several, the one for this platform"}};
  }
};

Result<int> save(Context& context, const SaveOptions& options, const Words& names) {
  const bool is_directory = options.format == "oci-dir";
  if (options.format != "docker" && options.format != "oci" && !is_directory)
    return error(Code::InvalidArgument, "option '--format' is docker, oci or oci-dir, not '{}'",
                 options.format);
  image::SaveOptions how{
      .form = options.format == "docker" ? image::ArchiveForm::Docker : image::ArchiveForm::Oci,
      .platform = options.platform};
  Store store = TRY(open_store(context));
  if (is_directory) {
    if (options.output.empty())
      return error(Code::InvalidArgument, "a directory has to be named: --output DIR");
    TRY(image::save_to_directory(*store.images, names, options.output, how));
    return 0;
  }
  OutputFile file = TRY(OutputFile::open(options.output));
  TRY(image::save(*store.images, names, file, how));
  TRY(file.commit());
  return 0;
}

// ---- load

struct LoadOptions {
  std::string input;
  std::string name;
  std::string platform;
  bool quiet = false;
  std::vector<Option> table() {
    return {{'i', "input", "PATH", &input,
             "A tar, compressed or not, or an OCI layout directory (default: standard input)"},
            {0, "name", "NAME[:TAG]", &name, "For an image that has none in the archive"},
            {0, "platform", "OS/ARCH", &platform, "Of an image for several, the one for this platform"},
            {'q', "quiet", "", &quiet, "Show no progress"}};
  }
};

std::string describe(const LoadedImage& image) {
  if (image.names.empty()) return fmt::format("Loaded image ID: {}\n", image.config.str());
  std::string text;
  for (const std::string& name : image.names) {
    const auto reference = oci::Reference::parse(name);
    text += fmt::format("Loaded image: {}\n", reference ? reference->familiar() : name);
  }
  return text;
}

Result<int> load(Context& context, const LoadOptions& options, const Words&) {
  Store store = TRY(open_store_to_unpack(context));
  image::LoadOptions how{.name = options.name.empty() ? "" : TRY(oci::Reference::parse(options.name)).str(),
                         .platform = options.platform,
                         .on_loss = warn_of_losses(context)};
  if (!options.quiet)
    how.on_progress = [&](const std::string& line) { context.log.info("load", {{"step", line}}); };
  UniqueFd file;
  if (!options.input.empty()) {
    file = UniqueFd(::open(options.input.c_str(), O_RDONLY | O_CLOEXEC));
    if (!file) return sys_error("open '{}'", options.input);
  }
  std::string text;
  for (const LoadedImage& loaded :
       TRY(image::load(*store.images, *store.snapshots, file ? file.get() : STDIN_FILENO, how)))
    text += describe(loaded);
  TRY(print(text));
  return 0;
}

// ---- import

struct ImportOptions {
  std::string comment;
  std::string config;
  std::string platform;
  std::vector<Option> table() {
    return {{'m', "message", "TEXT", &comment, "For the image's history"},
            {0, "config", "JSON", &config,
             "What to run: an object with Cmd, Env, Entrypoint, User, WorkingDir, ..."},
            {0, "platform", "OS/ARCH", &platform, "What it runs on (default: this host's)"}};
  }
};

Result<int> import(Context& context, const ImportOptions& options, const Words& words) {
  Store store = TRY(open_store_to_unpack(context));
  const image::ImportOptions how{.name = words.size() < 2 ? "" : TRY(oci::Reference::parse(words[1])).str(),
                                 .platform = options.platform,
                                 .comment = options.comment,
                                 .config = options.config,
                                 .on_loss = warn_of_losses(context)};
  UniqueFd file;
  if (words[0] != "-") {
    file = UniqueFd(::open(words[0].c_str(), O_RDONLY | O_CLOEXEC));
    if (!file) return sys_error("open '{}'", words[0]);
  }
  FdSource tar(file ? file.get() : STDIN_FILENO, words[0]);
  const LoadedImage image = TRY(image::import_tar(*store.images, *store.snapshots, tar, how));
  TRY(print(image.config.str() + "\n"));
  return 0;
}

}  // namespace

const Verb kSave = make_verb<SaveOptions, save>("save", "IMAGE...", {1, kAny}, "Write images to a file");
const Verb kLoad = make_verb<LoadOptions, load>("load", "", {0, 0}, "Read images from a file");
const Verb kImport =
    make_verb<ImportOptions, import>("import", "FILE|- [NAME[:TAG]]", {1, 2}, "Make an image of a flat tar");

}  // namespace gantry::cli
