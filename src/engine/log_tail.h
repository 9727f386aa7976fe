// SPDX-License-Identifier: Apache-2.0
//
// Where the last lines of a log begin, found from its end: without reading more than those lines of plain
// files, and compressed ones only if they are reached.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "base/error.h"
#include "engine/log_file.h"
#include "engine/log_reader.h"

namespace gantry::engine {

// Which records count. Times compare as their texts do.
struct LogFilter {
  bool has_stream[shim::kStreams] = {true, true};
  std::string since;  // 30 bytes; empty: all, as the next
  std::string until;

  explicit LogFilter(const LogQuery& query);
  bool is_too_late(const LogRecord& record) const { return !until.empty() && record.time > until; }
  bool accepts(const LogRecord& record) const {
    return has_stream[static_cast<std::size_t>(record.stream)] && (since.empty() || record.time >= since);
  }
};

struct LogPosition {
  std::size_t file = 0;      // of the list
  std::uint64_t offset = 0;  // in its plain text
};

// `files` are the youngest first, and count with what was in them when they were opened. A line of several
// records counts once; of one that is cut by records of the other stream, the beginning may be left out.
Result<LogPosition> find_tail(std::vector<LogFile>& files, const LogFilter& filter, std::uint64_t lines);

}  // namespace gantry::engine
