// SPDX-License-Identifier: Apache-2.0
#include "database/database.h"

#include <gtest/gtest.h>
#include <sys/mount.h>

#include <atomic>
#include <fstream>
#include <thread>

#include "base/file.h"
#include "testing/child.h"
#include "testing/must.h"
#include "testing/temp_dir.h"

namespace gantry::database {
namespace {

using testing::TempDir;

constexpr const char* kVersions[] = {"CREATE TABLE t (id INTEGER PRIMARY KEY, text TEXT UNIQUE, bytes BLOB);",
                                     "CREATE TABLE u (n INTEGER CHECK (n > 0));"};

Result<void> insert(Database& db, std::string_view text) {
  return db.write([&](Connection& c) -> Result<void> {
    TRY(c.execute("INSERT INTO t (text) VALUES (?1)", text));
    return {};
  });
}

Result<std::int64_t> count(const Database& db) {
  return db.read([](Connection& c) -> Result<std::int64_t> {
    return TRY(c.value<std::int64_t>("SELECT count(*) FROM t")).value_or(-1);
  });
}

TEST(Database, gives_back_every_type_that_was_bound) {
  const TempDir dir;
  Database db = MUST(Database::open(dir / "db", kVersions));
  const std::string bytes("a\0b", 3);
  MUST(db.write([&](Connection& c) {
    return c.execute("INSERT INTO t VALUES (?1, ?2, ?3)", std::int64_t{1} << 40, std::optional<std::string>(),
                     std::as_bytes(std::span(bytes)));
  }));
  MUST(db.read([&](Connection& c) -> Result<void> {
    Rows rows = TRY(c.query("SELECT id, text, bytes FROM t WHERE id = ?1", std::uint64_t{1} << 40));
    EXPECT_TRUE(TRY(rows.next()));
    EXPECT_EQ(rows.get<std::int64_t>(0), std::int64_t{1} << 40);
    EXPECT_EQ(rows.get<std::optional<std::string>>(1), std::nullopt);
    EXPECT_EQ(rows.get<std::string>(2), bytes);
    EXPECT_EQ(rows.get<std::span<const std::byte>>(2).size(), 3U);
    EXPECT_FALSE(TRY(rows.next()));
    return {};
  }));
}

TEST(Database, an_empty_text_is_not_null) {
  const TempDir dir;
  Database db = MUST(Database::open(dir / "db", kVersions));
  MUST(insert(db, {}));
  EXPECT_EQ(MUST(db.read([](Connection& c) { return c.value<std::string>("SELECT text FROM t"); })), "");
}

TEST(Database, the_same_statement_can_be_in_use_twice) {
  const TempDir dir;
  Database db = MUST(Database::open(dir / "db", kVersions));
  for (const char* text : {"a", "b"}) MUST(insert(db, text));
  int pairs = 0;
  const auto each = [&](Connection& c, auto use) -> Result<void> {
    Rows rows = TRY(c.query("SELECT text FROM t"));
    while (TRY(rows.next())) TRY(use(rows.get<std::string>(0)));
    return {};
  };
  MUST(db.read([&](Connection& c) {
    return each(c, [&](const std::string&) {
      return each(c, [&](const std::string&) -> Result<void> { return ++pairs, Result<void>(); });
    });
  }));
  EXPECT_EQ(pairs, 4);
}

TEST(Database, an_error_undoes_what_the_work_did) {
  const TempDir dir;
  Database db = MUST(Database::open(dir / "db", kVersions));
  bool hook_ran = false;
  const Result<void> failed = db.write([&](Connection& c) -> Result<void> {
    TRY(c.execute("INSERT INTO t (text) VALUES ('a')"));
    c.after_commit([&] { hook_ran = true; });
    return error(Code::Conflict, "no");
  });
  EXPECT_EQ(failed.error().code(), Code::Conflict);
  EXPECT_EQ(failed.error().message(), "no");
  EXPECT_EQ(MUST(count(db)), 0);
  EXPECT_FALSE(hook_ran);
}

TEST(Database, what_follows_a_commit_runs_when_others_can_see_it) {
  const TempDir dir;
  Database db = MUST(Database::open(dir / "db", kVersions));
  std::int64_t seen = 0;
  MUST(db.write([&](Connection& c) -> Result<void> {
    TRY(c.execute("INSERT INTO t (text) VALUES ('a')"));
    EXPECT_EQ(MUST(count(db)), 0) << "a reader sees what is not committed";
    c.after_commit([&] { seen = MUST(count(db)); });
    return {};
  }));
  EXPECT_EQ(seen, 1);
}

TEST(Database, constraints_have_codes_of_their_own) {
  const TempDir dir;
  Database db = MUST(Database::open(dir / "db", kVersions));
  MUST(insert(db, "a"));
  EXPECT_EQ(insert(db, "a").error().code(), Code::AlreadyExists);
  const auto check = db.write([](Connection& c) { return c.execute("INSERT INTO u VALUES (0)"); });
  EXPECT_EQ(check.error().code(), Code::Conflict);
}

TEST(Database, an_older_file_is_brought_up_and_a_later_one_refused) {
  const TempDir dir;
  {
    Database old = MUST(Database::open(dir / "db", std::span(kVersions).first(1)));
  }
  {
    Database now = MUST(Database::open(dir / "db", kVersions));
  }
  const auto refused = Database::open(dir / "db", std::span(kVersions).first(1));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), Code::Unsupported);
}

TEST(Database, a_script_that_fails_leaves_the_version_as_it_was) {
  const TempDir dir;
  constexpr const char* kBroken[] = {kVersions[0], "CREATE TABLE x (a); nonsense;"};
  EXPECT_FALSE(Database::open(dir / "db", kBroken));
  Database db = MUST(Database::open(dir / "db", kVersions));
  MUST(insert(db, "a"));
}

TEST(Database, what_is_no_database_is_data_loss) {
  const TempDir dir;
  std::ofstream(dir / "db") << std::string(8192, 'x');
  const auto opened = Database::open(dir / "db", kVersions);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code(), Code::DataLoss) << opened.error().message();
  EXPECT_NE(opened.error().message().find(dir / "db"), std::string::npos);
}

TEST(Database, threads_write_at_the_same_time_and_each_has_its_own_outcome) {
  const TempDir dir;
  Database db = MUST(Database::open(dir / "db", kVersions));
  std::atomic<int> refused = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < 8; ++t)
    threads.emplace_back([&, t] {
      for (int i = 0; i < 50; ++i) {
        MUST(insert(db, fmt::format("{}-{}", t, i)));
        if (!insert(db, "same")) ++refused;
        (void)MUST(count(db));
      }
    });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(refused, 399);  // all but the first
  EXPECT_EQ(MUST(count(db)), 401);
}

TEST(Database, processes_write_at_the_same_time) {
  const TempDir dir;
  {
    Database made = MUST(Database::open(dir / "db", kVersions));
  }
  std::vector<pid_t> children;
  for (int p = 0; p < 3; ++p)
    children.push_back(testing::start_child([&] {
      Database db = MUST(Database::open(dir / "db", kVersions));
      for (int i = 0; i < 50; ++i) MUST(insert(db, fmt::format("{}-{}", p, i)));
    }));
  for (const pid_t child : children) EXPECT_EQ(testing::status_of(child), 0);
  Database db = MUST(Database::open(dir / "db", kVersions));
  EXPECT_EQ(MUST(count(db)), 150);
}

TEST(Database, many_make_a_new_file_at_the_same_time) {
  const TempDir dir;
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i)
    threads.emplace_back([&, i] {
      Database db = MUST(Database::open(dir / "db", kVersions));
      MUST(insert(db, fmt::format("{}", i)));
    });
  for (std::thread& thread : threads) thread.join();
  Database db = MUST(Database::open(dir / "db", kVersions));
  EXPECT_EQ(MUST(count(db)), 8);
}

TEST(Database, a_full_disk_is_an_error_and_nothing_else) {
  NEEDS_ROOT();
  const TempDir dir;
  testing::in_namespaces(CLONE_NEWNS, [&] {
    ASSERT_EQ(::mount("small", dir.path().c_str(), "tmpfs", 0, "size=1m"), 0);
    Database db = MUST(Database::open(dir / "db", kVersions));
    MUST(insert(db, "before"));
    const auto full = insert(db, std::string(2 << 20, 'x'));
    ASSERT_FALSE(full);
    EXPECT_EQ(full.error().code(), Code::ResourceExhausted) << full.error().message();
    EXPECT_EQ(MUST(count(db)), 1);
    MUST(insert(db, "after"));
    EXPECT_EQ(MUST(count(db)), 2);
  });
}

TEST(Database, gives_unused_space_back) {
  const TempDir dir;
  Database db = MUST(Database::open(dir / "db", kVersions));
  MUST(insert(db, std::string(4 << 20, 'x')));
  MUST(db.write([](Connection& c) { return c.execute("DELETE FROM t"); }));
  MUST(db.compact());
  EXPECT_LT(MUST(read_file(dir / "db")).size(), 100'000U);
  EXPECT_EQ(MUST(db.damage()), "");
}

TEST(Database, reading_writes_nothing) {
  const TempDir dir;
  {
    Database db = MUST(Database::open(dir / "db", kVersions));
    MUST(insert(db, std::string(100'000, 'x')));
  }
  const auto contents = [&] { return MUST(read_file(dir / "db")) + MUST(read_file(dir / "db-wal")); };
  const std::string before = contents();
  EXPECT_EQ(MUST(count(MUST(Database::open(dir / "db", kVersions)))), 1);
  EXPECT_EQ(contents(), before);
}

TEST(Database, the_log_of_many_short_lives_is_as_short_as_that_of_one) {
  const TempDir dir;
  for (int i = 0; i < 100; ++i) {
    Database db = MUST(Database::open(dir / "db", kVersions));
    MUST(insert(db, std::string(40'000, 'x') + std::to_string(i)));
  }
  EXPECT_LT(MUST(read_file(dir / "db-wal")).size(), 2'000'000U);
  Database db = MUST(Database::open(dir / "db", kVersions));
  EXPECT_EQ(MUST(count(db)), 100);
  EXPECT_EQ(MUST(db.damage()), "");
}

TEST(Database, takes_small_changes_on_a_full_disk) {
  NEEDS_ROOT();
  const TempDir dir;
  testing::in_namespaces(CLONE_NEWNS, [&] {
    ASSERT_EQ(::mount("small", dir.path().c_str(), "tmpfs", 0, "size=32m"), 0) << errno;
    Database db = MUST(Database::open(dir / "db", kVersions));
    for (int i = 0; i < 1000; ++i) MUST(insert(db, std::string(4096, 'a') + std::to_string(i)));
    {
      std::ofstream ballast(dir / "ballast");
      const std::string kilobytes(4096, 'x');
      while (ballast << kilobytes << std::flush) {
      }
    }
    for (int i = 0; i < 20; ++i) {
      const auto changed = db.write([&](Connection& c) -> Result<void> {
        TRY(c.execute("UPDATE t SET text = ?1 WHERE id = 1", std::to_string(i)));
        return {};
      });
      ASSERT_TRUE(changed) << i << ": " << changed.error().message();
    }
    MUST(db.write([](Connection& c) -> Result<void> {
      TRY(c.execute("DELETE FROM t WHERE id = 2"));
      return {};
    }));
    EXPECT_EQ(MUST(count(db)), 999);
  });
}

}  // namespace
}  // namespace gantry::database
