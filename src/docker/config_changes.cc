// SPDX-License-Identifier: Apache-2.0
#include "docker/config_changes.h"

#include <algorithm>

#include "build/config_steps.h"
#include "dockerfile/dockerfile.h"

namespace gantry::docker {

static constexpr char kEscape = '\\';

// As Docker's clients know them ("Engine API", ImageCommit: changes).
constexpr std::string_view kChanges[] = {"cmd",     "entrypoint", "healthcheck", "env",    "expose", "label",
                                         "onbuild", "stopsignal", "user",        "volume", "workdir"};

static Result<void> check_keyword(std::string_view change) {
  std::string keyword(change.substr(0, change.find_first_of(" \t")));
  std::ranges::transform(keyword, keyword.begin(),
                         [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; });
  if (std::ranges::find(kChanges, keyword) != std::end(kChanges)) return {};
  return error(Code::InvalidArgument, "{} is not a valid change command", keyword);
}

static Result<void> apply(std::string_view text, const build::GlobalArguments& globals,
                          build::StageState& state) {
  const dockerfile::Instruction instruction = TRY(dockerfile::parse_trigger(text));
  if (const auto* workdir = std::get_if<dockerfile::Workdir>(&instruction.body)) {
    state.image.config.working_dir = TRY(build::working_directory(*workdir, state, kEscape));
    return {};
  }
  TRY(build::apply_config_step(instruction, globals, kEscape, state));
  return {};
}

Result<void> apply_changes(const std::vector<std::string_view>& changes, oci::ContainerConfig& config) {
  const build::Arguments none;
  const build::GlobalArguments globals(none, oci::host_platform(), oci::host_platform());
  build::StageState state;
  state.image.config = std::move(config);
  for (std::string_view change : changes) {
    while (!change.empty()) {
      const std::string_view line = change.substr(0, change.find('\n'));
      change.remove_prefix(std::min(line.size() + 1, change.size()));
      if (line.empty()) continue;
      TRY(check_keyword(line));
      TRY_DURING(apply(line, globals, state), "change '{}'", line);
    }
  }
  config = std::move(state.image.config);
  return {};
}

}  // namespace gantry::docker
