// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include <fmt/format.h>

#include "kube/views/cell.h"
#include "kube/views/value_access.h"

namespace gantry::kube::views {
namespace {

void status(const Cell& cell) {
  const auto ready = condition_of(cell.object, "Ready");
  std::string text = !ready ? "Unknown" : text_at(*ready, "status") == "True" ? "Ready" : "NotReady";
  if (is_true_at(cell.object, "spec", "unschedulable")) text += ",SchedulingDisabled";
  cell.write(text);
}

// From labels: "node-role.kubernetes.io/control-plane", or the value of "kubernetes.io/role".
void roles(const Cell& cell) {
  constexpr std::string_view kPrefix = "node-role.kubernetes.io/";
  std::vector<std::string> found;
  const auto labels = at(cell.object, "metadata", "labels");
  for (std::size_t i = 0; i < size_of(labels); ++i) {
    const std::string_view key = labels->key(i);
    const std::string_view value = labels->at(i).as_string();
    if (key.starts_with(kPrefix) && key.size() > kPrefix.size())
      found.emplace_back(key.substr(kPrefix.size()));
    else if (key == "kubernetes.io/role" && !value.empty())
      found.emplace_back(value);
  }
  std::ranges::sort(found);
  found.erase(std::unique(found.begin(), found.end()), found.end());
  cell.write(joined(found), "<none>");
}

void address(const Cell& cell) {
  std::string_view found;
  for_each(at(cell.object, "status", "addresses"), [&](const json::Value& address) {
    if (found.empty() && text_at(address, "type") == cell.arguments.word) found = text_at(address, "address");
  });
  cell.write(found, "<none>");
}

constexpr NamedCell kCells[] = {{"node_status", status}, {"node_roles", roles}, {"node_address", address}};

}  // namespace

NamedCells node_cells() { return kCells; }

}  // namespace gantry::kube::views
