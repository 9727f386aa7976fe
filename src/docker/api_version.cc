// SPDX-License-Identifier: Apache-2.0
#include "docker/api_version.h"

#include <charconv>

#include <fmt/format.h>

namespace gantry::docker {
namespace {

std::optional<int> parse_number(std::string_view text) {
  int number = 0;
  const char* end = text.data() + text.size();
  const auto [stopped, failure] = std::from_chars(text.data(), end, number);
  if (failure != std::errc() || stopped != end || number < 0) return std::nullopt;
  return number;
}

}  // namespace

std::string ApiVersion::str() const { return fmt::format("{}.{}", major, minor); }

std::optional<ApiVersion> ApiVersion::parse(std::string_view text) {
  const std::size_t point = text.find('.');
  if (point == text.npos) return std::nullopt;
  const auto major = parse_number(text.substr(0, point));
  const auto minor = parse_number(text.substr(point + 1));
  if (!major || !minor) return std::nullopt;
  return ApiVersion{*major, *minor};
}

}  // namespace gantry::docker
