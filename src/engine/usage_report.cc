// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>
#include <map>

#include "base/timestamp.h"
#include "engine/usage.h"

namespace gantry::engine {
namespace {

constexpr std::string_view kProjectLabel = "com.docker.compose.project";
constexpr std::string_view kLabel = "label:";

std::string label_of(const UsageLife& life, std::string_view key) {
  const auto found = life.labels.find(std::string(key));
  return found == life.labels.end() ? "" : found->second;
}

Result<std::string> value_of(const UsageLife& life, std::string_view word) {
  if (word == "user") return life.user;
  if (word == "image") return life.image;
  if (word == "container") return life.container;
  if (word == "name") return life.name;
  if (word == "project") return label_of(life, kProjectLabel);
  if (word.starts_with(kLabel) && word.size() > kLabel.size())
    return label_of(life, word.substr(kLabel.size()));
  return error(Code::InvalidArgument,
               "usage cannot be grouped by '{}': user, image, container, name, project or label:KEY can",
               word);
}

// How much of the life lies between the two times: 0 to 1.
double share_of(const UsageLife& life, std::int64_t since, std::int64_t until, std::int64_t end) {
  const double whole = static_cast<double>(end - life.started);
  if (whole <= 0) return 1;
  const double part = static_cast<double>(std::min(end, until) - std::max(life.started, since));
  return std::clamp(part / whole, 0.0, 1.0);
}

std::uint64_t part(std::uint64_t whole, double share) {
  return static_cast<std::uint64_t>(std::llround(static_cast<double>(whole) * share));
}

void add(UsageRow& row, const UsageLife& life, double share, std::int64_t end) {
  const UsageCounters& counters = life.counters;
  row.lives += 1;
  row.seconds += static_cast<double>(std::max<std::int64_t>(end - life.started, 0)) / 1e9 * share;
  row.cpu_seconds += static_cast<double>(counters.cpu) / 1e9 * share;
  row.memory_byte_seconds += life.memory_byte_seconds * share;
  row.memory_peak = std::max(row.memory_peak, counters.memory_peak);
  row.io_read += part(counters.io_read, share);
  row.io_written += part(counters.io_written, share);
  row.net_received += part(counters.net_received, share);
  row.net_sent += part(counters.net_sent, share);
  row.pulled += part(life.pulled, share);
}

}  // namespace

void fields(json::Fields& f, UsageRow& row) {
  using json::Presence;
  f("group", row.group, Presence::Always);
  f("lives", row.lives, Presence::Always);
  f("seconds", row.seconds, Presence::Always);
  f("cpuSeconds", row.cpu_seconds, Presence::Always);
  f("memoryByteSeconds", row.memory_byte_seconds, Presence::Always);
  f("memoryPeakBytes", row.memory_peak, Presence::Always);
  f("ioReadBytes", row.io_read, Presence::Always);
  f("ioWrittenBytes", row.io_written, Presence::Always);
  f("netReceivedBytes", row.net_received, Presence::Always);
  f("netSentBytes", row.net_sent, Presence::Always);
  f("pulledBytes", row.pulled, Presence::Always);
}

Result<std::vector<UsageRow>> UsageLog::report(const UsageQuery& query) const {
  for (const std::string& word : query.group_by) (void)TRY(value_of({}, word));
  const std::int64_t now = wall_clock_ns();
  const std::int64_t until = query.until == 0 ? now : query.until;
  std::map<std::vector<std::string>, UsageRow> rows;
  for (const UsageLife& life : TRY(lives(query))) {
    const std::int64_t end = life.ended == 0 ? std::max(now, life.started) : life.ended;
    std::vector<std::string> group;
    for (const std::string& word : query.group_by) group.push_back(TRY(value_of(life, word)));
    UsageRow& row = rows[group];
    row.group = std::move(group);
    add(row, life, share_of(life, query.since, until, end), end);
  }
  std::vector<UsageRow> report;
  for (auto& [group, row] : rows) report.push_back(std::move(row));
  return report;
}

}  // namespace gantry::engine
