// SPDX-License-Identifier: Apache-2.0
#include "engine/log_reader.h"

#include <algorithm>
#include <cstring>
#include <deque>
#include <utility>
#include <vector>

#include "engine/log_file.h"
#include "engine/log_record.h"
#include "engine/log_tail.h"

namespace gantry::engine {
namespace {

// Large enough that a system call costs little, small enough for a second-level cache.
constexpr std::size_t kBuffer = 256 << 10;  // bytes
static_assert(kBuffer > 2 * kMaxLogRecord);

}  // namespace

struct LogReader::State {
  State(std::string log_path, const LogQuery& query)
      : path(std::move(log_path)), filter(query), is_following(query.follow) {}

  Result<void> open(const LogQuery& query);
  Result<bool> read_more();
  Result<bool> go_on();
  Result<bool> find_next_files();
  void drop_unfinished();
  void parse();
  void add(LogRecord record);
  void rest();

  const std::string path;
  const LogFilter filter;
  const bool is_following;
  bool is_finished = false;   // nothing will be written any more
  bool is_at_end = false;     // for good
  std::deque<LogFile> files;  // the oldest first; the first is being read
  // Bytes of the last one that are still to be read, if it is not followed: somebody may write faster than we
  // read.
  std::uint64_t left = 0;
  std::vector<char> buffer;  // [begin, end) was not parsed yet
  std::size_t begin = 0;
  std::size_t end = 0;
  bool is_skipping = false;  // inside of a line that is too long to be a record
  bool is_open_line[shim::kStreams] = {};
  std::vector<LogRecord> records;
};

LogReader::LogReader(std::unique_ptr<State> state) : state_(std::move(state)) {}
LogReader::LogReader(LogReader&&) noexcept = default;
LogReader& LogReader::operator=(LogReader&&) noexcept = default;
LogReader::~LogReader() = default;

Result<LogReader> LogReader::open(const std::string& path, const LogQuery& query) {
  auto state = std::make_unique<State>(path, query);
  TRY_DURING(state->open(query), "open log '{}'", path);
  return LogReader(std::move(state));
}

void LogReader::finish() { state_->is_finished = true; }

Result<void> LogReader::State::open(const LogQuery& query) {
  std::vector<LogFile> found = TRY(open_log_files(path));  // the youngest first
  LogPosition start{.file = found.empty() ? 0 : found.size() - 1};
  if (query.tail) start = TRY(find_tail(found, filter, *query.tail));
  if (!found.empty()) left = found.front().size() - (start.file == 0 ? start.offset : 0);
  for (std::size_t index = 0; index < found.size() && index <= start.file; ++index)
    files.push_front(std::move(found[index]));
  for (LogFile& file : files) TRY(file.start_at(&file == &files.front() ? start.offset : 0));
  return {};
}

Result<LogReader::Batch> LogReader::next() {
  State& state = *state_;
  state.records.clear();
  while (!state.is_at_end) {
    if (TRY_DURING(state.read_more(), "read log '{}'", state.path)) {
      state.parse();
      break;
    }
    if (TRY_DURING(state.go_on(), "read log '{}'", state.path)) continue;
    state.rest();
    return Batch{{}, state.is_following && !state.is_finished ? Status::Waiting : Status::End};
  }
  return Batch{state.records, state.is_at_end ? Status::End : Status::More};
}

// False at the end of the file.
Result<bool> LogReader::State::read_more() {
  if (files.empty()) return false;
  if (buffer.size() < kBuffer) buffer.resize(kBuffer);
  // What is left is the beginning of a line.
  std::memmove(buffer.data(), buffer.data() + begin, end - begin);
  end -= begin;
  begin = 0;
  std::span<char> into = std::span(buffer).subspan(end);
  const bool is_bounded = !is_following && files.size() == 1;
  if (is_bounded) into = into.first(std::min<std::uint64_t>(into.size(), left));
  const std::size_t size = into.empty() ? 0 : TRY(files.front().read(into));
  if (is_bounded) left -= size;
  end += size;
  return size > 0;
}

// The first file has no more. True if there may be more to read all the same.
Result<bool> LogReader::State::go_on() {
  if (files.size() > 1) {
    drop_unfinished();
    files.pop_front();
    return true;
  }
  if (!is_following) return false;
  return find_next_files();
}

// When the file that was the current one has been renamed, what was written to it before has to be read
// first; so it stays the first of those to be read.
Result<bool> LogReader::State::find_next_files() {
  if (!files.empty() && files.front().is_named(path)) return false;
  std::vector<LogFile> younger =
      files.empty() ? TRY(open_log_files(path)) : TRY(open_log_files_after(path, files.front()));
  for (auto file = younger.rbegin(); file != younger.rend(); ++file) files.push_back(std::move(*file));
  return !younger.empty();
}

// The end of a file is the end of its last record, whole or not.
void LogReader::State::drop_unfinished() {
  begin = end = 0;
  is_skipping = false;
}

// The whole lines in the buffer.
void LogReader::State::parse() {
  while (!is_at_end) {
    const void* newline = std::memchr(buffer.data() + begin, '\n', end - begin);
    if (newline == nullptr) break;
    const char* line = buffer.data() + begin;
    const std::size_t size = static_cast<std::size_t>(static_cast<const char*>(newline) - line);
    begin += size + 1;
    if (std::exchange(is_skipping, false)) continue;
    if (const auto record = parse_log_record({line, size})) add(*record);
  }
  if (end - begin > kMaxLogRecord) {
    is_skipping = true;
    begin = end = 0;
  }
}

void LogReader::State::add(LogRecord record) {
  if (filter.is_too_late(record)) {
    is_at_end = true;
    return;
  }
  bool& is_open = is_open_line[static_cast<std::size_t>(record.stream)];
  record.begins_line = !std::exchange(is_open, record.is_partial);
  if (filter.accepts(record)) records.push_back(record);
}

// Keeps what was begun and nothing else.
void LogReader::State::rest() {
  std::vector<char> unfinished(buffer.begin() + static_cast<std::ptrdiff_t>(begin),
                               buffer.begin() + static_cast<std::ptrdiff_t>(end));
  buffer.swap(unfinished);
  end -= begin;
  begin = 0;
  std::vector<LogRecord>().swap(records);
}

}  // namespace gantry::engine
