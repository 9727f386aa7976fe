// SPDX-License-Identifier: Apache-2.0
//
// Engines that are killed while several threads drive them, and what the next one finds.
#include <dirent.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <limits>
#include <map>
#include <random>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include <fmt/format.h>
#include "engine/testing_host.h"

namespace gantry::engine {
namespace {

using std::chrono::milliseconds;

constexpr const char* kExitLabel = "exit";

int rounds() {
  const char* wanted = std::getenv("GANTRY_KILL_ROUNDS");
  return wanted != nullptr ? std::atoi(wanted) : 12;
}

// What an engine has answered, written down before anything else is done.
class Answers {
 public:
  explicit Answers(const std::string& directory) : path_(directory + "/answers") {}

  void note(const std::string& what, const std::string& id) const {
    const UniqueFd file = MUST(open_at(AT_FDCWD, path_, O_WRONLY | O_CREAT | O_APPEND, 0600));
    MUST(write_all(file.get(), what + " " + id + "\n", "answers"));
  }
  std::set<std::string> all(const std::string& what) const {
    std::set<std::string> ids;
    const auto text = read_file(path_);
    if (!text) return ids;
    for (std::size_t at = 0; at < text->size();) {
      const std::size_t end = text->find('\n', at);
      const std::string line = text->substr(at, end - at);
      if (line.starts_with(what + " ")) ids.insert(line.substr(what.size() + 1));
      at = end + 1;
    }
    return ids;
  }

 private:
  const std::string path_;
};

// One thread of a user who does not know what he wants.
class Restless {
 public:
  Restless(TestHost& host, unsigned seed) : host_(host), answers_(host.path()), random_(seed) {}

  [[noreturn]] void run() {
    for (;;) act();
  }

 private:
  unsigned below(unsigned limit) { return random_() % limit; }

  std::string any_container() {
    const std::vector<ContainerRef> all = host_->list();
    return all.empty() ? std::string() : all[below(static_cast<unsigned>(all.size()))]->id;
  }

  void create_and_start() {
    const unsigned code = below(100) + 1;
    const bool ends = below(2) == 0;
    CreateRequest request =
        host_.request({"sh", "-c", ends ? fmt::format("exit {}", code) : std::string("sleep 1000")});
    request.config.labels[kExitLabel] = ends ? std::to_string(code) : "";
    request.host_config.auto_remove = below(4) == 0;
    if (!request.host_config.auto_remove && below(4) == 0) request.host_config.restart_policy.name = "always";
    const bool is_shy = request.host_config.auto_remove;
    const auto made = host_->create(std::move(request));
    if (!made) return;
    if (!is_shy) answers_.note("created", made->id);
    start(made->id, is_shy);
  }

  void start(const std::string& id, bool is_shy = false) {
    if (host_->start(id) && !is_shy) answers_.note("started", id);
  }

  void act() {
    const unsigned choice = below(10);
    if (choice < 4) return create_and_start();
    const std::string id = any_container();
    if (id.empty()) return;
    if (choice == 4) start(id, true);
    if (choice == 5) {
      answers_.note("ending", id);
      (void)host_->stop(id, {.patience = std::chrono::seconds(0)});
    }
    if (choice == 6) {
      answers_.note("ending", id);
      (void)host_->kill(id, "KILL");
    }
    if (choice == 7 && host_->pause(id)) (void)host_->unpause(id);
    if (choice == 8) {
      answers_.note("removing", id);
      (void)host_->remove(id, {.force = true});
    }
    if (choice == 9)
      if (const auto exec = host_->exec_create(id, {.cmd = {"true"}}))
        (void)host_->exec_start(*exec, {.detach = true});
  }

  TestHost& host_;
  const Answers answers_;
  std::minstd_rand random_;
};

void drive_until_killed(const std::string& directory, unsigned seed) {
  TestHost host(directory, LogLevel::Error);
  host.start_engine();
  std::vector<std::thread> threads;
  for (unsigned i = 0; i < 4; ++i)
    threads.emplace_back([&host, seed, i] { Restless(host, seed * 16 + i).run(); });
  for (std::thread& thread : threads) thread.join();
}

// ---- what must be so afterwards

std::vector<std::string> entries(const std::string& directory) {
  auto names = names_in(AT_FDCWD, directory);
  return names ? std::move(*names) : std::vector<std::string>();
}

// Every repair is done under the container's lock, which this takes.
void wait_until_repaired(TestHost& host) {
  for (const ContainerRef& record : host->list())
    (void)host->wait(record->id, WaitCondition::Removed, [](const WaitResult&) {});
}

void expect_answers_kept(TestHost& host, const Answers& answers) {
  const std::set<std::string> removing = answers.all("removing"), ending = answers.all("ending");
  for (const std::string& id : answers.all("created"))
    EXPECT_TRUE(removing.contains(id) || host->find(id).has_value()) << id << " was created and is gone";
  for (const std::string& id : answers.all("started")) {
    const auto record = host->find(id);
    if (!record || removing.contains(id) || ending.contains(id)) continue;
    const ContainerState& state = (*record)->state;
    const std::string& expected = (*record)->settings->config.labels.at(kExitLabel);
    if (expected.empty()) {
      EXPECT_TRUE(state.is_running()) << id << " ran and is " << name_of(state.status) << ": " << state.error;
    } else if (state.status == Status::Exited) {
      EXPECT_EQ(std::to_string(state.exit_code), expected) << id << ": " << state.error;
    }
  }
}

void expect_nothing_else(TestHost& host) {
  std::set<std::string> known, running;
  for (const ContainerRef& record : host->list()) {
    known.insert(record->id);
    if (record->state.is_running()) running.insert(record->id);
  }
  for (const std::string& id : entries(host.path() + "/root/containers"))
    EXPECT_TRUE(known.contains(id)) << "files of nobody: " << id;
  for (const image::Snapshot& snapshot : MUST(host.snapshots().snapshots()))
    EXPECT_TRUE(known.contains(snapshot.key.substr(snapshot.key.find('/') + 1))) << snapshot.key;
  for (const std::string& id : entries(host.path() + "/run/rootfs"))
    ADD_FAILURE() << "a mount point is left: " << id << ", "
                  << (known.contains(id) ? name_of(host.record(id)->state.status) : "not known");
  for (const char* directory : {"/run/shims", "/run/runtime"})
    for (const std::string& id : entries(host.path() + directory))
      EXPECT_TRUE(running.contains(id))
          << directory << " has " << id << " with "
          << fmt::format("{}", fmt::join(entries(host.path() + directory + "/" + id), " ")) << ", which is "
          << (known.contains(id) ? name_of(host.record(id)->state.status) : "not known");
}

// Their command lines.
std::vector<std::string> shims() {
  std::vector<std::string> found;
  for (const std::string& name : entries("/proc")) {
    auto command = read_file("/proc/" + name + "/cmdline");
    if (!command || command->find("gantry-shim") == std::string::npos) continue;
    std::ranges::replace(*command, '\0', ' ');
    found.push_back(name + ": " + *std::move(command));
  }
  return found;
}

void expect_processes_are(TestHost& host) {
  std::size_t running = 0;
  for (const ContainerRef& record : host->list()) {
    if (!record->state.is_running()) continue;
    ++running;
    EXPECT_EQ(::kill(record->state.pid, 0), 0) << record->id;
  }
  // A shim has said all it has to say a moment before it is gone.
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  while (shims().size() != running && std::chrono::steady_clock::now() < deadline)
    std::this_thread::sleep_for(milliseconds(10));
  EXPECT_EQ(shims().size(), running) << fmt::format("{}", fmt::join(shims(), "\n"));
}

// Everything was told, and once.
void expect_events_are_complete(TestHost& host) {
  std::map<std::string, std::map<std::string, int>> told;  // by container, then action
  for (const EventRef& event : host->events().between(0, std::numeric_limits<TimeNs>::max()))
    if (event->type == "container") ++told[event->actor][event->action];
  for (auto& [id, times] : told) {
    if (times["create"] == 0) continue;  // so long ago that its events are not kept
    const auto record = host->find(id);
    const bool runs = record && (*record)->state.is_running();
    EXPECT_EQ(times["create"], 1) << id;
    EXPECT_EQ(times["destroy"], record ? 0 : 1) << id;
    EXPECT_EQ(times["start"] - times["die"], runs ? 1 : 0) << id << ": " << times["start"] << " starts";
  }
}

// Restart policies would go on while we look.
void end_restarts(TestHost& host) {
  for (const ContainerRef& record : host->list())
    if (record->settings->host_config.restart_policy.name == "always") {
      Answers(host.path()).note("removing", record->id);
      MUST(host->remove(record->id, {.force = true}));
    }
}

// Containers that were about to end when the engine was killed have a moment to do so.
void wait_until_ended(TestHost& host) {
  for (const ContainerRef& record : host->list()) {
    if (record->settings->config.labels.at(kExitLabel).empty() || !record->state.is_running()) continue;
    if (record->state.status == Status::Paused) MUST(host->unpause(record->id));
    (void)host.wait(record->id);
  }
}

void look(const std::string& directory) {
  TestHost host(directory);
  host.start_engine();
  wait_until_repaired(host);
  end_restarts(host);
  wait_until_ended(host);
  host.end_engine();  // finishes what it began
  host.start_engine();
  wait_until_repaired(host);
  expect_answers_kept(host, Answers(directory));
  expect_nothing_else(host);
  expect_processes_are(host);
  expect_events_are_complete(host);
  // So that the next round does not have to look at more and more.
  const std::vector<ContainerRef> all = host->list();
  for (std::size_t i = 6; i < all.size(); ++i) {
    Answers(directory).note("removing", all[i]->id);
    MUST(host->remove(all[i]->id, {.force = true}));
  }
}

TEST(KilledEngine, loses_nothing_and_leaves_nothing) {
  NEEDS_ROOT();
  NEEDS_THREADS_IN_CHILD();
  on_a_host([] {
    const std::unique_ptr<TestHost> host = TestHost::without_engine();
    std::minstd_rand random(static_cast<unsigned>(std::random_device()()));
    for (int round = 0; round < rounds() && !::testing::Test::HasFailure(); ++round) {
      const auto seed = static_cast<unsigned>(random());
      const pid_t driver = testing::start_child([&] { drive_until_killed(host->path(), seed); });
      // At a random moment, which is what this is about.
      std::this_thread::sleep_for(milliseconds(20 + random() % 400));
      ::kill(driver, SIGKILL);
      testing::status_of(driver);
      SCOPED_TRACE(fmt::format("round {}, seed {}", round, seed));
      testing::in_child([&] { look(host->path()); });
    }
    testing::in_child([&] {
      TestHost last(host->path());
      last.start_engine();
      for (const ContainerRef& record : last->list()) MUST(last->remove(record->id, {.force = true}));
    });
  });
}

}  // namespace
}  // namespace gantry::engine
