// SPDX-License-Identifier: Apache-2.0
//
// What JSON does not tell of Docker's documents, and templates need to know: which members are maps, and
// which are left out while they are empty.
#pragma once

#include <optional>
#include <string_view>

#include "base/json.h"
#include "cli/template_value.h"

namespace gantry::cli {

// A map with keys that users choose: what it lacks is only not there, what a struct lacks is a mistake in the
// template.
bool has_users_keys(std::string_view member);

// The value of a member that `object` has in Docker, but not in JSON, where it would be empty.
std::optional<TemplateValue> left_out(const json::Value& object, std::string_view member);

}  // namespace gantry::cli
