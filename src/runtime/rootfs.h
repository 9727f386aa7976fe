// SPDX-License-Identifier: Apache-2.0
//
// The file system a container sees, made by its first process in its own mount
// namespace. Nothing is mounted by path: every target is opened inside the root
// (kernel/rooted_path.h) and covered by descriptor, so links in a hostile image,
// or swapped while we work, lead nowhere.
//
//   Rootfs rootfs = TRY(Rootfs::assemble(plan));  // mounts, devices, /dev links
//   ... hooks of the runtime and of createContainer run here ...
//   TRY(rootfs.enter());                          // masks, pivot, read-only root
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"
#include "kernel/mount.h"
#include "kernel/rooted_path.h"
#include "oci/runtime_spec.h"
#include "runtime/log.h"

namespace gantry::runtime {

// One cgroup hierarchy as the container is to see it.
struct CgroupView {
  std::string name;                  // "memory", "cpu,cpuacct"; empty: the unified hierarchy (v2)
  std::string host_path;             // the container's group in it
  std::vector<std::string> aliases;  // links to `name`: "cpu", "cpuacct"
};

struct RootfsPlan {
  const oci::Spec& spec;
  std::string root_path;  // absolute
  std::string bundle;
  const std::vector<CgroupView>& cgroups;
  // For mounts[i], opened beforehand with the runtime's own privileges; empty where the
  // container's first process has to do it itself.
  std::vector<std::optional<kernel::DetachedMount>>& sources;
  bool can_make_devices = true;  // not in a user namespace
  bool no_pivot = false;
  const Log& log;
};

class Rootfs {
 public:
  static Result<Rootfs> assemble(const RootfsPlan& plan);

  // A new pseudo-terminal of the container's own devpts, its slave also bound to /dev/console.
  Result<UniqueFd> open_console(UniqueFd& slave) const;

  Result<void> enter();

 private:
  Rootfs(const RootfsPlan& plan, kernel::RootDir root) : plan_(plan), root_(std::move(root)) {}

  Result<void> mount_all();
  Result<void> mount_one(std::size_t index);
  Result<void> mount_bind(const oci::Mount& mount, std::optional<kernel::DetachedMount>& source);
  Result<void> mount_filesystem(const oci::Mount& mount);
  Result<void> mount_cgroups(const oci::Mount& mount);
  Result<void> set_up_dev() const;
  Result<void> mask_paths() const;
  Result<void> make_paths_read_only() const;
  Result<UniqueFd> open_to_protect(const std::string& path) const;

  const RootfsPlan& plan_;
  kernel::RootDir root_;
  // Mounts that must stay writable until everything is in place.
  std::vector<UniqueFd> read_only_later_;
  // Our proc and sysfs, by where they were mounted: whoever shares the root can move the names.
  std::vector<std::pair<std::string, kernel::RootDir>> kernel_views_;
};

// Whether the mount shows its files with other ids than they have.
bool maps_ids(const oci::Mount& mount);

// Opens the sources of bind mounts, and maps their ids where asked for, with the privileges of this
// process. `container_user_namespace` serves "idmap" without mappings of its own; -1 if there is none.
Result<std::vector<std::optional<kernel::DetachedMount>>> open_bind_sources(const oci::Spec& spec,
                                                                            const std::string& bundle,
                                                                            int container_user_namespace);

}  // namespace gantry::runtime
