// SPDX-License-Identifier: Apache-2.0
#include "cli/docker/confirm.h"

#include <unistd.h>

#include "base/human.h"
#include "cli/docker/filters.h"

namespace gantry::cli::docker {
namespace {

// A name, or of an image what was done to one of its names.
std::string line_of(const json::Value& item) {
  if (item.kind() == json::Kind::String) return fmt::format("{}\n", item.as_string());
  std::string text;
  if (const auto name = item.find("Untagged")) text += fmt::format("untagged: {}\n", name->as_string());
  if (const auto id = item.find("Deleted")) text += fmt::format("deleted: {}\n", id->as_string());
  return text;
}

}  // namespace

Result<bool> confirm(std::string_view warning) {
  TRY(print(fmt::format("WARNING! {}\nAre you sure you want to continue? [y/N] ", warning)));
  std::string answer;
  char c = 0;
  while (::read(STDIN_FILENO, &c, 1) == 1 && c != '\n') answer += c;
  return answer == "y" || answer == "Y" || answer == "yes";
}

Result<int> nothing_pruned() {
  TRY(print("Total reclaimed space: 0B\n"));
  return 0;
}

Result<std::string> prune_report(EngineClient& engine, std::string path,
                                 const std::vector<std::string>& filters, std::string_view key,
                                 std::string_view title) {
  const json::Document answer =
      TRY(engine.post_json(std::move(path), "", {{"filters", filters_parameter(filters)}}));
  std::string text;
  const auto names = answer.root().find(key);
  if (names && names->size() > 0) {
    text += fmt::format("{}\n", title);
    for (std::size_t i = 0; i < names->size(); ++i) text += line_of(names->at(i));
    text += '\n';
  }
  const auto space = answer.root().find("SpaceReclaimed");
  if (space) text += fmt::format("Total reclaimed space: {}\n", human_size(space->as_uint64().value_or(0)));
  return text;
}

}  // namespace gantry::cli::docker
