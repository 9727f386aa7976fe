// SPDX-License-Identifier: Apache-2.0
//
// What an OCI runtime says of its failure: the JSON lines of `--log-format json` (runc's, and ours).
#pragma once

#include <string>
#include <string_view>

namespace gantry::shim {

// The message of the last line with level "error" or "fatal"; empty if there is none. Lines that are no such
// JSON are passed over.
std::string last_error_in(std::string_view log);

}  // namespace gantry::shim
