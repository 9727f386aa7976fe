// SPDX-License-Identifier: Apache-2.0
#include "cli/docker/filters.h"

#include <map>
#include <set>

#include "base/json.h"
#include "base/printable.h"
#include "cli/docker/values.h"

namespace gantry::cli::docker {

Result<std::string> filters_parameter(const std::vector<std::string>& filters) {
  if (filters.empty()) return std::string();
  std::map<std::string, std::set<std::string>> values;
  for (const std::string& filter : filters) {
    if (filter.find('=') == std::string::npos)
      return error(Code::InvalidArgument, "invalid argument '{}' for '--filter': NAME=VALUE",
                   printable(filter));
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
