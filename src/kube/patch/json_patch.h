// SPDX-License-Identifier: Apache-2.0
//
// JSON patch, RFC 6902: a list of operations on places (application/json-patch+json).
#pragma once

#include <cstddef>
#include <optional>

#include "base/json_tree.h"
#include "kube/api/status.h"

namespace gantry::kube {

inline constexpr std::size_t kJsonPatchOperations = 10'000;
inline constexpr std::size_t kJsonPatchCopies = 3 << 20;  // bytes

// `object` after all operations, or nothing of it: 400 BadRequest for a patch that is none, 413 for one of
// more operations than that, 422 Invalid for one that does not apply (a test that fails, a place that is not
// there). What "copy" makes may together not be larger than `copied_bytes`, about, and no deeper than `depth`
// (422).
Answer<json::Tree> apply_json_patch(json::Tree object, const json::Tree& patch,
                                    std::size_t copied_bytes = kJsonPatchCopies,
                                    std::size_t depth = json::Limits().depth);

// The same for a patch of the server's own: nothing where one of its tests fails, and no words about a
// client's request.
Answer<std::optional<json::Tree>> apply_tested_json_patch(json::Tree object, const json::Tree& patch);

}  // namespace gantry::kube
