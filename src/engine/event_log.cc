// SPDX-License-Identifier: Apache-2.0
#include "engine/event_log.h"

#include <fcntl.h>

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

Result<UniqueFd> open_log(const std::string& directory) {
  return open_at(AT_FDCWD, directory + "/" + kCurrent, O_WRONLY | O_CREAT | O_APPEND, 0600);
}

void read_lines(const std::string& path, std::vector<Event>& events) {
  const auto text = read_file(path);
  if (!text) return;
  std::string_view rest = *text;
  while (!rest.empty()) {
    const std::size_t end = rest.find('\n');
    const auto document = json::Document::parse(std::string(rest.substr(0, end)));
    if (document)
      if (auto event = json::decode<Event>(document->root())) events.push_back(std::move(*event));
    if (end == rest.npos) return;
    rest.remove_prefix(end + 1);
  }
}

}  // namespace

Result<EventLog> EventLog::open(const std::string& directory) {
  return EventLog(directory, TRY(open_log(directory)));
}

Result<void> EventLog::append(const Event& event) {
  if (written_ == kMaxEvents) TRY(rotate());
  ++written_;
  return write_all(file_.get(), json::encode(event) + "\n", kCurrent);
}

Result<void> EventLog::rotate() {
  const std::string current = directory_ + "/" + kCurrent;
  if (std::rename(current.c_str(), (directory_ + "/" + kOld).c_str()) < 0)
    return sys_error("rename '{}'", current);
  file_ = TRY(open_log(directory_));
  written_ = 0;
  return {};
}

std::vector<Event> EventLog::read() const {
  std::vector<Event> events;
  read_lines(directory_ + "/" + kOld, events);
  read_lines(directory_ + "/" + kCurrent, events);
  return events;
}

}  // namespace gantry::engine
