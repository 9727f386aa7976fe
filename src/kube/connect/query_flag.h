// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

#include "http/url.h"

namespace gantry::kube {

// Whether a parameter says yes: "1", "true" and the like, as Go reads it; present and empty counts, too.
bool is_true(const http::Query& query, std::string_view name);

}  // namespace gantry::kube
