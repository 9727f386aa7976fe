// SPDX-License-Identifier: Apache-2.0
//
// compose: an image from a distribution's packages.
#include <unistd.h>

#include <fmt/format.h>

#include "base/file.h"
#include "base/process.h"
#include "cli/image.h"
#include "image/compose/compose.h"

namespace gantry::cli {
namespace {

constexpr std::size_t kMostDescription = 1 << 20;

struct ComposeOptions {
  std::vector<std::string> names;
  bool quiet = false;
  std::vector<Option> table() {
    return {
        {'t', "tag", "NAME[:TAG]", &names, "A name for the image; may be given several times"},
        {'q', "quiet", "", &quiet, "Print the image's id alone, and nothing of what package managers say"}};
  }
};

Result<std::string> read_description(const std::string& path) {
  if (path == "-") return read_all(STDIN_FILENO, "standard input", kMostDescription);
  return read_file(path, kMostDescription);
}

Result<int> compose(Context& context, const ComposeOptions& options, const Words& operands) {
  const std::string& path = operands.front();
  const image::Description description =
      TRY_DURING(image::parse_description(TRY(read_description(path))), "description '{}'", path);
  const std::size_t slash = path.rfind('/');
  Store store = TRY(open_store(context));
  const image::Composed composed =
      TRY(image::compose(*store.images, *store.snapshots, description,
                         {.names = options.names,
                          .base = slash == std::string::npos ? "." : path.substr(0, slash + 1),
                          .output = options.quiet ? kDevNull : STDERR_FILENO}));
  if (options.quiet) {
    TRY(print(composed.image.str() + "\n"));
    return 0;
  }
  TRY(print(fmt::format("Composed image ID: {}\nManifest: {}\nPackages: {} (SPDX: {})\n",
                        composed.image.str(), composed.manifest.str(), composed.packages,
                        composed.sbom.str())));
  return 0;
}

}  // namespace

const Verb kCompose = make_verb<ComposeOptions, compose>(
    "compose", "FILE", {1, 1}, "Make an image from a distribution's packages, by a description");

}  // namespace gantry::cli
