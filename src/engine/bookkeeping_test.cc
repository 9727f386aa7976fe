// SPDX-License-Identifier: Apache-2.0
#include "engine/bookkeeping.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <thread>

#include "engine/log_reader.h"
#include "engine/testing_host.h"

namespace gantry::engine {
namespace {

using std::chrono::milliseconds;

// The rows come from another thread: asks until there is what `holds` wants.
template <class Holds>
std::vector<UsageLife> lives_when(UsageLog& usage, Holds holds) {
  for (;;) {
    std::vector<UsageLife> lives = MUST(usage.lives({}));
    if (holds(lives)) return lives;
    std::this_thread::sleep_for(milliseconds(2));
  }
}

TEST(Bookkeeping, EveryLifeIsWrittenDownWithWhatItUsed) {
  NEEDS_ROOT();
  NEEDS_THREADS_IN_CHILD();
  on_a_host([] {
    TestHost host;
    auto usage = MUST(UsageLog::open(host.path()));
    const Logger log(STDERR_FILENO, {.level = LogLevel::Warning});
    auto books = MUST(Bookkeeping::start(host.engine(), *usage, host.snapshots(), log));
    const std::string id = host.run({"sh", "-c", "i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done; exit 3"});
    host.wait(id);
    const auto lives = lives_when(*usage, [](const auto& all) { return !all.empty() && all[0].ended != 0; });
    EXPECT_EQ(lives[0].container, id);
    EXPECT_EQ(lives[0].exit_code, 3);
    EXPECT_EQ(lives[0].image, "busybox");
    EXPECT_GT(lives[0].counters.cpu, 0u) << "its control group was read before it went";
    EXPECT_GE(lives[0].ended, lives[0].started);
    MUST(host->remove(id));
  });
}

TEST(Bookkeeping, WhatEndedWhileNobodyKeptTheBooksIsFoundOut) {
  NEEDS_ROOT();
  NEEDS_THREADS_IN_CHILD();
  on_a_host([] {
    TestHost host;
    auto usage = MUST(UsageLog::open(host.path()));
    const Logger log(STDERR_FILENO, {.level = LogLevel::Warning});
    auto books = MUST(Bookkeeping::start(host.engine(), *usage, host.snapshots(), log));
    const std::string ended = host.run({"sleep", "1000"}), running = host.run({"sleep", "1000"});
    lives_when(*usage, [](const auto& all) { return all.size() == 2; });
    books.reset();
    MUST(host->kill(ended, "KILL"));
    host.wait(ended);
    books = MUST(Bookkeeping::start(host.engine(), *usage, host.snapshots(), log));
    const auto lives = lives_when(*usage, [](const auto& all) {
      return std::ranges::any_of(all, [](const UsageLife& life) { return life.ended != 0; });
    });
    EXPECT_EQ(lives.size(), 2u) << "the one that runs has its row already";
    for (const UsageLife& life : lives) EXPECT_EQ(life.ended != 0, life.container == ended);
    for (const std::string& id : {ended, running}) MUST(host->remove(id, {.force = true}));
  });
}

TEST(Bookkeeping, WhatWasUnpackedIsSyncedAfterAWhile) {
  NEEDS_ROOT();
  NEEDS_THREADS_IN_CHILD();
  on_a_host([] {
    TestHost host;
    const auto unsynced = [&] {
      return MUST(host.store().database().read([](database::Connection& connection) {
        return connection.value<std::int64_t>("SELECT count(*) FROM directories WHERE unsynced IS NOT NULL");
      }));
    };
    ASSERT_EQ(unsynced(), 1);
    auto usage = MUST(UsageLog::open(host.path()));
    const Logger log(STDERR_FILENO, {.level = LogLevel::Warning});
    auto books =
        MUST(Bookkeeping::start(host.engine(), *usage, host.snapshots(), log, {.interval = milliseconds(1)}));
    while (unsynced() != 0) std::this_thread::sleep_for(milliseconds(2));
  });
}

TEST(Bookkeeping, RotatedLogsAreCompressed) {
  NEEDS_ROOT();
  NEEDS_THREADS_IN_CHILD();
  on_a_host([] {
    TestHost host;
    auto usage = MUST(UsageLog::open(host.path()));
    const Logger log(STDERR_FILENO, {.level = LogLevel::Warning});
    auto books = MUST(Bookkeeping::start(host.engine(), *usage, host.snapshots(), log));
    CreateRequest request =
        host.request({"sh", "-c", "i=0; while [ $i -lt 600 ]; do i=$((i+1)); echo line $i; done"});
    request.host_config.log_config = {.type = "json-file",
                                      .config = {{"max-size", "16k"}, {"max-file", "4"}}};
    const std::string id = MUST(host->create(std::move(request))).id;
    MUST(host->start(id));
    host.wait(id);
    const std::string path = host->paths(*host.record(id)).log;
    const auto is_compressed = [&](unsigned index) {
      const auto text = read_file(fmt::format("{}.{}", path, index));
      return text && text->starts_with("\x28\xb5\x2f\xfd");
    };
    while (!is_compressed(1)) std::this_thread::sleep_for(milliseconds(2));
    LogReader reader = MUST(LogReader::open(path, {}));
    std::size_t lines = 0;
    for (auto batch = MUST(reader.next()); batch.status == LogReader::Status::More;
         batch = MUST(reader.next()))
      lines += batch.records.size();
    EXPECT_EQ(lines, 600u);
    MUST(host->remove(id));
  });
}

}  // namespace
}  // namespace gantry::engine
