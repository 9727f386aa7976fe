// SPDX-License-Identifier: Apache-2.0
//
// SQLite, typed. A Database is one file in WAL mode that several threads and several processes use at once.
// What write() has answered survives kill -9 and power loss; writers of one process that wait at the same
// time share one transaction, and so one fsync.
//
//   Database db = TRY(Database::open("/var/lib/x/metadata.db", kVersions));
//   TRY(db.write([&](Connection& c) -> Result<void> {
//     TRY(c.execute("INSERT INTO tags (name, digest) VALUES (?1, ?2)", name, digest.str()));
//     return {};
//   }));
//   std::optional<std::string> digest = TRY(db.read([&](Connection& c) {
//     return c.value<std::string>("SELECT digest FROM tags WHERE name = ?1", name);
//   }));
//
// Errors: ResourceExhausted when the disk is full, DataLoss when the file is damaged, PermissionDenied when
// it may not be written, else Internal; a constraint that does not hold is AlreadyExists (UNIQUE) or
// Conflict.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "base/error.h"

struct sqlite3;
struct sqlite3_stmt;

namespace gantry::database {

// The text of a statement: a literal, so that values can only come in by binding, and so that the prepared
// statement can be found again by it.
class Sql {
 public:
  template <std::size_t N>
  consteval Sql(const char (&text)[N]) : text_(text, N - 1) {}
  std::string_view text() const { return text_; }

 private:
  std::string_view text_;
};

class Connection;

// The rows that a query answers, one at a time. Gives its statement back when it goes away, which must be
// before the read() or write() it belongs to ends.
class Rows {
 public:
  Rows(Rows&& other) noexcept;
  Rows& operator=(Rows&&) = delete;
  ~Rows();

  // Steps to the next row; false after the last one.
  Result<bool> next();

  // A column of this row, counted from 0: an integer, std::string, std::string_view or bytes (these two live
  // until next()), or an optional of one of them, without a value for NULL.
  template <class T>
  T get(int column) const;

 private:
  friend class Connection;
  Rows(Connection& connection, sqlite3_stmt* statement) : connection_(&connection), statement_(statement) {}
  bool is_null(int column) const;
  std::int64_t integer(int column) const;
  std::string_view text(int column) const;

  Connection* connection_;
  sqlite3_stmt* statement_;  // null: moved from
};

class Connection {
 public:
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  // Values for ?1, ?2 … are integers, text, bytes (std::span<const std::byte>), std::nullopt, and optionals
  // of these.
  template <class... Values>
  Result<Rows> query(Sql sql, const Values&... values) {
    Rows rows = TRY(prepare(sql));
    int index = 0;
    (bind(rows.statement_, ++index, values, Copy::Yes), ...);
    return rows;
  }

  // The first column of the first row.
  template <class T, class... Values>
  Result<std::optional<T>> value(Sql sql, const Values&... values) {
    Rows rows = TRY(query(sql, values...));
    if (!TRY(rows.next())) return std::optional<T>();
    return rows.get<std::optional<T>>(0);
  }

  // The number of rows inserted, updated or deleted.
  template <class... Values>
  Result<std::int64_t> execute(Sql sql, const Values&... values) {
    Rows rows = TRY(prepare(sql));
    int index = 0;
    (bind(rows.statement_, ++index, values, Copy::No), ...);
    return run(rows);
  }

  std::int64_t last_insert_id() const;

  // For a write: runs once the transaction is on disk, before another writer of any process starts; not at
  // all when it failed. What has to be forgotten before it is removed is removed here.
  void after_commit(std::function<void()> work) { after_commit_.push_back(std::move(work)); }

 private:
  friend class Database;
  friend class Rows;
  struct Statements;
  enum class Copy : std::uint8_t { No, Yes };

  explicit Connection(sqlite3* handle, std::string path);
  Result<Rows> prepare(Sql sql);
  Result<std::int64_t> run(Rows& rows);
  Result<void> run_script(const char* sql);
  Error failure(std::string_view what) const;

  static void bind_null(sqlite3_stmt* statement, int index);
  static void bind_integer(sqlite3_stmt* statement, int index, std::int64_t value);
  static void bind_text(sqlite3_stmt* statement, int index, std::string_view value, Copy copy);
  static void bind_bytes(sqlite3_stmt* statement, int index, std::span<const std::byte> value, Copy copy);

  template <class T>
  static void bind(sqlite3_stmt* statement, int index, const T& value, Copy copy) {
    if constexpr (std::same_as<T, std::nullopt_t>)
      bind_null(statement, index);
    else if constexpr (std::integral<T>)
      bind_integer(statement, index, static_cast<std::int64_t>(value));
    else if constexpr (std::convertible_to<const T&, std::string_view>)
      bind_text(statement, index, value, copy);
    else if constexpr (std::convertible_to<const T&, std::span<const std::byte>>)
      bind_bytes(statement, index, value, copy);
    else if (value.has_value())
      bind(statement, index, *value, copy);
    else
      bind_null(statement, index);
  }

  sqlite3* handle_;
  std::string path_;  // for messages
  std::unique_ptr<Statements> statements_;
  std::vector<std::function<void()>> after_commit_;
};

enum class Durability : std::uint8_t {
  Synced,  // on disk when write() returns
  Lazy,  // survives the end of this process; a power loss may take it (never what was synced before or after
         // it)
};

class Database {
 public:
  // `versions`: scripts; the n-th brings the schema from version n to n+1. A new file gets them all. A file
  // of a later version than these is refused (Unsupported).
  static Result<Database> open(const std::string& path, std::span<const char* const> versions);
  Database(Database&&) noexcept;
  Database& operator=(Database&&) noexcept;
  ~Database();

  // Runs `work`, which answers a Result, on one consistent state of the database. Never waits for writers.
  template <std::invocable<Connection&> Work>
  std::invoke_result_t<Work, Connection&> read(Work work) const {
    std::optional<std::invoke_result_t<Work, Connection&>> answer;
    TRY(run_read([&](Connection& connection) { answer.emplace(work(connection)); }));
    return *std::move(answer);
  }

  // Runs `work` alone among all writers, perhaps on the thread of another caller; an error it answers undoes
  // what it did. It must neither write() nor wait for another thread that does.
  template <std::invocable<Connection&> Work>
  std::invoke_result_t<Work, Connection&> write(Durability durability, Work work) {
    std::optional<std::invoke_result_t<Work, Connection&>> answer;
    Result<void> committed = run_write(durability, [&](Connection& connection) {
      answer.emplace(work(connection));
      return answer->has_value();
    });
    // What `work` itself says is nearer to the cause.
    if (!committed && (!answer || answer->has_value())) return std::move(committed).error();
    return *std::move(answer);
  }
  template <std::invocable<Connection&> Work>
  std::invoke_result_t<Work, Connection&> write(Work work) {
    return write(Durability::Synced, std::move(work));
  }

  // Writes everything into the main file, gives unused pages back to the file system and empties the log.
  Result<void> compact();
  // Frees the caches of pages, and connections that nobody uses: for a process that has nothing to do.
  void release_memory();
  // What SQLite itself finds wrong with the file, one finding a line; empty: nothing.
  Result<std::string> damage() const;

 private:
  struct State;
  struct Write;
  explicit Database(std::unique_ptr<State> state);
  Result<void> run_read(const std::function<void(Connection&)>& work) const;
  Result<void> run_write(Durability durability, const std::function<bool(Connection&)>& work);
  Result<void> run_batch(std::span<Write* const> batch);
  std::unique_ptr<State> state_;
};

template <class T>
T Rows::get(int column) const {
  if constexpr (std::integral<T>) {
    return static_cast<T>(integer(column));
  } else if constexpr (std::same_as<T, std::string> || std::same_as<T, std::string_view>) {
    return T(text(column));
  } else if constexpr (std::same_as<T, std::span<const std::byte>>) {
    const std::string_view bytes = text(column);
    return std::as_bytes(std::span(bytes.data(), bytes.size()));
  } else {
    return is_null(column) ? T() : T(get<typename T::value_type>(column));
  }
}

}  // namespace gantry::database
