// SPDX-License-Identifier: Apache-2.0
#include "docker/filters.h"

#include <regex.h>

#include <algorithm>
#include <array>

#include "base/json.h"

namespace gantry::docker {
namespace {

Result<std::vector<std::string>> read_values(std::string_view key, const json::Value& value) {
  std::vector<std::string> words;
  if (value.kind() != json::Kind::Object && value.kind() != json::Kind::Array && !value.is_null())
    return error(Code::InvalidArgument, "invalid filter '{}': expected a list, found {}", key,
                 json::name_of(value.kind()));
  for (std::size_t i = 0; i < value.size(); ++i) {
    if (value.kind() == json::Kind::Object) {
      if (value.at(i).as_bool()) words.emplace_back(value.key(i));
    } else if (value.at(i).kind() == json::Kind::String) {
      words.emplace_back(value.at(i).as_string());
    } else {
      return error(Code::InvalidArgument, "invalid filter '{}': expected strings, found {}", key,
                   json::name_of(value.at(i).kind()));
    }
  }
  return words;
}

// A pattern that does not compile matches what is equal to it.
bool has_pattern(const std::string& pattern, const std::string& value) {
  regex_t compiled;
  if (::regcomp(&compiled, pattern.c_str(), REG_EXTENDED | REG_NOSUB) != 0) return pattern == value;
  const bool found = ::regexec(&compiled, value.c_str(), 0, nullptr, 0) == 0;
  ::regfree(&compiled);
  return found;
}

bool has_label(const std::map<std::string, std::string>& labels, std::string_view wanted) {
  const std::size_t equals = wanted.find('=');
  const auto found = labels.find(std::string(wanted.substr(0, equals)));
  return found != labels.end() && (equals == wanted.npos || found->second == wanted.substr(equals + 1));
}

}  // namespace

Result<Filters> Filters::parse(std::string_view text, std::initializer_list<std::string_view> known) {
  Filters filters;
  if (text.empty()) return filters;
  const json::Document document = TRY_DURING(json::Document::parse(std::string(text)), "invalid filter");
  const json::Value root = document.root();
  if (root.kind() != json::Kind::Object && !root.is_null())
    return error(Code::InvalidArgument, "invalid filter: expected an object, found {}",
                 json::name_of(root.kind()));
  for (std::size_t i = 0; i < root.size(); ++i) {
    if (std::ranges::find(known, root.key(i)) == known.end())
      return error(Code::InvalidArgument, "invalid filter '{}'", root.key(i));
    auto words = TRY(read_values(root.key(i), root.at(i)));
    if (!words.empty()) filters.values_.emplace(root.key(i), std::move(words));
  }
  return filters;
}

std::span<const std::string> Filters::values(std::string_view key) const {
  const auto found = values_.find(key);
  if (found == values_.end()) return {};
  return found->second;
}

bool Filters::matches(std::string_view key, std::string_view value) const {
  return !has(key) || std::ranges::find(values(key), value) != values(key).end();
}

bool Filters::matches_prefix(std::string_view key, std::string_view value) const {
  return !has(key) || std::ranges::any_of(
                          values(key), [&](const std::string& prefix) { return value.starts_with(prefix); });
}

bool Filters::matches_pattern(std::string_view key, const std::string& value) const {
  return !has(key) || std::ranges::any_of(values(key), [&](const std::string& pattern) {
    return has_pattern(pattern, value);
  });
}

bool Filters::matches_labels(const std::map<std::string, std::string>& labels) const {
  const auto is_there = [&](const std::string& wanted) { return has_label(labels, wanted); };
  return std::ranges::all_of(values("label"), is_there) && std::ranges::none_of(values("label!"), is_there);
}

Result<bool> Filters::flag(std::string_view key, bool otherwise) const {
  constexpr std::array<std::string_view, 3> kTrue = {"1", "true", "True"};
  constexpr std::array<std::string_view, 3> kFalse = {"0", "false", "False"};
  bool is_true = false, is_false = false;
  for (const std::string& word : values(key)) {
    const bool says_true = std::ranges::find(kTrue, word) != kTrue.end();
    if (!says_true && std::ranges::find(kFalse, word) == kFalse.end())
      return error(Code::InvalidArgument, "invalid filter '{}=[{}]'", key, word);
    (says_true ? is_true : is_false) = true;
  }
  if (is_true && is_false)
    return error(Code::InvalidArgument, "invalid filter '{}': both true and false", key);
  return has(key) ? is_true : otherwise;
}

}  // namespace gantry::docker
