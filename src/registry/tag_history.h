// SPDX-License-Identifier: Apache-2.0
//
// What a tag was, and going back to it. For the registry's endpoints and for `gantry registry history` and
// `rollback`, which may work on the store of the same host.
//
//   Digest now = TRY(roll_back(store.repositories(), "team/web", "v1", {}, "alice"));
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/error.h"
#include "image/repositories.h"

namespace gantry::registry {

// {"name": ..., "tag": ..., "changes": [{"at": RFC 3339, "digest": ..., "by": ...}]}, newest first; a change
// without digest removed the tag.
std::string history_json(std::string_view repository, std::string_view tag,
                         std::span<const image::TagChange> changes);

// The digest before the one the tag has now: what a rollback without a digest goes back to. NotFound if there
// was no other.
Result<oci::Digest> previous_digest(std::span<const image::TagChange> changes);

// Moves the tag to `wanted`, or to what it was before, and answers where it points now. NotFound if the
// manifest is not in the repository any more.
Result<oci::Digest> roll_back(image::Repositories& repositories, std::string_view repository,
                              std::string_view tag, const std::optional<oci::Digest>& wanted,
                              std::string_view by);

}  // namespace gantry::registry
