// SPDX-License-Identifier: Apache-2.0
#include "store/change_log.h"

#include <utility>

namespace gantry::store {

using database::Connection;
using database::Durability;
using database::Rows;

// A change's value stands last: whoever does not want it does not read the pages it goes on in.
static constexpr const char* kVersions[] = {
    "CREATE TABLE changes (id INTEGER PRIMARY KEY, key BLOB NOT NULL, created INTEGER NOT NULL,"
    "  version INTEGER NOT NULL, lease INTEGER NOT NULL, value BLOB);"
    "CREATE TABLE progress (name TEXT PRIMARY KEY, revision INTEGER NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE leases (id INTEGER PRIMARY KEY, seconds INTEGER NOT NULL);"};

KeyValue LoggedChange::to_key_value() const {
  return {.key = key,
          .value = value,
          .created = change.created,
          .modified = change.revision(),
          .version = change.version,
          .lease = change.lease};
}

static std::int64_t number_of(ChangeId id) { return static_cast<std::int64_t>(id); }

// Of a row that begins with id, created, version, lease.
static Change change_of(const Rows& row) {
  return {.id = ChangeId(row.get<std::int64_t>(0)),
          .created = row.get<Revision>(1),
          .version = row.get<std::int64_t>(2),
          .lease = row.get<LeaseId>(3)};
}

Result<ChangeLog> ChangeLog::open(const std::string& path) {
  return ChangeLog(TRY(database::Database::open(path, kVersions)));
}

Result<ChangeLog::Start> ChangeLog::load(
    const std::function<void(const std::string&, const Change&)>& visit) const {
  return database_.read([&](Connection& connection) -> Result<Start> {
    Start start;
    Rows progress = TRY(connection.query("SELECT name, revision FROM progress"));
    while (TRY(progress.next()))
      (progress.get<std::string_view>(0) == "compacted" ? start.compacted : start.revision) =
          progress.get<Revision>(1);
    Rows changes = TRY(connection.query("SELECT id, created, version, lease, key FROM changes ORDER BY id"));
    while (TRY(changes.next())) {
      const Change change = change_of(changes);
      start.revision = std::max(start.revision, change.revision());
      visit(changes.get<std::string>(4), change);
    }
    Rows leases = TRY(connection.query("SELECT id, seconds FROM leases"));
    while (TRY(leases.next())) start.leases.push_back({leases.get<LeaseId>(0), leases.get<std::int64_t>(1)});
    return start;
  });
}

Result<void> ChangeLog::append(std::span<const LoggedChange> changes) {
  return database_.write([&](Connection& connection) -> Result<void> {
    for (const LoggedChange& logged : changes) {
      const Change& change = logged.change;
      std::optional<std::string_view> value;
      if (!change.is_deletion()) value = logged.value.view();
      TRY(connection.execute(
          "INSERT INTO changes (id, key, created, version, lease, value) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
          number_of(change.id), logged.key, change.created, change.version, change.lease, value));
    }
    return {};
  });
}

Result<std::vector<std::optional<SharedBytes>>> ChangeLog::values(std::span<const ChangeId> ids) const {
  return database_.read([&](Connection& connection) -> Result<std::vector<std::optional<SharedBytes>>> {
    std::vector<std::optional<SharedBytes>> values;
    values.reserve(ids.size());
    for (const ChangeId id : ids) {
      Rows row = TRY(connection.query("SELECT value FROM changes WHERE id = ?1", number_of(id)));
      if (TRY(row.next()))
        values.emplace_back(SharedBytes(row.get<std::string_view>(0)));
      else
        values.emplace_back();
    }
    return values;
  });
}

Result<std::vector<LoggedChange>> ChangeLog::changes_after(Revision revision, std::size_t at_least) const {
  return database_.read([&](Connection& connection) -> Result<std::vector<LoggedChange>> {
    std::vector<LoggedChange> changes;
    Rows rows = TRY(connection.query(
        "SELECT id, created, version, lease, key, value FROM changes WHERE id >= ?1 ORDER BY id",
        number_of(change_id(revision + 1, 0))));
    while (TRY(rows.next())) {
      const Change change = change_of(rows);
      if (changes.size() >= at_least && change.revision() != changes.back().change.revision()) break;
      changes.push_back({rows.get<std::string>(4), change, SharedBytes(rows.get<std::string_view>(5))});
    }
    return changes;
  });
}

Result<void> ChangeLog::set_compacted(Revision compacted, Revision revision) {
  return database_.write([&](Connection& connection) -> Result<void> {
    // The last change may be one that is forgotten.
    TRY(connection.execute(
        "INSERT OR REPLACE INTO progress (name, revision) VALUES ('compacted', ?1), ('revision', ?2)",
        compacted, revision));
    return {};
  });
}

Result<void> ChangeLog::forget(std::span<const ChangeId> ids) {
  // What a power loss brings back is forgotten by the next open().
  return database_.write(Durability::Lazy, [&](Connection& connection) -> Result<void> {
    for (const ChangeId id : ids) TRY(connection.execute("DELETE FROM changes WHERE id = ?1", number_of(id)));
    return {};
  });
}

Result<void> ChangeLog::add_lease(const LoggedLease& lease) {
  return database_.write([&](Connection& connection) -> Result<void> {
    TRY(connection.execute("INSERT INTO leases (id, seconds) VALUES (?1, ?2)", lease.id, lease.seconds));
    return {};
  });
}

Result<void> ChangeLog::remove_lease(LeaseId lease) {
  return database_.write([&](Connection& connection) -> Result<void> {
    TRY(connection.execute("DELETE FROM leases WHERE id = ?1", lease));
    return {};
  });
}

}  // namespace gantry::store
