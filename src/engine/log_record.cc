// SPDX-License-Identifier: Apache-2.0
#include "engine/log_record.h"

#include <cstring>

namespace gantry::engine {

std::optional<LogRecord> parse_log_record(std::string_view line) {
  constexpr std::size_t kStream = kTimestampSize + 1;
  if (line.size() < kLogHeader || line.size() >= kMaxLogRecord) return std::nullopt;
  const char* text = line.data();
  // Not every digit: a line that is torn loses whole fields.
  if (text[4] != '-' || text[10] != 'T' || text[19] != '.' || text[29] != 'Z' || text[30] != ' ' ||
      text[37] != ' ' || text[39] != ' ')
    return std::nullopt;
  const bool is_stdout = std::memcmp(text + kStream, "stdout", 6) == 0;
  if (!is_stdout && std::memcmp(text + kStream, "stderr", 6) != 0) return std::nullopt;
  const char flag = text[38];
  if (flag != 'F' && flag != 'P') return std::nullopt;
  return LogRecord{.time = line.substr(0, kTimestampSize),
                   .text = line.substr(kLogHeader),
                   .stream = is_stdout ? Stream::Stdout : Stream::Stderr,
                   .is_partial = flag == 'P'};
}

}  // namespace gantry::engine
