// SPDX-License-Identifier: Apache-2.0
//
// Server-side apply (application/apply-patch+yaml): the fields that a manager says, and only those, are his.
// What he said before and does not say now goes, unless somebody else has it, too; what others have and he
// says otherwise is a conflict, or becomes his by force
// (https://kubernetes.io/docs/reference/using-api/server-side-apply/).
#pragma once

#include <cstdint>
#include <optional>

#include "base/json_tree.h"
#include "kube/api/status.h"
#include "kube/patch/managed_fields.h"
#include "kube/schema/type.h"

namespace gantry::kube {

enum class OnConflict : std::uint8_t { Refuse, Force };

// The object with `applied` in it and managedFields put right; nothing if that changes nothing. `live`: null:
// it is created. 409 Conflict, with a cause FieldManagerConflict for each field, when others have set it
// otherwise; 400 BadRequest for what cannot be applied (managedFields in it, a list with the same key twice).
// `applied` has passed decoding, but has no defaults; `live` is in the version of `applied`. `versions`: all
// of the kind, for what was applied and set in others; null: it has this one. Fails if a conversion does.
Answer<std::optional<json::Tree>> apply(const Type& type, const json::Tree* live, const json::Tree& applied,
                                        const FieldManager& manager, OnConflict on_conflict,
                                        const Versions* versions = nullptr);

}  // namespace gantry::kube
