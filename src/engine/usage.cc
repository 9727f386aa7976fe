// SPDX-License-Identifier: Apache-2.0
//
// Writing; reports are in usage_report.cc.
#include "engine/usage.h"

#include <algorithm>
#include <utility>

#include "base/json.h"
#include "database/database.h"

namespace gantry::engine {
namespace {

using database::Connection;
using database::Durability;
using StringMap = std::map<std::string, std::string>;

constexpr const char* kVersions[] = {R"(
CREATE TABLE lives (
  number INTEGER PRIMARY KEY,
  container TEXT NOT NULL,
  name TEXT NOT NULL,
  user TEXT NOT NULL,
  image TEXT NOT NULL,
  image_digest TEXT NOT NULL,
  labels TEXT NOT NULL,      -- JSON object
  started INTEGER NOT NULL,  -- nanoseconds since 1970, as all times
  ended INTEGER NOT NULL,    -- 0: it runs
  exit_code INTEGER NOT NULL,
  pulled INTEGER NOT NULL,   -- bytes, as all that follow without a unit
  sampled INTEGER NOT NULL,  -- when the next were read
  cpu INTEGER NOT NULL,      -- nanoseconds
  memory INTEGER NOT NULL,
  memory_peak INTEGER NOT NULL,
  memory_time INTEGER NOT NULL,  -- bytes times milliseconds
  io_read INTEGER NOT NULL,
  io_written INTEGER NOT NULL,
  net_received INTEGER NOT NULL,
  net_sent INTEGER NOT NULL);
CREATE INDEX lives_that_run ON lives (container) WHERE ended = 0;
CREATE INDEX lives_by_end ON lives (ended);
)",
                                     R"(
CREATE TABLE pulls (
  image_digest TEXT PRIMARY KEY,
  bytes INTEGER NOT NULL);  -- that no life has been charged with yet
)"};

// What of a life changes while it lasts.
struct Progress {
  std::int64_t number = 0;
  std::int64_t sampled = 0;
  std::uint64_t memory = 0;
  std::uint64_t memory_peak = 0;
  std::uint64_t memory_time = 0;
};

Result<std::optional<Progress>> find_running(Connection& c, const std::string& container) {
  auto rows =
      TRY(c.query("SELECT number, sampled, memory, memory_peak, memory_time FROM lives "
                  "WHERE container = ?1 AND ended = 0 ORDER BY number DESC LIMIT 1",
                  container));
  if (!TRY(rows.next())) return std::optional<Progress>();
  return std::optional(Progress{.number = rows.get<std::int64_t>(0),
                                .sampled = rows.get<std::int64_t>(1),
                                .memory = rows.get<std::uint64_t>(2),
                                .memory_peak = rows.get<std::uint64_t>(3),
                                .memory_time = rows.get<std::uint64_t>(4)});
}

// Between two samples the memory is taken for the mean of both. Counters only grow: one that is smaller could
// not be read any more, as those of interfaces at the end.
Result<void> apply(Connection& c, Progress life, std::int64_t now, const UsageCounters& counters) {
  const std::int64_t milliseconds = std::max<std::int64_t>(now - life.sampled, 0) / 1'000'000;
  life.memory_time += (life.memory + counters.memory) / 2 * static_cast<std::uint64_t>(milliseconds);
  life.memory_peak = std::max({life.memory_peak, counters.memory_peak, counters.memory});
  TRY(c.execute(
      "UPDATE lives SET sampled = ?2, cpu = max(cpu, ?3), memory = ?4, memory_peak = ?5, memory_time = ?6, "
      "io_read = max(io_read, ?7), io_written = max(io_written, ?8), net_received = max(net_received, ?9), "
      "net_sent = max(net_sent, ?10) WHERE number = ?1",
      life.number, now, counters.cpu, counters.memory, life.memory_peak, life.memory_time, counters.io_read,
      counters.io_written, counters.net_received, counters.net_sent));
  return {};
}

// What was fetched for the image since the last life of it began.
Result<std::uint64_t> take_pulled(Connection& c, const std::string& image_digest) {
  const auto bytes =
      TRY(c.value<std::uint64_t>("SELECT bytes FROM pulls WHERE image_digest = ?1", image_digest));
  if (bytes) TRY(c.execute("DELETE FROM pulls WHERE image_digest = ?1", image_digest));
  return bytes.value_or(0);
}

Result<void> abandon_life(Connection& c, const std::string& container) {
  TRY(c.execute(
      "UPDATE lives SET ended = max(sampled, started), exit_code = -1 WHERE container = ?1 AND ended = 0",
      container));
  return {};
}

// Of the columns that lives() asks for.
Result<UsageLife> life_of(const database::Rows& rows) {
  UsageLife life{.container = rows.get<std::string>(0),
                 .name = rows.get<std::string>(1),
                 .user = rows.get<std::string>(2),
                 .image = rows.get<std::string>(3),
                 .image_digest = rows.get<std::string>(4)};
  const auto labels = TRY(json::Document::parse(rows.get<std::string>(5)));
  life.labels = TRY(json::decode<StringMap>(labels.root()));
  life.started = rows.get<std::int64_t>(6);
  life.ended = rows.get<std::int64_t>(7);
  life.exit_code = rows.get<std::int64_t>(8);
  life.pulled = rows.get<std::uint64_t>(9);
  life.counters = {.cpu = rows.get<std::uint64_t>(10),
                   .memory = rows.get<std::uint64_t>(11),
                   .memory_peak = rows.get<std::uint64_t>(12),
                   .io_read = rows.get<std::uint64_t>(14),
                   .io_written = rows.get<std::uint64_t>(15),
                   .net_received = rows.get<std::uint64_t>(16),
                   .net_sent = rows.get<std::uint64_t>(17)};
  life.memory_byte_seconds = static_cast<double>(rows.get<std::uint64_t>(13)) / 1000;
  return life;
}

}  // namespace

void fields(json::Fields& f, UsageLife& life) {
  using json::Presence;
  f("container", life.container, Presence::Always);
  f("name", life.name, Presence::Always);
  f("user", life.user, Presence::Always);
  f("image", life.image, Presence::Always);
  f("imageDigest", life.image_digest);
  f("labels", life.labels);
  f("started", life.started, Presence::Always);
  f("ended", life.ended, Presence::Always);
  f("exitCode", life.exit_code, Presence::Always);
  f("pulledBytes", life.pulled, Presence::Always);
  f("cpuNanoseconds", life.counters.cpu, Presence::Always);
  f("memoryByteSeconds", life.memory_byte_seconds, Presence::Always);
  f("memoryPeakBytes", life.counters.memory_peak, Presence::Always);
  f("ioReadBytes", life.counters.io_read, Presence::Always);
  f("ioWrittenBytes", life.counters.io_written, Presence::Always);
  f("netReceivedBytes", life.counters.net_received, Presence::Always);
  f("netSentBytes", life.counters.net_sent, Presence::Always);
}

struct UsageLog::State {
  explicit State(database::Database rows) : database(std::move(rows)) {}
  database::Database database;
};

UsageLog::UsageLog(std::unique_ptr<State> state) : state_(std::move(state)) {}
UsageLog::~UsageLog() = default;

Result<std::unique_ptr<UsageLog>> UsageLog::open(const std::string& root) {
  auto state = std::make_unique<State>(TRY(database::Database::open(root + "/usage.db", kVersions)));
  return std::unique_ptr<UsageLog>(new UsageLog(std::move(state)));
}

Result<void> UsageLog::add_pulled(const std::string& image_digest, std::uint64_t bytes) {
  if (bytes == 0) return {};
  return state_->database.write(Durability::Lazy, [&](Connection& c) -> Result<void> {
    TRY(
        c.execute("INSERT INTO pulls (image_digest, bytes) VALUES (?1, ?2) "
                  "ON CONFLICT (image_digest) DO UPDATE SET bytes = bytes + excluded.bytes",
                  image_digest, bytes));
    return {};
  });
}

Result<void> UsageLog::begin(const UsageLife& life) {
  return state_->database.write(Durability::Lazy, [&](Connection& c) -> Result<void> {
    const auto known = TRY(
        c.value<std::int64_t>("SELECT number FROM lives WHERE container = ?1 AND started = ?2 AND ended = 0",
                              life.container, life.started));
    if (known) return {};
    TRY(abandon_life(c, life.container));
    const std::uint64_t pulled = life.pulled + TRY(take_pulled(c, life.image_digest));
    TRY(c.execute(
        "INSERT INTO lives (container, name, user, image, image_digest, labels, started, ended, "
        "exit_code, pulled, sampled, cpu, memory, memory_peak, memory_time, io_read, io_written, "
        "net_received, net_sent) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, 0, 0, ?8, ?7, 0, 0, 0, 0, 0, 0, 0, 0)",
        life.container, life.name, life.user, life.image, life.image_digest, json::encode(life.labels),
        life.started, pulled));
    return {};
  });
}

Result<void> UsageLog::sample(const std::string& container, std::int64_t now, const UsageCounters& counters) {
  return state_->database.write(Durability::Lazy, [&](Connection& c) -> Result<void> {
    const std::optional<Progress> life = TRY(find_running(c, container));
    if (!life) return {};
    return apply(c, *life, now, counters);
  });
}

Result<void> UsageLog::abandon(const std::string& container) {
  return state_->database.write(Durability::Lazy, [&](Connection& c) { return abandon_life(c, container); });
}

Result<void> UsageLog::end(const std::string& container, std::int64_t now, std::int64_t exit_code,
                           const std::optional<UsageCounters>& last) {
  return state_->database.write(Durability::Lazy, [&](Connection& c) -> Result<void> {
    const std::optional<Progress> life = TRY(find_running(c, container));
    if (!life) return {};
    if (last) TRY(apply(c, *life, now, *last));
    TRY(c.execute("UPDATE lives SET ended = ?2, exit_code = ?3 WHERE number = ?1", life->number, now,
                  exit_code));
    return {};
  });
}

Result<std::vector<UsageLife>> UsageLog::lives(const UsageQuery& query) const {
  return state_->database.read([&](Connection& c) -> Result<std::vector<UsageLife>> {
    std::vector<UsageLife> found;
    auto rows =
        TRY(c.query("SELECT container, name, user, image, image_digest, labels, started, ended, exit_code, "
                    "pulled, cpu, memory, memory_peak, memory_time, io_read, io_written, net_received, "
                    "net_sent FROM lives WHERE (ended = 0 OR ended > ?1) AND (?2 = 0 OR started < ?2) "
                    "ORDER BY started",
                    query.since, query.until));
    while (TRY(rows.next())) found.push_back(TRY(life_of(rows)));
    return found;
  });
}

Result<std::uint64_t> UsageLog::prune(std::int64_t before) {
  return state_->database.write([&](Connection& c) -> Result<std::uint64_t> {
    return static_cast<std::uint64_t>(
        TRY(c.execute("DELETE FROM lives WHERE ended <> 0 AND ended < ?1", before)));
  });
}

}  // namespace gantry::engine
