// SPDX-License-Identifier: Apache-2.0
//
// Server-side apply (application/apply-patch+yaml): the fields that a manager says, and only those, are his.
// What he said before and does not say now goes, unless somebody else has it, too; what others have and he
// says otherwise is a conflict, or becomes his by force
// (https://kubernetes.io/docs/reference/using-api/server-side-apply/).
#pragma once

#include <optional>
#include <string_view>

#include "base/json_tree.h"
#include "kube/api/status.h"
#include "kube/patch/managed_fields.h"
#include "kube/schema/type.h"

namespace gantry::kube {

enum class OnConflict : bool { Refuse, Force };

// The object with `applied` in it and managedFields put right; nothing if that changes nothing. `live`: null:
// it is created. 409 Conflict, with a cause of FieldManagerConflict for each field, when others have set it
// otherwise; 400 BadRequest for what cannot be applied (managedFields in it, a list with the same key twice);
// 422 for fields that are managed in another version than `writer.api_version`.
// `applied` has passed decoding, but has no defaults; `live` is in the version of `applied`.
Answer<std::optional<json::Tree>> apply(const Type& type, const json::Tree* live, const json::Tree& applied,
                                        const FieldManager& writer, OnConflict on_conflict);

}  // namespace gantry::kube
