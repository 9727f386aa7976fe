// SPDX-License-Identifier: Apache-2.0
//
// One event, one line. The message is constant and the data are fields, so that
// lines can be counted and searched.
//
//   Logger log(STDERR_FILENO, {.format = LogFormat::Json});
//   log.warn("image pull retried", {{"image", ref}, {"attempt", n}, {"error", e.message()}});
//
//   2026-11-21T10:20:30.123456789Z warning image pull retried image=busybox attempt=2 error='no route'
//   {"time":"2026-11-21T10:20:30.123456789Z","level":"warning","message":"image pull retried","image":...}
//
// A line is one write(2), so several threads and processes may share a descriptor. In both forms foreign text
// cannot begin a new line or send a terminal commands.
#pragma once

#include <atomic>
#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

namespace gantry {

enum class LogLevel : std::uint8_t { Debug, Info, Warning, Error };
enum class LogFormat : std::uint8_t { Text, Json };

// "debug", "info", "warning" (also "warn"), "error".
std::optional<LogLevel> parse_log_level(std::string_view word);

// A name and a value, which lives at least as long as the call it is made for.
struct LogField {
  LogField(std::string_view field, std::string_view text) : name(field), value(text) {}
  LogField(std::string_view field, const char* text) : name(field), value(std::string_view(text)) {}
  LogField(std::string_view field, const std::string& text) : name(field), value(std::string_view(text)) {}
  LogField(std::string_view field, bool yes) : name(field), value(yes) {}
  LogField(std::string_view field, double number) : name(field), value(number) {}
  template <std::signed_integral T>
  LogField(std::string_view field, T number) : name(field), value(std::int64_t{number}) {}
  template <std::unsigned_integral T>
    requires(!std::same_as<T, bool>)
  LogField(std::string_view field, T number) : name(field), value(std::uint64_t{number}) {}

  std::string_view name;
  std::variant<std::string_view, bool, std::int64_t, std::uint64_t, double> value;
};

struct LogOptions {
  LogLevel level = LogLevel::Info;  // what is below is left out
  LogFormat format = LogFormat::Text;
};

class Logger {
 public:
  using Fields = std::initializer_list<LogField>;

  // Writes to a borrowed descriptor. A line that cannot be written is lost: nobody could be told.
  explicit Logger(int fd, LogOptions options = {})
      : fd_(fd), format_(options.format), level_(options.level) {}

  void debug(std::string_view message, Fields fields = {}) const { write(LogLevel::Debug, message, fields); }
  void info(std::string_view message, Fields fields = {}) const { write(LogLevel::Info, message, fields); }
  void warn(std::string_view message, Fields fields = {}) const { write(LogLevel::Warning, message, fields); }
  void error(std::string_view message, Fields fields = {}) const { write(LogLevel::Error, message, fields); }
  void write(LogLevel level, std::string_view message, Fields fields) const;

  // May change while other threads write.
  void set_level(LogLevel level) { level_.store(level, std::memory_order_relaxed); }
  bool is_on(LogLevel level) const { return level >= level_.load(std::memory_order_relaxed); }

 private:
  const int fd_;
  const LogFormat format_;
  std::atomic<LogLevel> level_;
};

}  // namespace gantry
