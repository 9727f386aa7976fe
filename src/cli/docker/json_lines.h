// SPDX-License-Identifier: Apache-2.0
//
// JSON values one after the other, as the daemon streams progress, events and statistics: one a line.
#pragma once

#include <functional>
#include <string>

#include "base/byte_stream.h"
#include "base/error.h"
#include "base/json.h"

namespace gantry::cli::docker {

// Calls `on_value` for each until the stream ends, or with its first error.
Result<void> for_each_json_line(ByteSource& body,
                                const std::function<Result<void>(const json::Value&)>& on_value);

}  // namespace gantry::cli::docker
