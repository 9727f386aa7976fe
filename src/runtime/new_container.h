// SPDX-License-Identifier: Apache-2.0
//
// What `create` and `restore` share: how a container begins, how it is kept,
// and the owners of what has to go again when it does not come to be.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <utility>

#include "base/error.h"
#include "base/process.h"
#include "runtime/container.h"
#include "runtime/container_cgroup.h"
#include "runtime/log.h"
#include "runtime/namespace_plan.h"

namespace gantry::runtime {

// The bundle and the root file system, both without links on the way.
struct BundlePaths {
  std::string bundle;
  std::string rootfs;

  static Result<BundlePaths> find(const std::string& bundle, const oci::Spec& spec);
};

// Reaps a first process that ended without a word of its own: why, as with its memory limit reached it has
// none.
std::string reason_of_end(ChildProcess& init);

// The record of a container that is being made. It is taken away again when the container does not come to
// be.
class NewRecord {
 public:
  explicit NewRecord(Container container) : container_(std::move(container)) {}
  NewRecord(NewRecord&& other) noexcept
      : container_(std::exchange(other.container_, std::nullopt)), hooks_log_(other.hooks_log_) {}
  NewRecord& operator=(NewRecord&&) = delete;
  ~NewRecord();

  Container& container() { return *container_; }
  // Once hooks have run for the container, others may have something to take back (config.md, "Lifecycle").
  void run_poststop_hooks(const Log& log) { hooks_log_ = &log; }
  Container release() { return *std::exchange(container_, std::nullopt); }

 private:
  std::optional<Container> container_;
  const Log* hooks_log_ = nullptr;
};

struct NewContainerOptions {
  const std::string& root;  // where containers are recorded
  const std::string& id;
  const BundlePaths& paths;
  const std::string& config_json;
  const oci::Spec& spec;  // of that; has to live as long as the NewContainer
  const NamespacePlan& namespaces;
  bool systemd_cgroup;
};

// A container that has its id, its record and its groups, but no first process yet. Unless it is kept, all of
// that is taken away again.
class NewContainer {
 public:
  // From here on `delete --force` finds whatever is left of us. Groups that systemd makes around a process
  // are only planned.
  static Result<NewContainer> begin(const NewContainerOptions& options, const Log& log);

  Container& container() { return record_.container(); }
  ContainerCgroup& cgroup() { return cgroup_; }
  void run_poststop_hooks(const Log& log) { record_.run_poststop_hooks(log); }

  // The first process is ready: writes that down, and its pid into the pid file, if there is to be one.
  Result<void> complete(const std::string& pid_file);
  // Nothing can fail any more: the container lives on, and its first process.
  Container keep(ChildProcess init);

 private:
  NewContainer(NewRecord record, ContainerCgroup cgroup)
      : record_(std::move(record)), cgroup_(std::move(cgroup)) {}

  NewRecord record_;  // goes last: it says where the groups are
  ContainerCgroup cgroup_;
};

}  // namespace gantry::runtime
