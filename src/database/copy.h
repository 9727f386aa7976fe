// SPDX-License-Identifier: Apache-2.0
//
// A copy of a database that others use: whole, as it is at one moment. Neither waits for the other.
#pragma once

#include <string>

#include "base/error.h"

namespace gantry::database {

// `copy` becomes a database of its own, on disk when this answers; nothing may be there yet. Errors as in
// database.h.
Result<void> save_copy(const std::string& path, const std::string& copy);

}  // namespace gantry::database
