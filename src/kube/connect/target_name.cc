// SPDX-License-Identifier: Apache-2.0
#include "kube/connect/target_name.h"

#include <vector>

#include <fmt/format.h>

namespace gantry::kube {
namespace {

std::vector<std::string> parts_of(std::string_view text) {
  std::vector<std::string> parts;
  for (;;) {
    const std::size_t colon = text.find(':');
    parts.emplace_back(text.substr(0, colon));
    if (colon == std::string_view::npos) return parts;
    text.remove_prefix(colon + 1);
  }
}

}  // namespace

Answer<TargetName> TargetName::parse(std::string_view text, std::string_view what) {
  std::vector<std::string> parts = parts_of(text);
  TargetName target;
  switch (parts.size()) {
    case 1: target.name = std::move(parts[0]); break;
    case 2:
      target.name = std::move(parts[0]);
      target.port = std::move(parts[1]);
      break;
    case 3:
      target.scheme = std::move(parts[0]);
      target.name = std::move(parts[1]);
      target.port = std::move(parts[2]);
      break;
    default: break;
  }
  const bool is_scheme = target.scheme.empty() || target.scheme == "http" || target.scheme == "https";
  if (target.name.empty() || !is_scheme)
    return bad_request(fmt::format("invalid {} request \"{}\"", what, text));
  return target;
}

}  // namespace gantry::kube
