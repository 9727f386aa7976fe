// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include <fmt/format.h>

#include "kube/views/cell.h"
#include "kube/views/value_access.h"

namespace gantry::kube::views {
namespace {

using json::Value;

void phase(const Cell& cell) {
  cell.write(text_at(cell.object, "metadata", "deletionTimestamp").empty()
                 ? text_at(cell.object, "status", "phase")
                 : "Terminating");
}

// "RWO,ROX": always in this order, each once.
void access_modes(const Cell& cell) {
  constexpr std::pair<std::string_view, const char*> kModes[] = {{"ReadWriteOnce", "RWO"},
                                                                 {"ReadOnlyMany", "ROX"},
                                                                 {"ReadWriteMany", "RWX"},
                                                                 {"ReadWriteOncePod", "RWOP"}};
  const auto modes = cell.argument();
  std::vector<std::string> found;
  for (const auto& [mode, short_name] : kModes) {
    bool is_there = false;
    for_each(modes, [&](const Value& value) { is_there = is_there || value.as_string() == mode; });
    if (is_there) found.emplace_back(short_name);
  }
  cell.write(joined(found));
}

// The annotation is what came before the field, and counts more.
void storage_class(const Cell& cell) {
  const std::string_view old =
      text_at(cell.object, "metadata", "annotations", "volume.beta.kubernetes.io/storage-class");
  cell.write(old.empty() ? text_at(cell.object, "spec", "storageClassName") : old);
}

void claim(const Cell& cell) {
  const auto claim = cell.argument();
  if (!claim) return cell.write("");
  cell.write(fmt::format("{}/{}", text_at(*claim, "namespace"), text_at(*claim, "name")));
}

void token_requests(const Cell& cell) {
  std::vector<std::string> audiences;
  for_each(at(cell.object, "spec", "tokenRequests"),
           [&](const Value& request) { audiences.emplace_back(text_at(request, "audience")); });
  cell.write(joined(audiences), "<unset>");
}

constexpr NamedCell kCells[] = {{"phase", phase},
                                {"access_modes", access_modes},
                                {"storage_class", storage_class},
                                {"claim", claim},
                                {"token_requests", token_requests}};

}  // namespace

NamedCells storage_cells() { return kCells; }

}  // namespace gantry::kube::views
