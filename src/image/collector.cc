// SPDX-License-Identifier: Apache-2.0
#include "image/collector.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/timestamp.h"
#include "image/locked_file.h"
#include "image/manifest_record.h"

namespace gantry::image {

using database::Connection;
using database::Durability;
using database::Rows;

// Candidates looked at in one transaction: others wait for its end.
static constexpr int kBatch = 100;
// Bytes of unused pages in the database that are worth giving back.
static constexpr std::int64_t kWorthShrinking = 1 << 20;

Result<bool> is_held(Connection& c, std::string_view digest) {
  return TRY(c.value<std::int64_t>("SELECT 1 FROM held WHERE digest = ?1 LIMIT 1", digest)).has_value();
}

static Result<std::vector<std::string>> texts(database::Database& database, database::Sql sql) {
  return database.read([&](Connection& c) -> Result<std::vector<std::string>> {
    std::vector<std::string> texts;
    Rows rows = TRY(c.query(sql));
    while (TRY(rows.next())) texts.push_back(rows.get<std::string>(0));
    return texts;
  });
}

Result<Collected> Collector::run(const CollectOptions& options) {
  TRY_DURING(end_leases(), "end leases");
  TRY_DURING(give_up_pending(options.pending_blobs), "give up pending blobs");
  TRY_DURING(free_candidates(), "free blobs");
  TRY_DURING(clear_ingests(options.saved_ingests), "clear uploads");
  TRY_DURING(finish_removals(), "remove files of blobs");
  TRY_DURING(shrink(), "shrink the database");
  return collected_;
}

// A session is a file that its process has locked, so one that can be locked is over.
Result<void> Collector::end_leases() {
  const UniqueFd sessions = TRY(open_at(root_, "sessions", O_RDONLY | O_DIRECTORY));
  for (const std::string& session : TRY(names_in(sessions.get(), "."))) {
    auto file = lock_file(sessions.get(), session, IfMissing::Fail, Wait::No);
    if (!file && file.error().code() == Code::NotFound) continue;
    if (!file) return std::move(file).error();
    if (!*file) continue;
    collected_.leases += static_cast<std::uint64_t>(TRY(database_.write(Durability::Lazy, [&](Connection& c) {
      return c.execute("DELETE FROM leases WHERE session = ?1", session);
    })));
    (void)::unlinkat(sessions.get(), session.c_str(), 0);
  }
  // Those whose time is up, and those whose session's file is gone: it was removed after them, but their
  // removal was lazy and the host went down.
  std::vector<std::string> lost;
  for (std::string& session : TRY(texts(database_, "SELECT DISTINCT session FROM leases")))
    if (::faccessat(sessions.get(), session.c_str(), F_OK, 0) < 0 && errno == ENOENT)
      lost.push_back(std::move(session));
  const std::int64_t now = wall_clock_ns();
  const bool has_expired = TRY(database_.read([&](Connection& c) {
                             return c.value<std::int64_t>("SELECT 1 FROM leases WHERE expires < ?1", now);
                           })).has_value();
  if (lost.empty() && !has_expired) return {};
  return database_.write(Durability::Lazy, [&](Connection& c) -> Result<void> {
    std::int64_t ended = TRY(c.execute("DELETE FROM leases WHERE expires < ?1", now));
    for (const std::string& session : lost)
      ended += TRY(c.execute("DELETE FROM leases WHERE session = ?1", session));
    collected_.leases += static_cast<std::uint64_t>(ended);
    return {};
  });
}

Result<void> Collector::give_up_pending(std::chrono::nanoseconds age) {
  const std::int64_t before = wall_clock_ns() - age.count();
  const auto any = TRY(database_.read([&](Connection& c) {
    return c.value<std::int64_t>("SELECT 1 FROM repository_blobs WHERE pending <= ?1", before);
  }));
  if (!any) return {};
  return database_.write([&](Connection& c) -> Result<void> {
    // One that a push asked for, but that a manifest points at all the same.
    TRY(
        c.execute("UPDATE repository_blobs SET pending = NULL WHERE pending <= ?1 AND EXISTS "
                  "(SELECT 1 FROM edges JOIN repository_manifests AS m ON m.digest = parent "
                  " WHERE child = repository_blobs.digest AND m.repository = repository_blobs.repository)",
                  before));
    TRY(c.execute("DELETE FROM repository_blobs WHERE pending <= ?1", before));
    return {};
  });
}

// What a removed manifest pointed at becomes a candidate in turn, so this ends when all of it is gone.
Result<void> Collector::free_candidates() {
  while (
      TRY(database_.read([](Connection& c) { return c.value<std::int64_t>("SELECT 1 FROM candidates"); }))) {
    Collected freed;
    TRY(database_.write([&](Connection& c) -> Result<void> {
      std::vector<std::string> candidates;
      {
        Rows rows = TRY(c.query("SELECT digest FROM candidates LIMIT ?1", kBatch));
        while (TRY(rows.next())) candidates.push_back(rows.get<std::string>(0));
      }
      for (const std::string& candidate : candidates) {
        TRY(c.execute("DELETE FROM candidates WHERE digest = ?1", candidate));
        if (TRY(is_held(c, candidate))) continue;
        const Digest digest = TRY(Digest::parse(candidate));
        if (const auto size = TRY(content_.remove(c, digest))) {
          ++freed.blobs;
          freed.bytes += *size;
        }
      }
      return {};
    }));
    collected_.blobs += freed.blobs;
    collected_.bytes += freed.bytes;
  }
  return {};
}

Result<void> Collector::clear_ingests(std::chrono::nanoseconds age) {
  const int content = content_.directory();
  for (const std::string& name : TRY(names_in(content, "ingest"))) TRY(clear_ingest("ingest/" + name, age));
  return {};
}

Result<void> Collector::clear_ingest(const std::string& name, std::chrono::nanoseconds age) {
  const int content = content_.directory();
  struct stat st{};
  if (::fstatat(content, name.c_str(), &st, AT_SYMLINK_NOFOLLOW) < 0)
    return errno == ENOENT ? Result<void>{} : sys_error("look at '{}'", name);
  const std::int64_t changed = std::int64_t{st.st_mtim.tv_sec} * 1'000'000'000 + st.st_mtim.tv_nsec;
  const bool is_saved = name.starts_with("ingest/key-") && changed > wall_clock_ns() - age.count();
  // Without trying its lock, which would be in the way of whoever comes back for it.
  if (is_saved && st.st_nlink == 1) return {};
  auto locked = lock_file(content, name, IfMissing::Fail, Wait::No);
  if (!locked && locked.error().code() == Code::NotFound) return {};
  if (!locked) return std::move(locked).error();
  if (!*locked) return {};  // its owner lives
  if (::fstat((*locked)->get(), &st) < 0) return sys_error("look at '{}'", name);
  const bool is_committed = st.st_nlink > 1 && TRY(finish_commit(st.st_ino));
  if (is_saved && !is_committed) return {};
  if (::unlinkat(content, name.c_str(), 0) < 0)  // or its owner has, who was about to
    return errno == ENOENT ? Result<void>{} : sys_error("remove '{}'", name);
  ++collected_.ingests;
  if (!is_committed) collected_.bytes += static_cast<std::uint64_t>(st.st_size);
  return {};
}

// The ingest was linked to the name of its blob, and its owner killed before it knew whether the blob exists.
// If it does (the answer), only the ingest's own name is left to remove; if not, the blob's name goes here.
Result<bool> Collector::finish_commit(std::uint64_t inode) {
  const int content = content_.directory();
  for (const std::string algorithm : {"sha256", "sha512"}) {
    for (const std::string& shard : TRY(names_in(content, "blobs/" + algorithm))) {
      const std::string directory = "blobs/" + algorithm + "/" + shard;
      const UniqueFd fd = TRY(open_at(content, directory, O_RDONLY | O_DIRECTORY));
      for (const std::string& hex : TRY(names_in(fd.get(), "."))) {
        struct stat st{};
        if (::fstatat(fd.get(), hex.c_str(), &st, AT_SYMLINK_NOFOLLOW) < 0 || st.st_ino != inode) continue;
        return database_.write(Durability::Lazy, [&](Connection& c) -> Result<bool> {
          if (TRY(c.value<std::int64_t>("SELECT 1 FROM blobs WHERE digest = ?1 AND NOT is_small",
                                        algorithm + ":" + hex)))
            return true;
          if (::fstatat(fd.get(), hex.c_str(), &st, AT_SYMLINK_NOFOLLOW) == 0 && st.st_ino == inode &&
              ::unlinkat(fd.get(), hex.c_str(), 0) < 0)
            return sys_error("remove '{}/{}'", directory, hex);
          return false;
        });
      }
    }
  }
  return false;
}

Result<void> Collector::finish_removals() {
  if (!TRY(
          database_.read([](Connection& c) { return c.value<std::int64_t>("SELECT 1 FROM removed_files"); })))
    return {};
  // Under the lock of the writers, since a blob may come back.
  return database_.write(Durability::Lazy, [&](Connection& c) -> Result<void> {
    {
      Rows rows =
          TRY(c.query("SELECT digest FROM removed_files WHERE digest NOT IN "
                      "(SELECT digest FROM blobs WHERE NOT is_small)"));
      while (TRY(rows.next())) content_.remove_file(TRY(digest_in(rows, 0)));
    }
    TRY(c.execute("DELETE FROM removed_files"));
    return {};
  });
}

Result<void> Collector::shrink() {
  const std::int64_t unused = TRY(database_.read([](Connection& c) -> Result<std::int64_t> {
    const auto pages = TRY(c.value<std::int64_t>("PRAGMA freelist_count")).value_or(0);
    return pages * TRY(c.value<std::int64_t>("PRAGMA page_size")).value_or(0);
  }));
  if (unused < kWorthShrinking) return {};
  return database_.compact();
}

}  // namespace gantry::image
