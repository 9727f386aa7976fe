// SPDX-License-Identifier: Apache-2.0
#include "database/database.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cassert>
#include <unordered_map>

#include <fmt/format.h>

#include "base/file.h"
#include "base/group_work.h"
#include "base/mutex.h"
#include "base/unique_fd.h"

namespace gantry::database {

// How long to wait for a foreign program, such as sqlite3(1), that writes; our own writers take turns by a
// lock.
static constexpr int kBusyMilliseconds = 60'000;
// The log, which is emptied into the file when it is full, has its size on disk from the beginning: syncing
// what overwrites is many times faster than syncing what grows, for which the file system has to write its
// journal.
static constexpr std::size_t kLogBytes = 1 << 20;
static constexpr std::size_t kPageSize = 8192;  // bytes
static constexpr int kLogPages = kLogBytes / kPageSize;
// On a full disk what gives room back has to be written down as well, and the log cannot be emptied into a
// file that cannot grow. So there is room behind where it is full, for some dozens of small changes; and
// while the disk is nearly full, it is emptied before each write.
static constexpr std::size_t kLogFileBytes = kLogBytes + (512 << 10);
static constexpr std::uint64_t kNearlyFull = 32 << 20;  // bytes that are free
// Connections beyond these are closed after use: each has a cache of pages.
static constexpr std::size_t kIdleReaders = 4;

static Code code_of(int result, int errno_value) {
  switch (result) {
    case SQLITE_CONSTRAINT_UNIQUE:
    case SQLITE_CONSTRAINT_PRIMARYKEY:
    case SQLITE_CONSTRAINT_ROWID: return Code::AlreadyExists;
    default: break;
  }
  switch (result & 0xff) {
    case SQLITE_CONSTRAINT: return Code::Conflict;
    case SQLITE_FULL: return Code::ResourceExhausted;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB: return Code::DataLoss;
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_AUTH: return Code::PermissionDenied;
    case SQLITE_BUSY:
    case SQLITE_LOCKED: return Code::Unavailable;
    case SQLITE_CANTOPEN:
    case SQLITE_IOERR: return errno_value != 0 ? code_of_errno(errno_value) : Code::Internal;
    default: return Code::Internal;
  }
}

static Error failure_of(sqlite3* handle, const std::string& path, std::string_view what) {
  const int result = sqlite3_extended_errcode(handle);
  // Only these leave an errno of this call; others leave that of an older one.
  const bool is_of_system = (result & 0xff) == SQLITE_IOERR || (result & 0xff) == SQLITE_CANTOPEN;
  const int errno_value = is_of_system ? sqlite3_system_errno(handle) : result == SQLITE_FULL ? ENOSPC : 0;
  std::string message = fmt::format("{} database '{}': {}", what, path, sqlite3_errmsg(handle));
  if (errno_value != 0) message += ": " + describe_errno(errno_value);
  return Error(code_of(result, errno_value), errno_value, std::move(message));
}

// ---- Rows

Rows::Rows(Rows&& other) noexcept
    : connection_(other.connection_), statement_(std::exchange(other.statement_, nullptr)) {}

Result<bool> Rows::next() {
  const int result = sqlite3_step(statement_);
  if (result == SQLITE_ROW) return true;
  if (result == SQLITE_DONE) return false;
  return connection_->failure("use");
}

bool Rows::is_null(int column) const { return sqlite3_column_type(statement_, column) == SQLITE_NULL; }

std::int64_t Rows::integer(int column) const { return sqlite3_column_int64(statement_, column); }

std::string_view Rows::text(int column) const {
  // As bytes: of text, SQLite gives its UTF-8 as it is.
  const auto* data = static_cast<const char*>(sqlite3_column_blob(statement_, column));
  return {data, static_cast<std::size_t>(sqlite3_column_bytes(statement_, column))};
}

// ---- Connection

struct Connection::Statements {
  // Prepared and not in use, by their text. A statement that is needed twice at once is prepared twice.
  std::unordered_map<std::string_view, std::vector<sqlite3_stmt*>> idle;
};

Connection::Connection(sqlite3* handle, std::string path)
    : handle_(handle), path_(std::move(path)), statements_(std::make_unique<Statements>()) {}

Connection::~Connection() {
  for (const auto& [text, statements] : statements_->idle)
    for (sqlite3_stmt* statement : statements) sqlite3_finalize(statement);
  const int result = sqlite3_close(handle_);
  assert(result == SQLITE_OK && "rows outlive their connection");
  (void)result;
}

Rows::~Rows() {
  if (statement_ == nullptr) return;
  sqlite3_reset(statement_);
  sqlite3_clear_bindings(statement_);
  connection_->statements_->idle[sqlite3_sql(statement_)].push_back(statement_);
}

Error Connection::failure(std::string_view what) const { return failure_of(handle_, path_, what); }

Result<Rows> Connection::prepare(Sql sql) {
  auto& idle = statements_->idle[sql.text()];
  if (!idle.empty()) {
    sqlite3_stmt* statement = idle.back();
    idle.pop_back();
    return Rows(*this, statement);
  }
  sqlite3_stmt* statement = nullptr;
  if (sqlite3_prepare_v3(handle_, sql.text().data(), static_cast<int>(sql.text().size()),
                         SQLITE_PREPARE_PERSISTENT, &statement, nullptr) != SQLITE_OK)
    return failure(fmt::format("prepare '{}' for", sql.text()));
  return Rows(*this, statement);
}

Result<std::int64_t> Connection::run(Rows& rows) {
  while (TRY(rows.next())) {
  }
  return sqlite3_changes64(handle_);
}

Result<void> Connection::run_script(const char* sql) {
  if (sqlite3_exec(handle_, sql, nullptr, nullptr, nullptr) != SQLITE_OK) return failure("use");
  return {};
}

std::int64_t Connection::last_insert_id() const { return sqlite3_last_insert_rowid(handle_); }

// Binding fails only for an index that the statement does not have.
static void must_bind(int result) {
  assert(result == SQLITE_OK && "a value without a ?N in the statement");
  (void)result;
}

void Connection::bind_null(sqlite3_stmt* statement, int index) {
  must_bind(sqlite3_bind_null(statement, index));
}

void Connection::bind_integer(sqlite3_stmt* statement, int index, std::int64_t value) {
  must_bind(sqlite3_bind_int64(statement, index, value));
}

void Connection::bind_text(sqlite3_stmt* statement, int index, std::string_view value, Copy copy) {
  // A null pointer would be NULL.
  must_bind(sqlite3_bind_text64(statement, index, value.empty() ? "" : value.data(), value.size(),
                                copy == Copy::Yes ? SQLITE_TRANSIENT : SQLITE_STATIC, SQLITE_UTF8));
}

void Connection::bind_bytes(sqlite3_stmt* statement, int index, std::span<const std::byte> value, Copy copy) {
  must_bind(sqlite3_bind_blob64(statement, index, value.empty() ? "" : static_cast<const void*>(value.data()),
                                value.size(), copy == Copy::Yes ? SQLITE_TRANSIENT : SQLITE_STATIC));
}

// ---- Database

struct Database::Write {
  Durability durability;
  const std::function<bool(Connection&)>* work;
  std::optional<Error> failure;
};

struct Database::State {
  std::string path;
  // Locked (flock) by the one writer of all processes: SQLite's own lock is waited for by sleeping.
  UniqueFd lock;
  GroupWork<Write> writes;
  std::unique_ptr<Connection> writer;  // of whoever is at work on them
  Durability writer_durability = Durability::Synced;
  int log_pages = 0;  // that the log had after the writer's last commit

  ~State();

  Mutex mutex;  // guards what follows
  std::vector<std::unique_ptr<Connection>> idle_readers GUARDED_BY(mutex);
};

namespace {

class WriteLock {
 public:
  static Result<WriteLock> acquire(int fd, const std::string& path) {
    while (::flock(fd, LOCK_EX) < 0)
      if (errno != EINTR) return sys_error("lock database '{}'", path);
    return WriteLock(fd);
  }
  WriteLock(WriteLock&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  WriteLock& operator=(WriteLock&&) = delete;
  ~WriteLock() {
    if (fd_ >= 0) (void)::flock(fd_, LOCK_UN);
  }

 private:
  explicit WriteLock(int fd) : fd_(fd) {}
  int fd_;
};

Result<sqlite3*> open_handle(const std::string& path) {
  sqlite3* handle = nullptr;
  constexpr int kFlags =
      SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
  if (sqlite3_open_v2(path.c_str(), &handle, kFlags, nullptr) != SQLITE_OK) {
    Error failure = failure_of(handle, path, "open");
    sqlite3_close(handle);
    return failure;
  }
  sqlite3_busy_timeout(handle, kBusyMilliseconds);
  // The log stays when the last connection is closed, and as it is: emptying it is for who writes much, not
  // for every command that looks something up.
  int is_kept = 1;
  sqlite3_file_control(handle, "main", SQLITE_FCNTL_PERSIST_WAL, &is_kept);
  sqlite3_db_config(handle, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
  return handle;
}

// After each commit. What sqlite3_wal_autocheckpoint(3) would do now is done by the next write: whoever is in
// this one is on disk already, and need not wait for the log to be emptied.
int remember_log_size(void* log_pages, sqlite3*, const char*, int pages) {
  *static_cast<int*>(log_pages) = pages;
  return SQLITE_OK;
}

// Into the file, as far as no reader is in the way: what is left is for the next time.
void empty_log(sqlite3* handle) {
  (void)sqlite3_wal_checkpoint_v2(handle, "main", SQLITE_CHECKPOINT_PASSIVE, nullptr, nullptr);
}

// And not too full: emptying the log, which makes the file grow, must not eat up the last room.
bool is_nearly_full(int file) {
  struct statvfs disk{};
  if (::fstatvfs(file, &disk) < 0 || disk.f_blocks == 0) return false;
  const std::uint64_t room = disk.f_bavail * disk.f_frsize;
  return room >= kLogFileBytes && room < kNearlyFull;
}

bool has_full_log(const std::string& path) {
  struct stat status;
  return ::stat((path + "-wal").c_str(), &status) == 0 &&
         static_cast<std::size_t>(status.st_size) >= kLogFileBytes;
}

// Zeros behind what SQLite wrote are no part of the log to it. The caller keeps writers away. On a full disk
// the log stays as short as it is, and grows by being written.
void fill_log(const std::string& path) {
  const UniqueFd log(::open((path + "-wal").c_str(), O_WRONLY | O_CLOEXEC));
  struct stat status;
  if (!log || ::fstat(log.get(), &status) < 0) return;
  static constexpr char kZeros[64 << 10] = {};
  for (auto at = static_cast<std::size_t>(status.st_size); at < kLogFileBytes;) {
    const std::size_t size = std::min(sizeof kZeros, kLogFileBytes - at);
    const ssize_t written = ::pwrite(log.get(), kZeros, size, static_cast<off_t>(at));
    if (written <= 0) return;
    at += static_cast<std::size_t>(written);
  }
  (void)::fdatasync(log.get());
}

}  // namespace

// A connection's cache of pages is small: the kernel has its own, and what one reads through once fills
// memory in vain. The writer's is larger, since what it has changed leaves it early else.
static constexpr const char* kSettings =
    "PRAGMA synchronous = FULL; PRAGMA cache_size = -256; PRAGMA temp_store = MEMORY;";
static constexpr const char* kWriterSettings = "PRAGMA cache_size = -1024";

static Result<std::int64_t> version_of(Connection& connection) {
  return TRY(connection.value<std::int64_t>("PRAGMA user_version")).value_or(0);
}

// A log that was emptied is begun anew by the next write of a process that knows: another one takes what it
// finds in it for new. So the processes that come for one write only would make it longer and longer.
Database::State::~State() {
  if (!writer || log_pages < kLogPages) return;
  const auto turn = WriteLock::acquire(lock.get(), path);
  const auto version = version_of(*writer);
  if (turn) empty_log(writer->handle_);
  // Without success the next process does it.
  if (turn && version) (void)writer->run_script(fmt::format("PRAGMA user_version = {}", *version).c_str());
}

Database::Database(std::unique_ptr<State> state) : state_(std::move(state)) {}
Database::Database(Database&&) noexcept = default;
Database& Database::operator=(Database&&) noexcept = default;
Database::~Database() = default;

Result<Database> Database::open(const std::string& path, std::span<const char* const> versions) {
  auto state = std::make_unique<State>();
  state->path = path;
  state->lock = TRY(open_at(AT_FDCWD, path + ".lock", O_RDWR | O_CREAT, 0600));
  sqlite3* handle = TRY(open_handle(path));
  std::unique_ptr<Connection> first(new Connection(handle, path));
  Connection& connection = *first;
  TRY(connection.run_script(kSettings));
  const auto latest = static_cast<std::int64_t>(versions.size());
  std::int64_t version = TRY(version_of(connection));
  if (version < latest) {
    const WriteLock lock = TRY(WriteLock::acquire(state->lock.get(), path));
    // Before there is a table, or it has no effect. Another process may have been faster with all of this.
    TRY(connection.run_script(fmt::format("PRAGMA page_size = {}; PRAGMA auto_vacuum = INCREMENTAL;"
                                          "PRAGMA journal_mode = WAL; BEGIN IMMEDIATE",
                                          kPageSize)
                                  .c_str()));
    version = TRY(version_of(connection));
    for (; version < latest; ++version) {
      TRY_DURING(connection.run_script(versions[version]), "bring it to version {}", version + 1);
      TRY(connection.run_script(fmt::format("PRAGMA user_version = {}", version + 1).c_str()));
    }
    TRY(connection.run_script("COMMIT"));
  }
  if (version > latest)
    return error(
        Code::Unsupported,
        "open database '{}': a later version of this program made it (tables of version {}, known are those "
        "up to {})",
        path, version, latest);
  if (!has_full_log(path)) {
    const WriteLock lock = TRY(WriteLock::acquire(state->lock.get(), path));
    fill_log(path);
  }
  {
    MutexLock lock(state->mutex);
    state->idle_readers.push_back(std::move(first));
  }
  return Database(std::move(state));
}

Result<void> Database::run_read(const std::function<void(Connection&)>& work) const {
  std::unique_ptr<Connection> connection;
  {
    MutexLock lock(state_->mutex);
    if (!state_->idle_readers.empty()) {
      connection = std::move(state_->idle_readers.back());
      state_->idle_readers.pop_back();
    }
  }
  if (!connection) {
    sqlite3* handle = TRY(open_handle(state_->path));
    connection.reset(new Connection(handle, state_->path));
    TRY(connection->run_script(kSettings));
  }
  TRY(connection->execute("BEGIN"));
  work(*connection);
  // Nothing was changed: what fails here has failed in `work` already.
  (void)connection->execute("COMMIT");
  if (sqlite3_get_autocommit(connection->handle_) == 0) return {};  // not fit for another use
  MutexLock lock(state_->mutex);
  if (state_->idle_readers.size() < kIdleReaders) state_->idle_readers.push_back(std::move(connection));
  return {};
}

// Runs all of them in one transaction. Each has its own success or failure, but what ends the transaction (a
// full disk) is the failure of all.
Result<void> Database::run_batch(std::span<Write* const> batch) {
  State& state = *state_;
  Durability durability = Durability::Lazy;
  for (const Write* write : batch)
    if (write->durability == Durability::Synced) durability = Durability::Synced;

  const WriteLock lock = TRY(WriteLock::acquire(state.lock.get(), state.path));
  if (!state.writer) {
    sqlite3* handle = TRY(open_handle(state.path));
    state.writer.reset(new Connection(handle, state.path));
    sqlite3_wal_hook(handle, remember_log_size, &state.log_pages);
    TRY(state.writer->run_script(kSettings));
    TRY(state.writer->run_script(kWriterSettings));
    state.writer_durability = Durability::Synced;
  }
  Connection& writer = *state.writer;
  if (durability != state.writer_durability) {
    // In WAL mode, NORMAL leaves out the fsync of the log at commit; the next FULL commit syncs all of it.
    TRY(writer.run_script(durability == Durability::Synced ? "PRAGMA synchronous = FULL"
                                                           : "PRAGMA synchronous = NORMAL"));
    state.writer_durability = durability;
  }

  if (state.log_pages >= kLogPages || is_nearly_full(state.lock.get())) empty_log(writer.handle_);
  TRY(writer.execute("BEGIN IMMEDIATE"));
  const auto is_over = [&] { return sqlite3_get_autocommit(writer.handle_) != 0; };
  const auto run_all = [&]() -> Result<void> {
    for (const Write* write : batch) {
      const std::size_t hooks = writer.after_commit_.size();
      if (batch.size() > 1) TRY(writer.execute("SAVEPOINT one"));
      const bool is_kept = (*write->work)(writer);
      // A full disk or a damaged file makes SQLite roll everything back.
      if (is_over())
        return error(Code::ResourceExhausted, "write to database '{}': rolled back, as after a full disk",
                     state.path);
      if (!is_kept) {
        writer.after_commit_.resize(hooks);
        if (batch.size() == 1) {
          TRY(writer.execute("ROLLBACK"));
          return {};
        }
        TRY(writer.execute("ROLLBACK TO one"));
      }
      if (batch.size() > 1) TRY(writer.execute("RELEASE one"));
    }
    if (!is_over()) TRY(writer.execute("COMMIT"));
    return {};
  };
  Result<void> result = run_all();
  const auto hooks = std::exchange(writer.after_commit_, {});
  if (!result) {
    if (!is_over()) (void)writer.execute("ROLLBACK");
    return result;
  }
  for (const auto& hook : hooks) hook();
  return {};
}

Result<void> Database::run_write(Durability durability, const std::function<bool(Connection&)>& work) {
  Write mine{.durability = durability, .work = &work};
  state_->writes.run(mine, [this](std::span<Write* const> all) {
    const Result<void> result = run_batch(all);
    if (result) return;
    const Error& why = result.error();
    for (Write* write : all) write->failure.emplace(why.code(), why.errno_value(), why.message());
  });
  if (mine.failure) return *std::move(mine.failure);
  return {};
}

Result<void> Database::compact() {
  const WriteLock lock = TRY(WriteLock::acquire(state_->lock.get(), state_->path));
  Connection connection(TRY(open_handle(state_->path)), state_->path);
  TRY(connection.run_script(kSettings));
  TRY(connection.run_script("PRAGMA incremental_vacuum; PRAGMA wal_checkpoint(TRUNCATE)"));
  fill_log(state_->path);
  return {};
}

void Database::release_memory() {
  std::vector<std::unique_ptr<Connection>> unused;
  {
    MutexLock lock(state_->mutex);
    unused.swap(state_->idle_readers);
  }
  state_->writes.run_if_idle([&] {
    if (state_->writer) (void)sqlite3_db_release_memory(state_->writer->handle_);
  });
}

Result<std::string> Database::damage() const {
  return read([](Connection& connection) -> Result<std::string> {
    Rows rows = TRY(connection.query("PRAGMA integrity_check"));
    std::string found;
    while (TRY(rows.next()))
      if (const auto line = rows.get<std::string_view>(0); line != "ok") found.append(line).append("\n");
    return found;
  });
}

}  // namespace gantry::database
