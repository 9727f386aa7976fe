// SPDX-License-Identifier: Apache-2.0
#include "base/log.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <iterator>

#include "base/json.h"
#include "base/printable.h"
#include "base/timestamp.h"

namespace gantry {
namespace {

constexpr std::size_t kMaxText = 4096;  // bytes of one value; what a field holds may be foreign
constexpr std::string_view kLevels[] = {"debug", "info", "warning", "error"};

std::string_view name_of(LogLevel level) { return kLevels[static_cast<std::size_t>(level)]; }

bool is_plain(char c) { return c > ' ' && c < 0x7f && c != '\'' && c != '"' && c != '=' && c != '\\'; }

// A word as it is, anything else in quotes.
void append_text(std::string& line, std::string_view text) {
  if (!text.empty() && text.size() <= kMaxText && std::ranges::all_of(text, is_plain))
    line += text;
  else
    line.append("'").append(printable(text, kMaxText)).append("'");
}

struct TextValue {
  std::string& line;
  void operator()(std::string_view text) const { append_text(line, text); }
  void operator()(bool yes) const { line += yes ? "true" : "false"; }
  void operator()(const auto& number) const { fmt::format_to(std::back_inserter(line), "{}", number); }
};

}  // namespace

std::optional<LogLevel> parse_log_level(std::string_view word) {
  if (word == "warn") return LogLevel::Warning;
  const auto* found = std::ranges::find(kLevels, word);
  if (found == std::end(kLevels)) return std::nullopt;
  return static_cast<LogLevel>(found - std::begin(kLevels));
}

void Logger::write(LogLevel level, std::string_view message, Fields fields) const {
  if (!is_on(level)) return;
  const std::string time = format_timestamp(wall_clock_now());
  std::string line;
  if (format_ == LogFormat::Json) {
    json::Writer json;
    json.begin_object().key("time").value(time).key("level").value(name_of(level));
    json.key("message").value(message);
    for (const LogField& field : fields) {
      json.key(field.name);
      std::visit([&](const auto& value) { json.value(value); }, field.value);
    }
    line = std::move(json.end_object()).text();
  } else {
    line.append(time).append(" ").append(name_of(level)).append(" ").append(message);
    for (const LogField& field : fields) {
      line.append(" ").append(field.name).append("=");
      std::visit(TextValue{line}, field.value);
    }
  }
  line += '\n';
  (void)::write(fd_, line.data(), line.size());  // see the constructor
}

}  // namespace gantry
