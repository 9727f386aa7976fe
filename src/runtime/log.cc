// SPDX-License-Identifier: Apache-2.0
#include "runtime/log.h"

#include <fcntl.h>
#include <unistd.h>

#include <fmt/format.h>

#include "base/file.h"
#include "base/json.h"
#include "base/timestamp.h"

namespace gantry::runtime {
namespace {

std::string_view name_of(Level level) {
  switch (level) {
    case Level::Debug: return "debug";
    case Level::Warning: return "warning";
    case Level::Error: return "error";
  }
  return "?";
}

std::string quoted(std::string_view text) {
  json::Writer w;
  w.value(text);
  return std::move(w).text();
}

}  // namespace

Result<Log> Log::open(const std::string& path, LogFormat format, bool debug) {
  Log log;
  log.format_ = format;
  log.debug_ = debug;
  if (!path.empty()) log.file_ = TRY(open_at(AT_FDCWD, path, O_WRONLY | O_CREAT | O_APPEND, 0644));
  return log;
}

void Log::write(Level level, std::string_view message) const {
  if (level == Level::Debug && !debug_) return;
  std::string line;
  if (format_ == LogFormat::Json) {
    json::Writer w;
    w.begin_object().key("level").value(name_of(level)).key("msg").value(message);
    w.key("time").value(format_timestamp(wall_clock_now())).end_object();
    line = std::move(w).text() + "\n";
  } else {
    line = fmt::format("time=\"{}\" level={} msg={}\n", format_timestamp(wall_clock_now()), name_of(level),
                       quoted(message));
  }
  (void)write_all(fd(), line, "log");  // there is nowhere left to say that the log is broken
}

}  // namespace gantry::runtime
