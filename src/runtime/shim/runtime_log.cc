// SPDX-License-Identifier: Apache-2.0
#include "runtime/shim/runtime_log.h"

#include <algorithm>

#include "base/json.h"

namespace gantry::shim {

std::string last_error_in(std::string_view log) {
  std::string message;
  while (!log.empty()) {
    const std::string_view line = log.substr(0, log.find('\n'));
    log.remove_prefix(std::min(log.size(), line.size() + 1));
    const auto entry = json::Document::parse(std::string(line));
    if (!entry || entry->root().kind() != json::Kind::Object) continue;
    const auto level = entry->root().find("level"), text = entry->root().find("msg");
    if (!level || level->kind() != json::Kind::String || !text || text->kind() != json::Kind::String)
      continue;
    if (level->as_string() == "error" || level->as_string() == "fatal") message = text->as_string();
  }
  return message;
}

}  // namespace gantry::shim
