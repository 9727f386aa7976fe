// SPDX-License-Identifier: Apache-2.0
#include "cli/docker/values.h"

#include <arpa/inet.h>

#include <charconv>
#include <cmath>
#include <cstdlib>

#include "base/duration.h"
#include "base/file.h"
#include "base/printable.h"
#include "dockerfile/values.h"

namespace gantry::cli::docker {
namespace {

Error bad_value(std::string_view option, std::string_view needed, std::string_view text) {
  return error(Code::InvalidArgument, "option '--{}' needs {}, not '{}'", option, needed, printable(text));
}

// Lines with something on them; '#' begins a comment.
Result<std::vector<std::string>> lines_of_file(const std::string& path) {
  const std::string text = TRY(read_file(path));
  std::vector<std::string> lines;
  std::string_view rest = text;
  while (!rest.empty()) {
    std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(line.size() + 1, rest.size()));
    line.remove_prefix(std::min(line.find_first_not_of(" \t\r"), line.size()));
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (!line.empty() && line[0] != '#') lines.emplace_back(line);
  }
  return lines;
}

void add_variable(std::vector<std::string>& variables, const std::string& text) {
  if (text.find('=') != std::string::npos)
    variables.push_back(text);
  else if (const char* value = std::getenv(text.c_str()))
    variables.push_back(text + "=" + value);
}

}  // namespace

Result<std::int64_t> bytes_option(std::string_view option, std::string_view text) {
  if (text.empty()) return 0;
  if (text == "-1") return -1;
  const auto bytes = dockerfile::parse_bytes(text);
  if (!bytes || *bytes > INT64_MAX) return bad_value(option, "a size such as '512m'", text);
  return static_cast<std::int64_t>(*bytes);
}

Result<std::int64_t> nanoseconds_option(std::string_view option, std::string_view text) {
  if (text.empty()) return 0;
  const auto duration = parse_duration(text);
  if (!duration || duration->count() < 0) return bad_value(option, "a duration such as '1m30s'", text);
  return duration->count();
}

Result<std::int64_t> nano_cpus_option(std::string_view option, std::string_view text) {
  if (text.empty()) return 0;
  double cpus = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), cpus);
  if (failed != std::errc() || end != text.data() + text.size() || !(cpus >= 0 && cpus < 1e6))
    return bad_value(option, "a number of CPUs such as '1.5'", text);
  return std::llround(cpus * 1e9);
}

bool is_size(std::string_view text) { return bytes_option("", text).has_value(); }
bool is_cpus(std::string_view text) { return nano_cpus_option("", text).has_value(); }
bool has_value(std::string_view text) { return text.find('=') != std::string_view::npos; }
bool is_address(std::string_view text) {
  const std::string address(text);
  in6_addr parsed;
  return ::inet_pton(AF_INET, address.c_str(), &parsed) == 1 ||
         ::inet_pton(AF_INET6, address.c_str(), &parsed) == 1;
}
bool is_variable(std::string_view text) { return !text.empty() && text[0] != '='; }

std::pair<std::string, std::string> key_value(std::string_view text) {
  const std::size_t equals = text.find('=');
  if (equals == std::string_view::npos) return {std::string(text), ""};
  return {std::string(text.substr(0, equals)), std::string(text.substr(equals + 1))};
}

StringMap key_values(const std::vector<std::string>& texts) {
  StringMap map;
  for (const std::string& text : texts) {
    auto [key, value] = key_value(text);
    map[std::move(key)] = std::move(value);
  }
  return map;
}

Result<StringMap> key_values_option(std::string_view option, const std::vector<std::string>& texts) {
  for (const std::string& text : texts)
    if (!has_value(text)) return bad_value(option, "KEY=VALUE", text);
  return key_values(texts);
}

Result<std::vector<std::string>> environment_option(const std::vector<std::string>& files,
                                                    const std::vector<std::string>& texts) {
  std::vector<std::string> variables;
  for (const std::string& file : files)
    for (const std::string& line : TRY(lines_of_file(file))) add_variable(variables, line);
  for (const std::string& text : texts) add_variable(variables, text);
  return variables;
}

Result<StringMap> labels_option(const std::vector<std::string>& files,
                                const std::vector<std::string>& texts) {
  std::vector<std::string> lines;
  for (const std::string& file : files)
    for (std::string& line : TRY(lines_of_file(file))) lines.push_back(std::move(line));
  lines.insert(lines.end(), texts.begin(), texts.end());
  return key_values(lines);
}

Result<std::vector<std::string>> comma_fields(std::string_view text) {
  std::vector<std::string> fields(1);
  bool is_quoted = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool is_doubled = is_quoted && text.substr(i, 2) == "\"\"";
    if (text[i] == '"' && !is_doubled) {
      is_quoted = !is_quoted;
    } else if (text[i] == ',' && !is_quoted) {
      fields.emplace_back();
    } else {
      fields.back() += text[i];
      if (is_doubled) ++i;
    }
  }
  if (is_quoted) return error(Code::InvalidArgument, "a quote is not closed in '{}'", printable(text));
  return fields;
}

}  // namespace gantry::cli::docker
