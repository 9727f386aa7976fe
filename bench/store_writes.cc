// SPDX-License-Identifier: Apache-2.0
//
//   bench_store_writes DIR [SECONDS]
//
// Synced writes a second of the embedded store, beside Debian's etcd with one member, whose data are in DIR
// too: new keys of 1000 bytes by 1, 16 and 256 clients, in turns. Then reads, and how long an opening of
// 100,000 keys takes. DIR is made, and removed at the end; it should be on the file system that is asked
// about.
#include <chrono>
#include <cstdio>
#include <thread>

#include "base/file.h"
#include "store/embedded_store.h"
#include "store/etcd/test_cluster.h"

namespace gantry::store {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

// Creations a second: "only if it is not there", as an API server makes objects.
double writes(Store& store, int clients, double seconds) {
  static int turn = 0;
  const std::string prefix = "/turn" + std::to_string(++turn) + "/";
  const std::string value(1000, 'v');
  std::atomic<int> done = 0;
  const auto start = Clock::now();
  std::vector<std::thread> threads;
  for (int client = 0; client < clients; ++client)
    threads.emplace_back([&, client] {
      for (int i = 0; seconds_since(start) < seconds; ++i) {
        const std::string key = prefix + std::to_string(client) + "/" + std::to_string(i);
        MUST(store.commit({.conditions = {Condition::absent(key)},
                           .operations = {Operation::put(key, SharedBytes(value))}}));
        ++done;
      }
    });
  for (std::thread& thread : threads) thread.join();
  return done / seconds_since(start);
}

void compare_writes(Store& ours, Store& theirs, double seconds) {
  for (const int clients : {1, 16, 256}) {
    const double mine = writes(ours, clients, seconds);
    const double etcd = writes(theirs, clients, seconds);
    std::printf("%d clients: %.0f synced writes/s, etcd %.0f, ratio %.1f\n", clients, mine, etcd,
                mine / etcd);
  }
}

void measure_opening(const std::string& path) {
  {
    const auto store = MUST(EmbeddedStore::open(path));
    const std::string value(2500, 'v');
    for (int i = 0; i < 100'000; i += 100) {
      Transaction transaction;
      for (int j = i; j < i + 100; ++j)
        transaction.operations.push_back(Operation::put("/pods/" + std::to_string(j), SharedBytes(value)));
      MUST(store->commit(transaction));
    }
  }
  auto start = Clock::now();
  const auto store = MUST(EmbeddedStore::open(path));
  std::printf("opening 100,000 keys of 2.5 KB: %.0f ms\n", seconds_since(start) * 1e3);
  start = Clock::now();
  const std::size_t count =
      MUST(store->range({.keys = KeyRange::prefix("/pods/"), .limit = 10'000})).items.size();
  std::printf("a range of %zu of them: %.1f ms\n", count, seconds_since(start) * 1e3);
}

}  // namespace
}  // namespace gantry::store

int main(int argc, char** argv) {
  using namespace gantry;
  if (argc < 2) {
    std::fprintf(stderr, "usage: bench_store_writes DIR [SECONDS]\n");
    return 2;
  }
  const std::string dir = argv[1];
  MUST(make_directories(dir, 0700));
  {
    const auto ours = MUST(store::EmbeddedStore::open(dir + "/writes.db"));
    const store::TestCluster cluster(1, {}, "http", {.directory = dir + "/etcd", .is_synced = true});
    const auto etcd = cluster.open();
    store::compare_writes(*ours, *etcd, argc > 2 ? std::atof(argv[2]) : 3);
  }
  store::measure_opening(dir + "/opening.db");
  MUST(remove_tree_at(AT_FDCWD, dir));
}
