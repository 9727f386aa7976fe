// SPDX-License-Identifier: Apache-2.0
#include "engine/engine_database.h"

#include <utility>

#include "base/json.h"
#include "base/json_codec.h"

namespace gantry::engine {

using database::Connection;
using database::Durability;
using database::Rows;

namespace {

// The n-th brings the database from version n to n + 1. The states stand in a table of their own, so that a
// start writes one small row and not the settings again.
constexpr const char* kVersions[] = {R"(
CREATE TABLE containers (
  number INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  name TEXT NOT NULL UNIQUE,
  created INTEGER NOT NULL,
  settings TEXT NOT NULL);
CREATE TABLE container_networks (
  container INTEGER PRIMARY KEY REFERENCES containers (number) ON DELETE CASCADE,
  networks TEXT NOT NULL);
CREATE TABLE container_states (
  container INTEGER PRIMARY KEY REFERENCES containers (number) ON DELETE CASCADE,
  status TEXT NOT NULL,
  pid INTEGER NOT NULL,
  exit_code INTEGER NOT NULL,
  error TEXT NOT NULL,
  oom_killed INTEGER NOT NULL,
  stopped_by_hand INTEGER NOT NULL,
  started INTEGER NOT NULL,
  finished INTEGER NOT NULL,
  restart_count INTEGER NOT NULL);
CREATE TABLE execs (
  id TEXT PRIMARY KEY,
  container TEXT NOT NULL,
  session INTEGER NOT NULL,
  pid INTEGER NOT NULL,
  status INTEGER NOT NULL,
  exit_code INTEGER,
  error TEXT NOT NULL,
  config TEXT NOT NULL) WITHOUT ROWID;
CREATE INDEX execs_of_container ON execs (container);
CREATE TABLE pods (
  number INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  name TEXT NOT NULL UNIQUE,
  created INTEGER NOT NULL,
  is_running INTEGER NOT NULL,
  settings TEXT NOT NULL,
  networks TEXT NOT NULL);
)"};

template <class T>
Result<std::shared_ptr<const T>> decode_text(std::string_view text, std::string_view what) {
  const auto document = TRY_DURING(json::Document::parse(std::string(text)), "read {}", what);
  return std::make_shared<const T>(TRY_DURING(json::decode<T>(document.root()), "read {}", what));
}

Result<Status> status_of(std::string_view word) {
  constexpr auto kWords = names_of(Status{});
  for (std::size_t i = 0; i < kWords.size(); ++i)
    if (kWords[i] == word) return static_cast<Status>(i);
  return error(Code::DataLoss, "a container's status is '{}'", word);
}

// The columns of container_states from `first` on.
Result<ContainerState> state_of(const Rows& rows, int first) {
  return ContainerState{.status = TRY(status_of(rows.get<std::string_view>(first))),
                        .pid = rows.get<pid_t>(first + 1),
                        .exit_code = rows.get<std::int64_t>(first + 2),
                        .error = rows.get<std::string>(first + 3),
                        .oom_killed = rows.get<std::int64_t>(first + 4) != 0,
                        .stopped_by_hand = rows.get<std::int64_t>(first + 5) != 0,
                        .started = rows.get<TimeNs>(first + 6),
                        .finished = rows.get<TimeNs>(first + 7),
                        .restart_count = rows.get<std::int64_t>(first + 8)};
}

Result<void> put_state(Connection& c, RowNumber number, const ContainerState& state) {
  TRY(c.execute("INSERT OR REPLACE INTO container_states VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
                number, name_of(state.status), state.pid, state.exit_code, state.error, state.oom_killed,
                state.stopped_by_hand, state.started, state.finished, state.restart_count));
  return {};
}

Result<void> put_networks(Connection& c, RowNumber number, const ContainerNetworks& networks) {
  TRY(c.execute("INSERT OR REPLACE INTO container_networks VALUES (?1, ?2)", number, json::encode(networks)));
  return {};
}

Result<StoredContainer> container_of(const Rows& rows) {
  StoredContainer stored{.number = rows.get<RowNumber>(0)};
  ContainerRecord& record = stored.record;
  record.id = rows.get<std::string>(1);
  record.name = rows.get<std::string>(2);
  record.created = rows.get<TimeNs>(3);
  record.settings = TRY(decode_text<ContainerSettings>(rows.get<std::string_view>(4), record.id));
  record.networks = TRY(decode_text<ContainerNetworks>(rows.get<std::string_view>(5), record.id));
  record.state = TRY(state_of(rows, 6));
  return stored;
}

}  // namespace

Result<EngineDatabase> EngineDatabase::open(const std::string& path) {
  return EngineDatabase(TRY(database::Database::open(path, kVersions)));
}

// ---- containers

Result<std::vector<StoredContainer>> EngineDatabase::containers() const {
  return database_.read([](Connection& c) -> Result<std::vector<StoredContainer>> {
    std::vector<StoredContainer> found;
    Rows rows =
        TRY(c.query("SELECT number, id, name, created, settings, networks, status, pid, exit_code, "
                    "error, oom_killed, stopped_by_hand, started, finished, restart_count FROM containers "
                    "JOIN container_networks AS n ON n.container = number "
                    "JOIN container_states AS s ON s.container = number ORDER BY number"));
    while (TRY(rows.next())) found.push_back(TRY(container_of(rows)));
    return found;
  });
}

Result<RowNumber> EngineDatabase::add_container(const ContainerRecord& container) {
  return database_.write(Durability::Lazy, [&](Connection& c) -> Result<RowNumber> {
    TRY(c.execute("INSERT INTO containers (id, name, created, settings) VALUES (?1, ?2, ?3, ?4)",
                  container.id, container.name, container.created, json::encode(*container.settings)));
    const RowNumber number = c.last_insert_id();
    TRY(put_networks(c, number, *container.networks));
    TRY(put_state(c, number, container.state));
    return number;
  });
}

Result<void> EngineDatabase::save_name(RowNumber number, const std::string& name) {
  return database_.write(Durability::Lazy, [&](Connection& c) -> Result<void> {
    TRY(c.execute("UPDATE containers SET name = ?2 WHERE number = ?1", number, name));
    return {};
  });
}

Result<void> EngineDatabase::save_settings(RowNumber number, const ContainerSettings& settings) {
  return database_.write(Durability::Lazy, [&](Connection& c) -> Result<void> {
    TRY(c.execute("UPDATE containers SET settings = ?2 WHERE number = ?1", number, json::encode(settings)));
    return {};
  });
}

Result<void> EngineDatabase::save_networks(RowNumber number, const ContainerNetworks& networks) {
  return database_.write(Durability::Lazy, [&](Connection& c) { return put_networks(c, number, networks); });
}

Result<void> EngineDatabase::save_state(RowNumber number, const ContainerState& state) {
  return database_.write(Durability::Lazy, [&](Connection& c) { return put_state(c, number, state); });
}

Result<void> EngineDatabase::save_run(RowNumber number, const ContainerState& state,
                                      const ContainerNetworks& networks) {
  return database_.write(Durability::Lazy, [&](Connection& c) -> Result<void> {
    TRY(put_networks(c, number, networks));
    return put_state(c, number, state);
  });
}

Result<void> EngineDatabase::remove_container(RowNumber number) {
  return database_.write(Durability::Lazy, [&](Connection& c) -> Result<void> {
    TRY(c.execute("DELETE FROM execs WHERE container = (SELECT id FROM containers WHERE number = ?1)",
                  number));
    TRY(c.execute("DELETE FROM container_networks WHERE container = ?1", number));
    TRY(c.execute("DELETE FROM container_states WHERE container = ?1", number));
    TRY(c.execute("DELETE FROM containers WHERE number = ?1", number));
    return {};
  });
}

// ---- execs

Result<std::vector<ExecRecord>> EngineDatabase::execs() const {
  return database_.read([](Connection& c) -> Result<std::vector<ExecRecord>> {
    std::vector<ExecRecord> found;
    Rows rows =
        TRY(c.query("SELECT id, container, session, pid, status, exit_code, error, config FROM execs"));
    while (TRY(rows.next())) {
      ExecRecord exec{.id = rows.get<std::string>(0),
                      .container = rows.get<std::string>(1),
                      .status = static_cast<ExecStatus>(rows.get<std::int64_t>(4)),
                      .session = rows.get<std::uint32_t>(2),
                      .pid = rows.get<pid_t>(3),
                      .exit_code = rows.get<std::optional<std::int64_t>>(5),
                      .error = rows.get<std::string>(6)};
      exec.config = TRY(decode_text<ExecConfig>(rows.get<std::string_view>(7), exec.id));
      found.push_back(std::move(exec));
    }
    return found;
  });
}

Result<void> EngineDatabase::save_exec(const ExecRecord& exec) {
  return database_.write(Durability::Lazy, [&](Connection& c) -> Result<void> {
    TRY(c.execute("INSERT OR REPLACE INTO execs VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)", exec.id,
                  exec.container, exec.session, exec.pid, static_cast<int>(exec.status), exec.exit_code,
                  exec.error, json::encode(*exec.config)));
    return {};
  });
}

Result<void> EngineDatabase::remove_exec(std::string_view id) {
  return database_.write(Durability::Lazy, [&](Connection& c) -> Result<void> {
    TRY(c.execute("DELETE FROM execs WHERE id = ?1", id));
    return {};
  });
}

// ---- pods

Result<std::vector<StoredPod>> EngineDatabase::pods() const {
  return database_.read([](Connection& c) -> Result<std::vector<StoredPod>> {
    std::vector<StoredPod> found;
    Rows rows = TRY(c.query(
        "SELECT number, id, name, created, is_running, settings, networks FROM pods ORDER BY number"));
    while (TRY(rows.next())) {
      StoredPod stored{.number = rows.get<RowNumber>(0)};
      stored.record = {.id = rows.get<std::string>(1),
                       .name = rows.get<std::string>(2),
                       .created = rows.get<TimeNs>(3),
                       .is_running = rows.get<std::int64_t>(4) != 0};
      stored.record.settings = TRY(decode_text<PodSettings>(rows.get<std::string_view>(5), stored.record.id));
      stored.record.networks =
          TRY(decode_text<ContainerNetworks>(rows.get<std::string_view>(6), stored.record.id));
      found.push_back(std::move(stored));
    }
    return found;
  });
}

Result<RowNumber> EngineDatabase::add_pod(const PodRecord& pod) {
  return database_.write(Durability::Lazy, [&](Connection& c) -> Result<RowNumber> {
    TRY(
        c.execute("INSERT INTO pods (id, name, created, is_running, settings, networks) VALUES "
                  "(?1, ?2, ?3, ?4, ?5, ?6)",
                  pod.id, pod.name, pod.created, pod.is_running, json::encode(*pod.settings),
                  json::encode(*pod.networks)));
    return c.last_insert_id();
  });
}

Result<void> EngineDatabase::save_pod(RowNumber number, const PodRecord& pod) {
  return database_.write(Durability::Lazy, [&](Connection& c) -> Result<void> {
    TRY(c.execute("UPDATE pods SET is_running = ?2, networks = ?3 WHERE number = ?1", number, pod.is_running,
                  json::encode(*pod.networks)));
    return {};
  });
}

Result<void> EngineDatabase::remove_pod(RowNumber number) {
  return database_.write(Durability::Lazy, [&](Connection& c) -> Result<void> {
    TRY(c.execute("DELETE FROM pods WHERE number = ?1", number));
    return {};
  });
}

}  // namespace gantry::engine
