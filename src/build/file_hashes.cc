// SPDX-License-Identifier: Apache-2.0
#include "build/file_hashes.h"

#include <fcntl.h>

#include <atomic>
#include <thread>
#include <utility>

#include "base/printable.h"
#include "base/thread_pool.h"
#include "base/timestamp.h"
#include "build/file_reader.h"

namespace gantry::build {

using database::Connection;
using database::Durability;
using database::Rows;
using oci::Digest;

namespace {

constexpr const char* kTables = R"sql(
CREATE TABLE files (
  device INTEGER NOT NULL,
  inode INTEGER NOT NULL,
  size INTEGER NOT NULL,
  mtime INTEGER NOT NULL,  -- nanoseconds since 1970, as all times here
  ctime INTEGER NOT NULL,
  digest TEXT NOT NULL,
  made INTEGER NOT NULL,
  PRIMARY KEY (device, inode)
) WITHOUT ROWID;
CREATE TABLE selections (
  chain TEXT NOT NULL,      -- of the layers
  selection TEXT NOT NULL,  -- sources and excludes, as copy_sources.cc writes them
  digest TEXT NOT NULL,
  made INTEGER NOT NULL,
  PRIMARY KEY (chain, selection)
) WITHOUT ROWID;
)sql";
constexpr const char* kCopies = R"sql(
CREATE TABLE copies (
  step TEXT PRIMARY KEY,  -- the digest of a COPY but for its files
  key TEXT NOT NULL,      -- of the layer cache
  files BLOB NOT NULL,    -- docs/formats/build-cache.md
  made INTEGER NOT NULL
) WITHOUT ROWID;
)sql";
constexpr const char* kVersions[] = {kTables, kCopies};

constexpr std::int64_t kSecond = 1'000'000'000;
constexpr std::int64_t kMostCopies = 32;  // each with some megabytes

// The clock of a file's change time moves in ticks; a hash is kept only once the tick in which the file was
// last changed is certainly over.
constexpr std::int64_t kTicks = kSecond / 20;

std::int64_t nanoseconds_of(const timespec& time) { return time.tv_sec * kSecond + time.tv_nsec; }

Result<Digest> hash_file(const FileEntry& entry, Cancel& cancel) {
  FileReader reader = TRY(FileReader::open(entry));
  oci::Hasher hasher;
  while (true) {
    const auto piece = TRY(reader.next());
    if (piece.empty()) break;
    hasher.update(piece);
    TRY(cancel.check());
  }
  TRY(reader.check_unchanged());
  return hasher.finish();
}

// Several files at once: reading waits for the disk, hashing for a processor.
Result<void> hash_files(std::span<const FileEntry> entries, std::span<const std::size_t> missing,
                        std::vector<Digest>& digests, Cancel& cancel) {
  constexpr std::size_t kAtOnce = 64;
  const auto hash_some = [&](std::span<const std::size_t> indexes) -> Result<void> {
    for (const std::size_t i : indexes)
      digests[i] = TRY_DURING(hash_file(entries[i], cancel), "read '{}'", printable(entries[i].path));
    return {};
  };
  if (missing.size() < kAtOnce) return hash_some(missing);
  ThreadPool pool({.name = "hash",
                   .max_threads = std::max(2u, std::thread::hardware_concurrency()),
                   .max_waiting = missing.size() / kAtOnce + 1});
  TaskGroup group(pool);
  for (std::size_t begin = 0; begin < missing.size(); begin += kAtOnce) {
    const auto indexes = missing.subspan(begin, std::min(kAtOnce, missing.size() - begin));
    TRY(group.run([&hash_some, indexes] { return hash_some(indexes); }));
  }
  return group.wait();
}

}  // namespace

Result<FileHashes> FileHashes::open(const std::string& path) {
  return FileHashes(TRY(database::Database::open(path, kVersions)));
}

Result<std::vector<Digest>> FileHashes::known(std::span<const FileEntry> entries) const {
  return database_->read([&](Connection& connection) -> Result<std::vector<Digest>> {
    std::vector<Digest> digests(entries.size());
    for (std::size_t i = 0; i < entries.size(); ++i) {
      const FileState& state = entries[i].state;
      if (entries[i].type != S_IFREG || !entries[i].root) continue;
      const auto digest = TRY(connection.value<std::string>(
          "SELECT digest FROM files WHERE device = ?1 AND inode = ?2 AND size = ?3 AND mtime = ?4 AND ctime "
          "= ?5",
          state.device, state.inode, state.size, nanoseconds_of(state.mtime), nanoseconds_of(state.ctime)));
      if (digest) digests[i] = TRY(Digest::parse(*digest));
    }
    return digests;
  });
}

Result<std::vector<Digest>> FileHashes::contents(std::span<const FileEntry> entries, bool is_lasting,
                                                 Cancel& cancel) {
  std::vector<Digest> digests = is_lasting ? TRY_DURING(known(entries), "look up hashes of files")
                                           : std::vector<Digest>(entries.size());
  std::vector<std::size_t> missing;
  for (std::size_t i = 0; i < entries.size(); ++i) {
    if (entries[i].type != S_IFREG) continue;
    if (!entries[i].root)
      digests[i] = oci::digest_of(entries[i].text);
    else if (digests[i].is_empty())
      missing.push_back(i);
  }
  const std::int64_t begun = wall_clock_ns();
  TRY(hash_files(entries, missing, digests, cancel));
  if (!is_lasting || missing.empty()) return digests;
  TRY_DURING(database_->write(
                 Durability::Lazy,
                 [&](Connection& connection) -> Result<void> {
                   for (const std::size_t i : missing) {
                     const FileState& state = entries[i].state;
                     if (nanoseconds_of(state.ctime) > begun - kTicks) continue;
                     TRY(connection.execute(
                         "INSERT OR REPLACE INTO files (device, inode, size, mtime, ctime, digest, made) "
                         "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
                         state.device, state.inode, state.size, nanoseconds_of(state.mtime),
                         nanoseconds_of(state.ctime), digests[i].str(), begun));
                   }
                   return {};
                 }),
             "keep hashes of files");
  return digests;
}

Result<std::optional<Digest>> FileHashes::selection(const Digest& chain, std::string_view selection) const {
  const auto digest = TRY(database_->read([&](Connection& connection) {
    return connection.value<std::string>("SELECT digest FROM selections WHERE chain = ?1 AND selection = ?2",
                                         chain.str(), selection);
  }));
  if (!digest) return std::optional<Digest>();
  return std::optional(TRY(Digest::parse(*digest)));
}

Result<void> FileHashes::keep_selection(const Digest& chain, std::string_view selection,
                                        const Digest& digest) {
  return database_->write(Durability::Lazy, [&](Connection& connection) -> Result<void> {
    TRY(connection.execute(
        "INSERT OR REPLACE INTO selections (chain, selection, digest, made) VALUES (?1, ?2, ?3, ?4)",
        chain.str(), selection, digest.str(), wall_clock_ns()));
    return {};
  });
}

Result<std::optional<FileHashes::Copied>> FileHashes::copied(const Digest& step) const {
  return database_->read([&](Connection& connection) -> Result<std::optional<Copied>> {
    Rows rows = TRY(connection.query("SELECT key, files FROM copies WHERE step = ?1", step.str()));
    if (!TRY(rows.next())) return std::optional<Copied>();
    Digest key = TRY(Digest::parse(rows.get<std::string_view>(0)));
    const auto files = rows.get<std::span<const std::byte>>(1);
    return std::optional(
        Copied{std::move(key), std::string(reinterpret_cast<const char*>(files.data()), files.size())});
  });
}

Result<void> FileHashes::keep_copied(const Digest& step, const Copied& copied) {
  return database_->write(Durability::Lazy, [&](Connection& connection) -> Result<void> {
    TRY(connection.execute("INSERT OR REPLACE INTO copies (step, key, files, made) VALUES (?1, ?2, ?3, ?4)",
                           step.str(), copied.key.str(), std::as_bytes(std::span(copied.files)),
                           wall_clock_ns()));
    TRY(connection.execute(
        "DELETE FROM copies WHERE step NOT IN (SELECT step FROM copies ORDER BY made DESC LIMIT ?1)",
        kMostCopies));
    return {};
  });
}

Result<void> FileHashes::forget_made_before(std::int64_t time) {
  return database_->write(Durability::Lazy, [&](Connection& connection) -> Result<void> {
    TRY(connection.execute("DELETE FROM files WHERE made < ?1", time));
    TRY(connection.execute("DELETE FROM selections WHERE made < ?1", time));
    TRY(connection.execute("DELETE FROM copies WHERE made < ?1", time));
    return {};
  });
}

}  // namespace gantry::build
