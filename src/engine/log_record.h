// SPDX-License-Identifier: Apache-2.0
//
// One line of a container's log (docs/formats/container-log.md).
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

#include "base/timestamp.h"
#include "engine/log_reader.h"

namespace gantry::engine {

inline constexpr std::size_t kLogHeader = kTimestampSize + sizeof " stdout F " - 1;
// The longest record there is, with its newline; what is longer is none.
inline constexpr std::size_t kMaxLogRecord = kLogHeader + (16 << 10) + 1;

// `line` is without its newline. Nothing if it does not have the four fields. `begins_line` is left as it is:
// one record alone does not say.
std::optional<LogRecord> parse_log_record(std::string_view line);

}  // namespace gantry::engine
