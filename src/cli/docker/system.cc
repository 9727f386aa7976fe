// SPDX-License-Identifier: Apache-2.0
//
// gantry system prune, and the group; its other verbs are in files of their own.
#include <algorithm>
#include <array>

#include "cli/docker/confirm.h"
#include "cli/docker/engine_client.h"
#include "cli/docker/filters.h"
#include "cli/docker/usage.h"
#include "cli/docker/verbs.h"

namespace gantry::cli::docker {
namespace {

struct PruneOptions {
  bool all = false, force = false, volumes = false;
  Words filter;
  std::vector<Option> table() {
    return {{'a', "all", "", &all, "Images that no container uses, too, not only those without a name"},
            filter_option(0, filter, "Only those: until=, label="),
            {'f', "force", "", &force, "Do not ask"},
            {0, "volumes", "", &volumes, "Anonymous volumes, too"}};
  }
};

std::string warning_of(const PruneOptions& options) {
  return fmt::format(
      "This will remove:\n  - all stopped containers\n  - all networks not used by at least one container\n{}"
      "  - {}\n  - unused build cache\n",
      options.volumes ? "  - all anonymous volumes not used by at least one container\n" : "",
      options.all ? "all images without at least one container associated to them" : "all dangling images");
}

Result<int> prune(Context& context, const PruneOptions& options, const Words&) {
  const auto is_until = [](const std::string& filter) { return filter.starts_with("until="); };
  if (options.volumes && std::ranges::any_of(options.filter, is_until))
    return error(Code::InvalidArgument, "the filter 'until' is not for volumes");
  if (!options.force && !TRY(confirm(warning_of(options)))) return 0;
  EngineClient engine = TRY(EngineClient::of(context));
  Words image_filter = options.filter;
  image_filter.push_back(fmt::format("dangling={}", !options.all));
  struct Part {
    std::string_view path, key, title;
    const Words* filter;
    bool is_on;
  };
  const std::array parts = {
      Part{"/containers/prune", "ContainersDeleted", "Deleted Containers:", &options.filter, true},
      Part{"/networks/prune", "NetworksDeleted", "Deleted Networks:", &options.filter, true},
      Part{"/volumes/prune", "VolumesDeleted", "Deleted Volumes:", &options.filter, options.volumes},
      Part{"/images/prune", "ImagesDeleted", "Deleted Images:", &image_filter, true},
      Part{"/build/prune", "CachesDeleted", "Deleted build cache objects:", &options.filter, true}};
  for (const Part& part : parts)
    if (part.is_on)
      TRY(print(TRY(prune_report(engine, std::string(part.path), *part.filter, part.key, part.title))));
  return 0;
}

}  // namespace

std::span<const Verb> system_verbs() {
  static const std::array kVerbs = {
      kSystemCheck,
      kDiskUsage,
      kEvents,
      kInfo,
      make_verb<PruneOptions, prune>("prune", "", {0, 0}, "Remove what nobody uses"),
      kUsageReport,
  };
  return kVerbs;
}

}  // namespace gantry::cli::docker
