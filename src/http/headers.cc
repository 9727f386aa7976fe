// SPDX-License-Identifier: Apache-2.0
#include "http/headers.h"

#include <algorithm>
#include <array>

#include "base/trim.h"

namespace gantry::http {
namespace {

constexpr char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

constexpr bool is_token_char(char c) {
  if ((c >= '0' && c <= '9') || (lower(c) >= 'a' && lower(c) <= 'z')) return true;
  return std::string_view("!#$%&'*+-.^_`|~").contains(c);
}

constexpr bool is_value_char(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return (byte >= 0x20 && byte != 0x7f) || c == '\t';
}

// Answered beforehand: every byte of every head is asked about.
template <bool (*is_allowed)(char)>
bool has_only(std::string_view text) {
  static constexpr auto kIsAllowed = [] {
    std::array<bool, 256> all{};
    for (std::size_t byte = 0; byte < all.size(); ++byte) all[byte] = is_allowed(static_cast<char>(byte));
    return all;
  }();
  return std::ranges::all_of(text, [](char c) { return kIsAllowed[static_cast<unsigned char>(c)]; });
}

}  // namespace

bool equals_ignoring_case(std::string_view a, std::string_view b) {
  return a.size() == b.size() && std::ranges::equal(a, b, {}, lower, lower);
}

bool is_token(std::string_view text) { return !text.empty() && has_only<is_token_char>(text); }
bool is_field_value(std::string_view text) { return has_only<is_value_char>(text); }

std::string_view trim(std::string_view text) { return trimmed(text, " \t"); }

std::optional<std::string_view> HeaderMap::get(std::string_view name) const {
  for (const Header& header : headers_)
    if (equals_ignoring_case(header.name, name)) return header.value;
  return std::nullopt;
}

std::string_view HeaderMap::get_or(std::string_view name, std::string_view otherwise) const {
  return get(name).value_or(otherwise);
}

std::size_t HeaderMap::count(std::string_view name) const { return all(name).size(); }

std::vector<std::string_view> HeaderMap::all(std::string_view name) const {
  std::vector<std::string_view> values;
  for (const Header& header : headers_)
    if (equals_ignoring_case(header.name, name)) values.push_back(header.value);
  return values;
}

bool HeaderMap::has_token(std::string_view name, std::string_view token) const {
  for (const Header& header : headers_) {
    if (!equals_ignoring_case(header.name, name)) continue;
    std::string_view rest = header.value;
    while (!rest.empty()) {
      const std::size_t comma = std::min(rest.find(','), rest.size());
      if (equals_ignoring_case(trim(rest.substr(0, comma)), token)) return true;
      rest.remove_prefix(std::min(comma + 1, rest.size()));
    }
  }
  return false;
}

void HeaderMap::set(std::string_view name, std::string value) {
  remove(name);
  headers_.push_back({std::string(name), std::move(value)});
}

void HeaderMap::remove(std::string_view name) {
  std::erase_if(headers_, [&](const Header& header) { return equals_ignoring_case(header.name, name); });
}

}  // namespace gantry::http
