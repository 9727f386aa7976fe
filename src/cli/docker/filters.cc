// SPDX-License-Identifier: Apache-2.0
#include "cli/docker/filters.h"

#include <map>
#include <set>

#include "base/json.h"
#include "cli/docker/values.h"

namespace gantry::cli::docker {

Option filter_option(char letter, std::vector<std::string>& filters, std::string_view help) {
  return {letter, "filter", "NAME=VALUE", &filters, help, has_value};
}

std::string filters_parameter(const std::vector<std::string>& filters) {
  if (filters.empty()) return std::string();
  std::map<std::string, std::set<std::string>> values;
  for (const std::string& filter : filters) {
    auto [name, value] = key_value(filter);
    values[name].insert(std::move(value));
  }
  json::Writer writer;
  writer.begin_object();
  for (const auto& [name, set] : values) {
    writer.key(name).begin_object();
    for (const std::string& value : set) writer.key(value).value(true);
    writer.end_object();
  }
  writer.end_object();
  return std::move(writer).text();
}

}  // namespace gantry::cli::docker
