// SPDX-License-Identifier: Apache-2.0
//
// What is shown of the builder's cache, and how it is made smaller.
#include <array>
#include <chrono>

#include <fmt/format.h>

#include "base/human.h"
#include "base/table.h"
#include "base/timestamp.h"
#include "cli/build.h"
#include "cli/builder.h"
#include "cli/groups.h"
#include "dockerfile/values.h"

namespace gantry::cli {
namespace {

Result<int> list(Context& context, const NoOptions&, const Words&) {
  Store store = TRY(open_store(context));
  const build::Builder builder = TRY(open_builder(context, store, nullptr, nullptr));
  Table table({"ID", "STEP", "SIZE", "CREATED"});
  const std::int64_t now = wall_clock_ns();
  for (const build::CacheRecord& record : TRY(builder.cache())) {
    const std::chrono::seconds age((now - record.created) / 1'000'000'000);
    table.add({record.key.substr(0, 12), record.description, human_size(record.size),
               human_duration(age) + " ago"});
  }
  TRY(print(table.text()));
  return 0;
}

bool is_size(std::string_view text) { return dockerfile::parse_bytes(text).has_value(); }

struct PruneOptions {
  bool force = false, all = false;
  std::string keep_storage;
  std::optional<std::int64_t> hours;
  std::vector<Option> table() {
    return {{'f', "force", "", &force, "Accepted for compatibility: nothing is asked"},
            {'a', "all", "", &all, "Accepted for compatibility: what images use stays with them"},
            {0, "keep-storage", "BYTES", &keep_storage, "Keep the most recently used steps up to so much",
             is_size},
            {0, "unused-hours", "HOURS", &hours, "Only what was not used for so long"}};
  }
};

Result<int> prune(Context& context, const PruneOptions& options, const Words&) {
  Store store = TRY(open_store(context));
  build::Builder builder = TRY(open_builder(context, store, nullptr, nullptr));
  build::PruneOptions how;
  if (options.hours) how.unused_since = wall_clock_ns() - *options.hours * 3600 * 1'000'000'000;
  if (!options.keep_storage.empty()) how.keep_bytes = dockerfile::parse_bytes(options.keep_storage);
  const std::uint64_t freed = TRY(builder.prune(how));
  TRY(print(fmt::format("Total reclaimed space: {}\n", human_size(freed))));
  return 0;
}

}  // namespace

std::span<const Verb> builder_verbs() {
  static const std::array verbs = {
      kBuild, make_verb<NoOptions, list>("ls", "", {0, 0}, "List the steps that are kept for later builds"),
      make_verb<PruneOptions, prune>("prune", "", {0, 0}, "Forget steps, and free their space")};
  return verbs;
}

}  // namespace gantry::cli
