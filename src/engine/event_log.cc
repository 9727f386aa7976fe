// SPDX-License-Identifier: Apache-2.0
#include "engine/event_log.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <string_view>
#include <utility>

#include "base/file.h"
#include "base/json.h"
#include "base/json_codec.h"
#include "engine/events.h"

namespace gantry::engine {

void fields(json::Fields& f, Event& event) {
  f("Type", event.type);
  f("Action", event.action);
  f("Actor", event.actor);
  f("Attributes", event.attributes);
  f("Time", event.time);
}

namespace {

constexpr const char* kCurrent = "events.json";
constexpr const char* kOld = "events.old.json";
// What read_end() reads of each file at most: two hundred events or so.
constexpr std::size_t kEnd = 64 << 10;  // bytes

Result<UniqueFd> open_log(const std::string& directory) {
  return open_at(AT_FDCWD, directory + "/" + kCurrent, O_WRONLY | O_CREAT | O_APPEND, 0600);
}

// Lines end with their time: `,"Time":17}`. Which saves reading those that are too old.
bool is_before(std::string_view line, std::int64_t since) {
  constexpr std::string_view kTime = "\"Time\":";
  const std::size_t found = line.rfind(kTime);
  if (found == line.npos) return false;
  std::int64_t time = 0;
  const std::string_view digits = line.substr(found + kTime.size());
  const auto [end, failure] = std::from_chars(digits.data(), digits.data() + digits.size(), time);
  return failure == std::errc{} && std::string_view(end, digits.data() + digits.size()) == "}" &&
         time < since;
}

void parse_lines(std::string_view rest, std::int64_t since, std::vector<Event>& events) {
  while (!rest.empty()) {
    const std::size_t end = rest.find('\n');
    const std::string_view line = rest.substr(0, end);
    rest.remove_prefix(end == rest.npos ? rest.size() : end + 1);
    if (line.empty() || is_before(line, since)) continue;
    const auto document = json::Document::parse(std::string(line));
    if (!document) continue;
    auto event = json::decode<Event>(document->root());
    if (event && event->time >= since) events.push_back(std::move(*event));
  }
}

void read_lines(const std::string& path, std::int64_t since, std::vector<Event>& events) {
  if (const auto text = read_file(path)) parse_lines(*text, since, events);
}

// The last bytes of a file, at most so many.
std::string read_last(const std::string& path, std::size_t bytes) {
  const auto file = open_at(AT_FDCWD, path, O_RDONLY);
  struct stat st{};
  if (!file || ::fstat(file->get(), &st) < 0) return {};
  std::string text(std::min(bytes, static_cast<std::size_t>(st.st_size)), '\0');
  const off_t begin = st.st_size - static_cast<off_t>(text.size());
  const ssize_t n = ::pread(file->get(), text.data(), text.size(), begin);
  text.resize(n > 0 ? static_cast<std::size_t>(n) : 0);
  return text;
}

}  // namespace

Result<EventLog> EventLog::open(const std::string& directory) {
  return EventLog(directory, TRY(open_log(directory)));
}

Result<void> EventLog::append(const Event& event) {
  if (events_ >= kMaxEvents || bytes_ >= kMaxBytes) TRY(rotate());
  const std::string line = (may_be_torn_ ? "\n" : "") + json::encode(event) + "\n";
  ++events_;
  bytes_ += line.size();
  Result<void> written = write_all(file_.get(), line, kCurrent);
  may_be_torn_ = !written;
  return written;
}

Result<void> EventLog::rotate() {
  const std::string current = directory_ + "/" + kCurrent;
  if (std::rename(current.c_str(), (directory_ + "/" + kOld).c_str()) < 0)
    return sys_error("rename '{}'", current);
  file_ = TRY(open_log(directory_));
  events_ = bytes_ = 0;
  return {};
}

std::vector<Event> EventLog::read(std::int64_t since) const {
  std::vector<Event> events;
  read_lines(directory_ + "/" + kOld, since, events);
  read_lines(directory_ + "/" + kCurrent, since, events);
  return events;
}

std::vector<Event> EventLog::read_end() const {
  std::string text = read_last(directory_ + "/" + kCurrent, kEnd);
  if (text.size() < kEnd) text.insert(0, read_last(directory_ + "/" + kOld, kEnd));
  std::vector<Event> events;
  parse_lines(text, 0, events);  // without the first line, if it is cut
  return events;
}

}  // namespace gantry::engine
