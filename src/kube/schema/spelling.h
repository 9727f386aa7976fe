// SPDX-License-Identifier: Apache-2.0
//
// Times, durations, quantities and bytes are strings in JSON, with several spellings for one value.
// Kubernetes reads them all and sends one: "0.5" comes back as "500m", "12:00:00+02:00" as "10:00:00Z".
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"
#include "kube/schema/type.h"

namespace gantry::kube {

// The one spelling of `text` as `form` (Time, MicroTime, Duration, Quantity or Bytes); nothing if it has that
// already. InvalidArgument with the words that Kubernetes' clients know if it has no such value.
Result<std::optional<std::string>> canonical_spelling(Form form, std::string_view text);

}  // namespace gantry::kube
