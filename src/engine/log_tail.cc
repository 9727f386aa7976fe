// SPDX-License-Identifier: Apache-2.0
#include "engine/log_tail.h"

#include <algorithm>
#include <cstring>
#include <optional>
#include <string_view>

#include "engine/log_record.h"

namespace gantry::engine {
namespace {

constexpr std::size_t kWindow = 256 << 10;  // bytes
static_assert(kWindow > 2 * kMaxLogRecord);

std::string text_of_time(const std::optional<std::int64_t>& time) {
  if (!time) return {};
  std::int64_t seconds = *time / 1'000'000'000, rest = *time % 1'000'000'000;
  if (rest < 0) seconds -= 1, rest += 1'000'000'000;
  return format_timestamp({.tv_sec = seconds, .tv_nsec = rest});
}

class TailFinder {
 public:
  TailFinder(const LogFilter& filter, std::uint64_t lines) : filter_(filter), wanted_(lines) {}

  // Where in the file the lines begin; nothing if there are fewer in it (they are counted).
  Result<std::optional<std::uint64_t>> find_in(LogFile& file) {
    return file.is_compressed() ? find_forwards(file) : find_backwards(file);
  }

 private:
  // Records from the youngest on. Whether it ends a line that is counted.
  bool ends_line(const LogRecord& record) {
    if (!filter_.accepts(record) || filter_.is_too_late(record)) return false;
    bool& has_later = has_later_[static_cast<std::size_t>(record.stream)];
    const bool ends = !record.is_partial || !has_later;  // what is not finished is a line, too
    has_later = true;
    return ends;
  }
  Result<std::optional<std::uint64_t>> find_backwards(const LogFile& file);
  Result<std::optional<std::uint64_t>> find_forwards(LogFile& file);

  const LogFilter& filter_;
  const std::uint64_t wanted_;
  std::uint64_t found_ = 0;
  bool has_later_[shim::kStreams] = {};  // a record of that stream was met
};

Result<std::optional<std::uint64_t>> TailFinder::find_backwards(const LogFile& file) {
  std::vector<char> window(kWindow);
  std::uint64_t end = file.size();  // of what was not looked at yet
  bool is_first = true;
  while (end > 0) {
    const std::uint64_t begin = end - std::min<std::uint64_t>(end, window.size());
    const std::size_t size =
        TRY(file.read_at(begin, std::span(window).first(static_cast<std::size_t>(end - begin))));
    std::string_view text(window.data(), size);
    // What is behind the last newline is being written.
    if (is_first) text = text.substr(0, text.rfind('\n') + 1);
    is_first = false;
    while (!text.empty()) {
      const std::size_t line_end = text.size();
      const std::size_t newline = line_end >= 2 ? text.rfind('\n', line_end - 2) : std::string_view::npos;
      if (newline == std::string_view::npos && begin > 0) break;  // it begins before the window
      const std::size_t line = newline == std::string_view::npos ? 0 : newline + 1;
      const auto record = parse_log_record(text.substr(line, line_end - line - 1));
      if (record && ends_line(*record) && ++found_ > wanted_) return begin + line_end;
      text = text.substr(0, line);
    }
    // Again from the end of the line that is not whole here, unless no line is so long.
    const bool is_stuck = text.size() > kMaxLogRecord;
    end = is_stuck ? begin : begin + text.size();
    if (begin == 0) break;
  }
  return std::nullopt;
}

// The plain text's records, with where each ends.
template <class Visit>
Result<void> for_each_record(LogFile& file, Visit visit) {
  TRY(file.start_at(0));
  std::vector<char> buffer(kWindow);
  std::size_t held = 0;
  std::uint64_t offset = 0;  // of the buffer's beginning
  for (;;) {
    const std::size_t size = TRY(file.read(std::span(buffer).subspan(held)));
    if (size == 0) return {};
    std::string_view text(buffer.data(), held + size);
    for (std::size_t newline; (newline = text.find('\n')) != std::string_view::npos;) {
      offset += newline + 1;
      if (const auto record = parse_log_record(text.substr(0, newline))) visit(*record, offset);
      text.remove_prefix(newline + 1);
    }
    if (text.size() == buffer.size()) offset += text.size(), text = {};
    std::memmove(buffer.data(), text.data(), text.size());
    held = text.size();
  }
}

Result<std::optional<std::uint64_t>> TailFinder::find_forwards(LogFile& file) {
  // The ends of lines: those of whole ones, and of the last record of a stream where the line ends nowhere.
  std::uint64_t ends = 0;
  bool is_open[shim::kStreams] = {}, is_seen[shim::kStreams] = {};
  TRY(for_each_record(file, [&](const LogRecord& record, std::uint64_t) {
    if (!filter_.accepts(record) || filter_.is_too_late(record)) return;
    const auto stream = static_cast<std::size_t>(record.stream);
    is_seen[stream] = true;
    is_open[stream] = record.is_partial;
    if (!record.is_partial) ++ends;
  }));
  for (std::size_t stream = 0; stream < shim::kStreams; ++stream) {
    if (is_open[stream] && !has_later_[stream]) ++ends;
    has_later_[stream] = has_later_[stream] || is_seen[stream];
  }
  if (found_ + ends <= wanted_) {
    found_ += ends;
    return std::nullopt;
  }
  std::uint64_t too_many = found_ + ends - wanted_;
  std::uint64_t begin = 0;
  TRY(for_each_record(file, [&](const LogRecord& record, std::uint64_t end) {
    if (too_many == 0 || !filter_.accepts(record) || filter_.is_too_late(record)) return;
    begin = end;
    if (!record.is_partial) --too_many;
  }));
  return begin;
}

}  // namespace

LogFilter::LogFilter(const LogQuery& query)
    : has_stream{query.stdout_too, query.stderr_too},
      since(text_of_time(query.since)),
      until(text_of_time(query.until)) {}

Result<LogPosition> find_tail(std::vector<LogFile>& files, const LogFilter& filter, std::uint64_t lines) {
  TailFinder finder(filter, lines);
  for (std::size_t index = 0; index < files.size(); ++index)
    if (const auto offset = TRY(finder.find_in(files[index]))) return LogPosition{index, *offset};
  return LogPosition{files.empty() ? 0 : files.size() - 1, 0};
}

}  // namespace gantry::engine
