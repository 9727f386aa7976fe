// SPDX-License-Identifier: Apache-2.0
//
// What a control group costs a container, beside the same bare system calls.
//
//   cgroup_bench [rounds]      (root)
//
// Each round makes the group in every mounted hierarchy, sets a few limits, starts a child that joins and
// ends, and removes the group: once by hand with absolute paths and fixed values, once with the library. The
// two take turns, so that both see the same machine. "v1" leaves the v2 hierarchy out of both.
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "base/file.h"
#include "kernel/cgroup.h"
#include "kernel/namespaces.h"

namespace {

using namespace gantry;
using namespace gantry::kernel;

double now() {
  return std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

void must(bool ok, const char* what) {
  if (ok) return;
  std::perror(what);
  std::exit(1);
}

template <class T>
T must(Result<T> result) {
  if (result) return std::move(*result);
  std::fprintf(stderr, "%s\n", result.error().message().c_str());
  std::exit(1);
}
void must(Result<void> result) {
  if (result) return;
  std::fprintf(stderr, "%s\n", result.error().message().c_str());
  std::exit(1);
}

struct Limit {
  Controller controller;
  const char* file;
  const char* value;
};
constexpr Limit kLimits[] = {
    {Controller::Memory, "memory.limit_in_bytes", "268435456"},
    {Controller::Pids, "pids.max", "256"},
    {Controller::Cpu, "cpu.shares", "512"},
    {Controller::Cpu, "cpu.cfs_quota_us", "200000"},
    {Controller::Devices, "devices.deny", "a"},
    {Controller::Devices, "devices.allow", "c 1:3 rwm"},
};

void put(const std::string& path, const char* value) {
  const int fd = ::open(path.c_str(), O_WRONLY | O_CLOEXEC);
  must(fd >= 0, path.c_str());
  must(::write(fd, value, std::char_traits<char>::length(value)) > 0, path.c_str());
  (void)::close(fd);
}

double by_hand(const std::vector<CgroupPlace>& places, const char* cpus, const char* mems) {
  const double start = now();
  int into = -1;
  for (const CgroupPlace& place : places) {
    must(::mkdir(place.path.c_str(), 0755) == 0, place.path.c_str());
    if (place.key == "cpuset") {
      put(place.path + "/cpuset.cpus", cpus);
      put(place.path + "/cpuset.mems", mems);
    }
    for (const Limit& limit : kLimits)
      if (place.key == name_of(limit.controller, CgroupVersion::V1))
        put(place.path + "/" + limit.file, limit.value);
    if (place.key.empty()) into = ::open(place.path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  }
  const pid_t pid = must(clone_process({.cgroup = into}));
  if (pid == 0) {
    for (const CgroupPlace& place : places)
      if (!place.key.empty()) put(place.path + "/tasks", "0");
    ::_exit(0);
  }
  must(::waitpid(pid, nullptr, 0) == pid, "wait");
  if (into >= 0) (void)::close(into);
  for (const CgroupPlace& place : places)
    while (::rmdir(place.path.c_str()) < 0) must(errno == EBUSY && ::usleep(50) == 0, place.path.c_str());
  return now() - start;
}

double by_library(const CgroupPlan& plan) {
  const double start = now();
  {
    Cgroup cgroup = must(Cgroup::create(plan));
    for (const Limit& limit : kLimits)
      if (cgroup.place_of(limit.controller) != nullptr)
        must(cgroup.write(limit.controller, limit.file, limit.value));
    must(cgroup.prepare_join());
    const pid_t pid = must(clone_process({.cgroup = cgroup.into_cgroup_fd()}));
    if (pid == 0) ::_exit(cgroup.join_self() ? 0 : 1);
    cgroup.finish_join();
    int status = 0;
    must(::waitpid(pid, &status, 0) == pid && status == 0, "join");
    must(cgroup.remove());
  }
  return now() - start;
}

double median(std::vector<double> values) {
  std::nth_element(values.begin(), values.begin() + static_cast<long>(values.size() / 2), values.end());
  return values[values.size() / 2];
}

}  // namespace

int main(int argc, char** argv) {
  const int rounds = argc > 1 ? std::atoi(argv[1]) : 200;
  std::vector<double> layout_times;
  CgroupLayout layout;
  for (int i = 0; i < rounds; ++i) {
    const double start = now();
    layout = must(CgroupLayout::read());
    layout_times.push_back(now() - start);
  }
  std::printf("%-34s %10.1f us\n", "read the layout", median(layout_times));
  // Read once, since the bare version is to know its values.
  std::string cpus, mems;
  if (const Hierarchy* cpuset = layout.v1_with(Controller::Cpuset)) {
    cpus = must(read_file(cpuset->mount + "/cpuset.cpus"));
    mems = must(read_file(cpuset->mount + "/cpuset.mems"));
  }
  for (const bool with_v2 : {false, true}) {
    CgroupPlan plan;
    for (const Hierarchy& hierarchy : layout.hierarchies)
      if (with_v2 || hierarchy.version() == CgroupVersion::V1)
        plan.places.push_back({hierarchy.key, hierarchy.mount + "/gantry-bench-" + std::to_string(::getpid()),
                               hierarchy.mount.size()});
    if (plan.places.empty()) continue;
    std::vector<double> bare, library;
    for (int i = 0; i < rounds; ++i) {
      bare.push_back(by_hand(plan.places, cpus.c_str(), mems.c_str()));
      library.push_back(by_library(plan));
    }
    const double floor = median(bare), ours = median(library);
    std::printf("%-34s %10.1f us, bare %.1f us, ratio %.2f\n",
                with_v2 ? "make, join, remove (all)" : "make, join, remove (v1)", ours, floor, ours / floor);
  }
  return 0;
}
