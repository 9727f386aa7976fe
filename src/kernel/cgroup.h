// SPDX-License-Identifier: Apache-2.0
//
// The control group of one container: one directory in every mounted
// hierarchy. It is planned first (a pure list of directories, which the caller
// puts on disk so that a later process can clean up after a kill -9), then
// created; it removes itself unless it is told to stay.
//
//   Cgroup cgroup = TRY(Cgroup::create(plan));
//   TRY(cgroup.write(Controller::Pids, "pids.max", "100"));
//   TRY(cgroup.prepare_join());
//   pid_t child = TRY(clone_process({.cgroup = cgroup.into_cgroup_fd()}));
//   if (child == 0) cgroup.join_self() ...
//   cgroup.keep();
//
// A child made by fork or clone must leave by execve or _exit: running this
// destructor twice would take the group away from the parent.
//
// One thread. Kernel: Documentation/admin-guide/cgroup-v1/, cgroup-v2.rst.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/unique_fd.h"
#include "kernel/cgroup_layout.h"

namespace gantry::kernel {

// One directory. `key` and `path` are what a later process needs to find it again.
struct CgroupPlace {
  std::string key;             // of its hierarchy, see Hierarchy::key
  std::string path;            // absolute
  std::size_t mount_size = 0;  // so much of `path` is the mount point; used by create() alone

  CgroupVersion version() const { return key.empty() ? CgroupVersion::V2 : CgroupVersion::V1; }
};

struct CgroupPlan {
  std::vector<CgroupPlace> places;
  // v2 controllers to hand down to the group, as far as its ancestors have them.
  ControllerSet enable;
  // The caller will write cpuset.cpus / cpuset.mems of a v1 group itself, so they are not copied from above.
  bool has_own_cpus = false;
  bool has_own_mems = false;
  // Processes in a directory that exists are expected: systemd has made the scope and put the container
  // there.
  bool adopts_processes = false;
};

class Cgroup {
 public:
  // Makes every directory that is not there, with its ancestors. One that is there already must be empty of
  // processes (Conflict), unless the plan adopts them. What was made is removed again if a later step fails.
  static Result<Cgroup> create(const CgroupPlan& plan);
  // A group that exists, by what was saved of its plan. It stays when the object goes.
  static Result<Cgroup> open(std::vector<CgroupPlace> places);

  Cgroup(Cgroup&& other) noexcept;
  Cgroup& operator=(Cgroup&&) = delete;
  ~Cgroup();  // removes the directories it made, unless keep() was called
  void keep() { made_.clear(); }

  const std::vector<CgroupPlace>& places() const { return places_; }
  // Whether create() made all the directories, so that every setting still has the kernel's default.
  bool is_fresh() const { return is_fresh_; }

  // Where that controller can be set for this group, if anywhere: v1 if it is mounted there, else v2 if it is
  // enabled for this group.
  std::optional<CgroupVersion> version_of(Controller controller);
  // Why v2 controllers are missing, if create() met a refusal: a sentence, else empty.
  const std::string& refusal() const { return refusal_; }
  const CgroupPlace* place_of(Controller controller);
  const CgroupPlace* v2_place() const;
  // Of the v2 directory (cgroup.controllers), read once; empty without one.
  ControllerSet v2_controllers();

  // One write(2) to a file of the controller's directory. `write '1' to '/sys/fs/...': Invalid argument
  // (EINVAL)`.
  Result<void> write(Controller controller, const char* file, std::string_view value);
  Result<std::string> read(Controller controller, const char* file);
  // Files of the v2 directory, whatever the controller: "cgroup.freeze", "memory.high".
  Result<void> write_v2(const char* file, std::string_view value);
  Result<std::string> read_v2(const char* file);
  // The directory's descriptor, of a controller or of v2; -1 where there is none.
  int directory_of(Controller controller);
  // For clone3(CLONE_INTO_CGROUP); -1 without v2.
  int into_cgroup_fd();

  // Joining: the parent opens, the child writes. In v1 a thread that moves itself by `tasks` does not have to
  // take the lock that keeps all processes from forking, which a move by another's pid does.
  enum class V2Join : std::uint8_t { ByClone, ByWrite };
  Result<void> prepare_join(V2Join v2 = V2Join::ByClone);
  Result<void> join_self();  // the calling thread, which must be its process's only one
  void finish_join() { doors_.clear(); }
  // Moves another process, with all its threads.
  Result<void> join(pid_t pid);

  // Everything in the group and below it.
  Result<std::vector<pid_t>> processes();
  Result<void> freeze();
  Result<void> thaw();
  Result<bool> is_frozen();
  // Sends to each process once; new ones may appear meanwhile, so it is SIGKILL's business only by
  // kill_all().
  Result<void> signal_all(int signal);
  // SIGKILLs until nothing is left but zombies. TimedOut names who stays.
  Result<void> kill_all(std::chrono::milliseconds patience = std::chrono::seconds(10));

  // The directories with all below them, leaves first; one that is gone is fine. Waits for processes that
  // are just ending.
  Result<void> remove(std::chrono::milliseconds patience = std::chrono::seconds(5));

  // Gives a v2 group to the root user of a container, as cgroup-v2.rst says under "Delegation".
  Result<void> delegate_to(uid_t uid);

 private:
  Cgroup() = default;
  Result<void> make_v1(const CgroupPlan& plan, const CgroupPlace& place);
  Result<void> make_v2(const CgroupPlan& plan, const CgroupPlace& place);
  Result<void> make_ancestors(const CgroupPlace& place);
  Result<bool> make_leaf(const CgroupPlan& plan, const CgroupPlace& place);
  Result<void> enable_below(const std::string& ancestor, ControllerSet controllers);
  std::optional<std::size_t> index_of(Controller controller);
  std::optional<std::size_t> v2_index() const;
  // The directory that lists the group's processes most reliably.
  std::size_t membership_index();
  Result<int> directory(std::size_t index);
  Result<void> write_at(std::size_t index, const char* file, std::string_view value);
  Result<std::string> read_at(std::size_t index, const char* file);
  Result<std::vector<pid_t>> processes_at(std::size_t index);
  // False when that took longer.
  Result<bool> freeze_v1(std::size_t index, std::chrono::milliseconds patience);
  Result<bool> freeze_v2(std::size_t index, std::chrono::milliseconds patience);
  Result<void> thaw_v1(bool with_descendants);

  std::vector<CgroupPlace> places_;
  std::vector<UniqueFd> directories_;  // one a place, opened when first used
  std::vector<std::string> made_;      // directories to remove, leaves last
  std::vector<UniqueFd> doors_;        // `tasks` and cgroup.procs files, open for writing
  std::optional<ControllerSet> v2_controllers_;
  std::string refusal_;
  bool is_fresh_ = false;
};

}  // namespace gantry::kernel
