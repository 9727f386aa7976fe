// SPDX-License-Identifier: Apache-2.0
//
// What `create` and `restore` share: the record that a container begins with,
// and the owners of what has to go again when it does not come to be.
#pragma once

#include <sys/types.h>

#include <string>
#include <utility>

#include "base/error.h"
#include "runtime/container.h"
#include "runtime/log.h"
#include "runtime/namespace_plan.h"

namespace gantry::runtime {

// The bundle and the root file system, both without links on the way.
struct BundlePaths {
  std::string bundle;
  std::string rootfs;

  static Result<BundlePaths> find(const std::string& bundle, const oci::Spec& spec);
};

// Says what the caller, who is still alive, is about to make.
Record new_record(const std::string& id, const oci::Spec& spec, const NamespacePlan& namespaces,
                  const BundlePaths& paths);

// Ends and reaps the first process, a child of the caller, unless it is handed on.
class InitProcess {
 public:
  explicit InitProcess(pid_t pid) : pid_(pid) {}
  InitProcess(InitProcess&& other) noexcept : pid_(std::exchange(other.pid_, -1)) {}
  InitProcess& operator=(InitProcess&&) = delete;
  ~InitProcess();

  pid_t pid() const { return pid_; }
  // Reaps it. Why it ended without a word of its own; with its memory limit reached it has none.
  std::string reap();
  pid_t release() { return std::exchange(pid_, -1); }

 private:
  pid_t pid_;
};

// The directory of a container that did not come to be.
class RecordGuard {
 public:
  explicit RecordGuard(Container& container) : container_(&container) {}
  RecordGuard(const RecordGuard&) = delete;
  RecordGuard& operator=(const RecordGuard&) = delete;
  ~RecordGuard();

  // Once hooks have run for the container, others may have something to take back (config.md, "Lifecycle").
  void run_poststop_hooks(const Log& log) { hooks_log_ = &log; }
  void release() { container_ = nullptr; }

 private:
  Container* container_;
  const Log* hooks_log_ = nullptr;
};

// Of --pid-file; an empty path is none.
Result<void> write_pid_file(const std::string& path, pid_t pid);

}  // namespace gantry::runtime
