// SPDX-License-Identifier: Apache-2.0
//
// Our errors as Docker's clients know them: a status, and {"message": ...} (ErrorResponse of the API).
#pragma once

#include <string>
#include <string_view>

#include "base/error.h"

namespace gantry::docker {

int status_of(Code code);
std::string error_body(std::string_view message);

}  // namespace gantry::docker
