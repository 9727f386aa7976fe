// SPDX-License-Identifier: Apache-2.0
//
// Times the calls of OCI runtimes, driven as an engine drives them:
//
//   calls run|life|exec ROUNDS AT-ONCE BUNDLE STATE-DIR NAME=PROGRAM...
//
// run: containers that end by themselves. life: create, start and, when the first process has ended, delete.
// exec: /bin/true in the running container 'bench-NAME' of each runtime. The runtimes take turns in every
// round; in its turn a runtime gets AT-ONCE calls at the same moment, and each is timed by itself, from
// before its spawn until it is reaped. Three more rounds come first and are not counted.
//
// Prints a line a runtime and operation: name, operation, least, median and 95th percentile in ms, mean CPU
// in ms (that of the caller's descendants that it reaped, too), largest peak of resident memory in KiB.
#include <fcntl.h>
#include <spawn.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace {

constexpr int kWarmups = 3;
using Clock = std::chrono::steady_clock;
using Words = std::vector<std::string>;

struct Sample {
  double ms = 0;
  double cpu_ms = 0;
  long rss_kib = 0;
};

[[noreturn]] void fail(const std::string& why) {
  std::fprintf(stderr, "calls: %s\n", why.c_str());
  std::exit(1);
}

double milliseconds(const timeval& t) {
  return static_cast<double>(t.tv_sec) * 1e3 + static_cast<double>(t.tv_usec) / 1e3;
}

// One runtime, and what has been measured of it.
class Peer {
 public:
  Peer(const std::string& assignment, const std::string& state_directory) {
    const std::size_t equals = assignment.find('=');
    if (equals == std::string::npos) fail("not NAME=PROGRAM: " + assignment);
    name_ = assignment.substr(0, equals);
    command_ = {assignment.substr(equals + 1), "--root", state_directory + "/" + name_};
  }

  const std::string& name() const { return name_; }

  // Calls at the same moment; `orphans` counts first processes of containers that ended meanwhile.
  void call(const std::string& operation, const std::vector<Words>& arguments, bool is_counted,
            int& orphans) {
    std::map<pid_t, Clock::time_point> begun;
    for (const Words& more : arguments) {
      const auto now = Clock::now();
      begun[spawn(more)] = now;
    }
    while (!begun.empty()) {
      int status = 0;
      rusage usage{};
      const pid_t pid = ::wait4(-1, &status, 0, &usage);
      const auto now = Clock::now();
      const auto call = begun.find(pid);
      if (call == begun.end()) {
        ++orphans;
        continue;
      }
      if (status != 0) fail(name_ + " " + operation + " failed");
      const Sample sample{.ms = std::chrono::duration<double, std::milli>(now - call->second).count(),
                          .cpu_ms = milliseconds(usage.ru_utime) + milliseconds(usage.ru_stime),
                          .rss_kib = usage.ru_maxrss};
      begun.erase(call);
      if (is_counted) samples_[operation].push_back(sample);
    }
  }

  void print() const {
    for (const auto& [operation, samples] : samples_) {
      std::vector<double> times;
      double cpu = 0;
      long rss = 0;
      for (const Sample& sample : samples) {
        times.push_back(sample.ms);
        cpu += sample.cpu_ms;
        rss = std::max(rss, sample.rss_kib);
      }
      std::ranges::sort(times);
      std::printf("%s %s %.3f %.3f %.3f %.3f %ld\n", name_.c_str(), operation.c_str(), times.front(),
                  times[times.size() / 2], times[times.size() * 95 / 100],
                  cpu / static_cast<double>(samples.size()), rss);
    }
  }

 private:
  pid_t spawn(const Words& more) const {
    Words words = command_;
    words.insert(words.end(), more.begin(), more.end());
    std::vector<char*> arguments;
    for (std::string& word : words) arguments.push_back(word.data());
    arguments.push_back(nullptr);
    posix_spawn_file_actions_t streams;
    ::posix_spawn_file_actions_init(&streams);
    ::posix_spawn_file_actions_addopen(&streams, 0, "/dev/null", O_RDONLY, 0);
    ::posix_spawn_file_actions_addopen(&streams, 1, "/dev/null", O_WRONLY, 0);
    pid_t pid = -1;
    const int failed = ::posix_spawnp(&pid, arguments[0], &streams, nullptr, arguments.data(), environ);
    ::posix_spawn_file_actions_destroy(&streams);
    if (failed != 0) fail(words[0] + ": " + std::strerror(failed));
    return pid;
  }

  std::string name_;
  Words command_;
  std::map<std::string, std::vector<Sample>> samples_;
};

std::vector<Words> for_each_id(const Words& ids, const Words& before, const Words& after = {}) {
  std::vector<Words> calls;
  for (const std::string& id : ids) {
    Words call = before;
    call.push_back(id);
    call.insert(call.end(), after.begin(), after.end());
    calls.push_back(std::move(call));
  }
  return calls;
}

// The runtimes leave the first processes of their containers to us, their subreaper.
void await_orphans(int wanted, int& orphans) {
  while (orphans < wanted) {
    if (::waitpid(-1, nullptr, 0) > 0)
      ++orphans;
    else if (errno != EINTR)
      fail("a container's first process is not ours to wait for");
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 7) fail("run|life|exec ROUNDS AT-ONCE BUNDLE STATE-DIR NAME=PROGRAM...");
  const std::string mode = argv[1], bundle = argv[4];
  const int rounds = std::atoi(argv[2]), at_once = std::atoi(argv[3]);
  std::vector<Peer> peers;
  for (int i = 6; i < argc; ++i) peers.emplace_back(argv[i], argv[5]);
  if (::prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) < 0) fail("become a subreaper");
  for (int round = -kWarmups; round < rounds; ++round) {
    Words ids;
    for (int i = 0; i < at_once; ++i)
      ids.push_back("bench-" + std::to_string(::getpid()) + "-" + std::to_string(round + kWarmups) + "-" +
                    std::to_string(i));
    for (std::size_t turn = 0; turn < peers.size(); ++turn) {
      Peer& peer = peers[(turn + static_cast<std::size_t>(round + kWarmups)) % peers.size()];
      const bool is_counted = round >= 0;
      int orphans = 0;
      if (mode == "run") {
        peer.call("run", for_each_id(ids, {"run", "--bundle", bundle}), is_counted, orphans);
      } else if (mode == "exec") {
        const std::vector<Words> calls(ids.size(), {"exec", "bench-" + peer.name(), "/bin/true"});
        peer.call("exec", calls, is_counted, orphans);
      } else {
        peer.call("create", for_each_id(ids, {"create", "--bundle", bundle}), is_counted, orphans);
        peer.call("start", for_each_id(ids, {"start"}), is_counted, orphans);
        await_orphans(at_once, orphans);
        peer.call("delete", for_each_id(ids, {"delete"}), is_counted, orphans);
      }
    }
  }
  for (const Peer& peer : peers) peer.print();
}
