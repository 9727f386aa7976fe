// SPDX-License-Identifier: Apache-2.0
//
// The engine alone, without an API in front of it: what its calls take, one after the other and many at
// once, and how long an engine with many containers takes to be there.
//
//   bench_engine_calls [containers] [threads]      (root; 200 and 8 unless said)
//
// Runs in namespaces of its own, with the programs that lie beside it and a store below $TMPDIR. The last
// lines are the steps of one start, as the engine logs them.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <thread>
#include <vector>

#include "engine/testing_host.h"

namespace {

using namespace gantry;
using namespace gantry::engine;
using Clock = std::chrono::steady_clock;

double ms_since(Clock::time_point start) {
  return std::chrono::duration<double, std::milli>(Clock::now() - start).count();
}

class Times {
 public:
  template <class Work>
  void time(Work work) {
    const auto start = Clock::now();
    work();
    times_.push_back(ms_since(start));
  }
  void print(const char* what) {
    std::sort(times_.begin(), times_.end());
    std::printf("%-28s %7.2f ms  (best %.2f, 90 %% %.2f)\n", what, times_[times_.size() / 2], times_.front(),
                times_[times_.size() * 9 / 10]);
  }

 private:
  std::vector<double> times_;
};

void one_after_the_other(TestHost& host, const char* network) {
  constexpr int kRounds = 40;
  Times create, start, wait, remove;
  for (int i = 0; i < kRounds; ++i) {
    std::string id;
    create.time([&] {
      CreateRequest request = host.request({"true"});
      request.host_config.network_mode = network;
      id = MUST(host->create(std::move(request))).id;
    });
    start.time([&] { MUST(host->start(id)); });
    wait.time([&] { host.wait(id); });
    remove.time([&] { MUST(host->remove(id)); });
  }
  std::printf("network %s:\n", network);
  create.print("  create");
  start.print("  start");
  wait.print("  wait for the end of 'true'");
  remove.print("  remove");
}

void execs(TestHost& host) {
  const std::string id = host.run({"sleep", "1000"});
  Times times;
  for (int i = 0; i < 40; ++i) {
    times.time([&] {
      const std::string exec = MUST(host->exec_create(id, {.cmd = {"true"}}));
      MUST(host->exec_start(exec, {.detach = true}));
      while (MUST(host->exec_inspect(exec))->status != ExecStatus::Exited) std::this_thread::yield();
    });
  }
  times.print("exec of 'true', to its end");
  Times stop;
  stop.time([&] { MUST(host->stop(id, {.patience = std::chrono::seconds(0)})); });
  stop.print("stop by SIGKILL");
  MUST(host->remove(id));
}

template <class Work>
void in_parallel(int threads, int count, Work work) {
  std::vector<std::thread> running;
  for (int thread = 0; thread < threads; ++thread)
    running.emplace_back([=] {
      for (int i = thread; i < count; i += threads) work(i);
    });
  for (std::thread& thread : running) thread.join();
}

void many(TestHost& host, int count, int threads) {
  std::vector<std::string> ids(static_cast<std::size_t>(count));
  const auto at = [&](int i) -> std::string& { return ids[static_cast<std::size_t>(i)]; };
  auto start = Clock::now();
  in_parallel(threads, count, [&](int i) { at(i) = host.create({"sleep", "100000"}); });
  std::printf("%d creates by %d threads: %.0f ms\n", count, threads, ms_since(start));
  start = Clock::now();
  in_parallel(threads, count, [&](int i) { MUST(host->start(at(i))); });
  std::printf("%d starts: %.0f ms\n", count, ms_since(start));
  host.end_engine();
  start = Clock::now();
  host.start_engine();
  std::printf("an engine for %d that run: %.1f ms\n", count, ms_since(start));
  start = Clock::now();
  in_parallel(threads, count, [&](int i) { MUST(host->kill(at(i), "KILL")); });
  in_parallel(threads, count, [&](int i) { host.wait(at(i)); });
  std::printf("%d ends: %.0f ms\n", count, ms_since(start));
  host.end_engine();
  start = Clock::now();
  host.start_engine();
  std::printf("an engine for %d that have ended: %.1f ms\n", count, ms_since(start));
  start = Clock::now();
  in_parallel(threads, count, [&](int i) { MUST(host->remove(at(i))); });
  std::printf("%d removals: %.0f ms\n", count, ms_since(start));
}

}  // namespace

int main(int argc, char** argv) {
  const int count = argc > 1 ? std::atoi(argv[1]) : 200;
  const int threads = argc > 2 ? std::atoi(argv[2]) : 8;
  on_a_host([&] {
    TestHost host;
    one_after_the_other(host, "none");
    one_after_the_other(host, "bridge");
    execs(host);
    many(host, count, threads);
    std::fflush(stdout);
  });
  on_a_host([] {
    TestHost host(LogLevel::Debug);
    for (int i = 0; i < 3; ++i) host.wait(host.run({"true"}));
  });
  return 0;
}
