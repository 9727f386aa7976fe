// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

namespace gantry::http {

// What a Date field says now; each thread makes it once a second.
const std::string& date_now();

}  // namespace gantry::http
