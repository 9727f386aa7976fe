// SPDX-License-Identifier: Apache-2.0
#include "cli/docker/confirm.h"

#include <unistd.h>

#include "base/human.h"
#include "cli/docker/filters.h"

namespace gantry::cli::docker {

Result<bool> confirm(std::string_view warning) {
  TRY(print(fmt::format("WARNING! {}\nAre you sure you want to continue? [y/N] ", warning)));
  std::string answer;
  char c = 0;
  while (::read(STDIN_FILENO, &c, 1) == 1 && c != '\n') answer += c;
  return answer == "y" || answer == "Y" || answer == "yes";
}

Result<std::string> prune_report(EngineClient& engine, std::string path,
                                 const std::vector<std::string>& filters, std::string_view key,
                                 std::string_view title) {
  const json::Document answer =
      TRY(engine.post_json(std::move(path), "", {{"filters", TRY(filters_parameter(filters))}}));
  std::string text;
  const auto names = answer.root().find(key);
  if (names && names->size() > 0) {
    text += fmt::format("{}\n", title);
    for (std::size_t i = 0; i < names->size(); ++i) text += fmt::format("{}\n", names->at(i).as_string());
    text += '\n';
  }
  const auto space = answer.root().find("SpaceReclaimed");
  if (space) text += fmt::format("Total reclaimed space: {}\n", human_size(space->as_uint64().value_or(0)));
  return text;
}

}  // namespace gantry::cli::docker
