// SPDX-License-Identifier: Apache-2.0
//
// Who set which field: metadata.managedFields
// (https://kubernetes.io/docs/reference/using-api/server-side-apply/#field-management). Both calls go before
// admission, with what rules::prepare has put right already.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/json_tree.h"
#include "kube/api/status.h"
#include "kube/schema/type.h"

namespace gantry::kube {

// Managers by way of update, patch or create, of one object: of more, the oldest become one
// ("ancient-changes").
inline constexpr std::size_t kUpdateManagers = 10;

struct FieldManager {
  std::string name;         // fieldManager, or the user agent up to its first "/"
  std::string api_version;  // that the request was in: "apps/v1"
  std::string subresource;  // empty: none
  std::string time;         // RFC 3339, to the second
  // Top-level fields that this request cannot set, so that nobody owns them by it: "status" of the main
  // resource.
  std::vector<std::string_view> without;
};

// Puts metadata.managedFields of `object` right, after somebody created (`live`: null), replaced or patched
// it: what has changed belongs to the writer, and to nobody else. An object that says "managedFields": [] or
// [{}] is not tracked until the next change. What the client sent as managedFields counts if it can be read.
// In the stored version both.
void track_update(const Type& type, const json::Tree* live, json::Tree& object, const FieldManager& writer);

}  // namespace gantry::kube
