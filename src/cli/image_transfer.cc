// SPDX-License-Identifier: Apache-2.0
//
// pull, push.
#include <fmt/format.h>

#include "cli/image.h"
#include "cli/progress_view.h"
#include "image/transfer/puller.h"
#include "image/transfer/pusher.h"

namespace gantry::cli {
namespace {

struct PullOptions {
  std::string platform;
  std::string progress = "auto";
  bool quiet = false;
  bool unpack = false;
  int parallel = static_cast<int>(image::PullOptions().parallel_layers);

  std::vector<Option> table() {
    return {{0, "platform", "OS/ARCH", &platform,
             "Of an image for several, the one for this platform (default: this host's)"},
            {0, "progress", "FORM", &progress, "auto, bars, lines, json or none"},
            {'q', "quiet", "", &quiet, "Show the digest only"},
            {0, "unpack", "", &unpack, "Unpack also what is in the store already"},
            {0, "parallel", "COUNT", &parallel, "Layers to fetch at once"}};
  }
};

Result<int> pull(Context& context, const PullOptions& options, const Words& names) {
  Store store = TRY(open_store_to_unpack(context));
  image::Registries registries(TRY(image::RegistriesOptions::from_host()));
  const ProgressForm form = TRY(parse_progress_form(options.quiet ? "none" : options.progress));
  image::PullOptions how{.platform = TRY(parse_platform(options.platform)), .unpack_all = options.unpack};
  if (options.parallel < 1) return error(Code::InvalidArgument, "option '--parallel' is at least 1");
  how.parallel_layers = static_cast<unsigned>(options.parallel);
  for (const std::string& name : names) {
    const oci::Reference reference = TRY(oci::Reference::parse(name));
    const auto progress = show_progress(form);
    const image::Pulled pulled =
        TRY(image::pull(*store.images, *store.snapshots, registries, reference, how, *progress));
    const std::string status =
        fmt::format("Digest: {}\nStatus: {} for {}\n", pulled.digest.str(),
                    pulled.is_new ? "Downloaded newer image" : "Image is up to date", reference.familiar());
    TRY(print(options.quiet ? pulled.digest.str() + "\n" : status));
  }
  return 0;
}

struct PushOptions {
  std::string platform;
  std::string format;
  std::string source;
  std::string progress = "auto";
  bool quiet = false;

  std::vector<Option> table() {
    return {{0, "platform", "OS/ARCH", &platform, "Of an image for several, the one for this platform"},
            {0, "format", "FORMAT", &format, "Send manifests as oci or docker (default: as they are)"},
            {0, "source", "IMAGE", &source, "The image to send, if it has another name here"},
            {0, "progress", "FORM", &progress, "auto, bars, lines, json or none"},
            {'q', "quiet", "", &quiet, "Show the digest only"}};
  }
};

Result<std::optional<oci::Format>> parse_format(const std::string& word) {
  if (word.empty()) return std::nullopt;
  if (word == "oci") return oci::Format::Oci;
  if (word == "docker") return oci::Format::Docker;
  return error(Code::InvalidArgument, "option '--format' is either oci or docker, not '{}'", word);
}

Result<int> push(Context& context, const PushOptions& options, const Words& names) {
  Store store = TRY(open_store(context));
  image::Registries registries(TRY(image::RegistriesOptions::from_host()));
  const ProgressForm form = TRY(parse_progress_form(options.quiet ? "none" : options.progress));
  const oci::Reference reference = TRY(oci::Reference::parse(names[0]));
  image::PushOptions how{.source = options.source};
  how.platform = TRY(parse_platform(options.platform));
  how.format = TRY(parse_format(options.format));
  const auto progress = show_progress(form);
  const image::Pushed pushed = TRY(image::push(*store.images, registries, reference, how, *progress));
  TRY(print(options.quiet ? pushed.digest.str() + "\n"
                          : fmt::format("{}: digest: {} size: {}\n", reference.tag().value_or(""),
                                        pushed.digest.str(), pushed.size)));
  return 0;
}

}  // namespace

const Verb kPull =
    make_verb<PullOptions, pull>("pull", "NAME[:TAG|@DIGEST]...", {1, kAny}, "Bring images from a registry");
const Verb kPush = make_verb<PushOptions, push>("push", "NAME[:TAG]", {1, 1}, "Send an image to a registry");

}  // namespace gantry::cli
