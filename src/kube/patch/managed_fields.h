// SPDX-License-Identifier: Apache-2.0
//
// Who set which field: metadata.managedFields
// (https://kubernetes.io/docs/reference/using-api/server-side-apply/#field-management). What a create or an
// update changes is tracked when rules::prepare has put the object right.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "base/json_tree.h"
#include "kube/api/status.h"
#include "kube/schema/type.h"

namespace gantry::kube {

class Versions;

// Managers by way of update, patch or create, of one object: of more, the oldest become one
// ("ancient-changes").
inline constexpr std::size_t kUpdateManagers = 10;

// Who asks, and how.
struct FieldManager {
  std::string name;         // fieldManager, or the user agent up to its first "/"
  std::string api_version;  // that the request is in: "apps/v1"
  std::string subresource;  // empty: none
  std::string time;         // of the request: RFC 3339, to the second
  // Top-level fields that the request cannot set, so that nobody owns them by it (rules::unset_fields).
  std::vector<std::string_view> without;
};

// Puts metadata.managedFields of `object` right, after somebody created (`live`: null), replaced or patched
// it: what has changed belongs to `manager`, and to nobody else. What the client sent as managedFields counts
// if it can be read; [{}] takes them away. An object without any is not tracked before somebody applies to
// it. Both are in the manager's version; `versions`: all of the kind, for managers of others; null: it has
// one. Fails only if a conversion does.
Answer<void> track_update(const Type& type, const json::Tree* live, json::Tree& object,
                          const FieldManager& manager, const Versions* versions = nullptr);

}  // namespace gantry::kube
