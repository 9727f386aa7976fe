// SPDX-License-Identifier: Apache-2.0
#include "runtime/namespace_plan.h"

#include <fcntl.h>
#include <unistd.h>

#include "base/file.h"
#include "kernel/namespaces.h"

namespace gantry::runtime {

std::uint64_t clone_flag(oci::NamespaceType type) {
  switch (type) {
    case oci::NamespaceType::Mount: return CLONE_NEWNS;
    case oci::NamespaceType::Pid: return CLONE_NEWPID;
    case oci::NamespaceType::Network: return CLONE_NEWNET;
    case oci::NamespaceType::Uts: return CLONE_NEWUTS;
    case oci::NamespaceType::Ipc: return CLONE_NEWIPC;
    case oci::NamespaceType::User: return CLONE_NEWUSER;
    case oci::NamespaceType::Cgroup: return CLONE_NEWCGROUP;
    case oci::NamespaceType::Time: return CLONE_NEWTIME;
  }
  return 0;
}

namespace {

std::vector<kernel::IdRange> ranges_of(const std::vector<oci::IdMapping>& mappings) {
  std::vector<kernel::IdRange> ranges;
  for (const oci::IdMapping& m : mappings) ranges.push_back({m.container_id, m.host_id, m.size});
  return ranges;
}

bool is_own(int fd, std::uint64_t flag) {
  UniqueFd own(
      ::open(fmt::format("/proc/self/ns/{}", kernel::namespace_file(flag)).c_str(), O_RDONLY | O_CLOEXEC));
  return own && kernel::is_same_namespace(own.get(), fd);
}

}  // namespace

Result<NamespacePlan> NamespacePlan::make(const oci::Spec& spec) {
  NamespacePlan plan;
  const auto& namespaces = spec.linux_.namespaces;
  for (std::size_t i = 0; i < namespaces.size(); ++i) {
    const std::uint64_t flag = clone_flag(namespaces[i].type);
    if (namespaces[i].path.empty()) {
      plan.created |= flag;
      continue;
    }
    UniqueFd fd =
        TRY_DURING(kernel::open_namespace(namespaces[i].path, flag), "linux.namespaces[{}].path", i);
    // setns(2) refuses the user namespace one is in; being in it is what was asked for.
    if (flag == CLONE_NEWUSER && is_own(fd.get(), flag)) continue;
    plan.joined.push_back({flag, std::move(fd)});
  }
  if (plan.creates(CLONE_NEWUSER))
    plan.maps = {ranges_of(spec.linux_.uid_mappings), ranges_of(spec.linux_.gid_mappings)};
  for (const auto& [clock, offset] : spec.linux_.time_offsets)
    plan.time_offsets += fmt::format("{} {} {}\n", clock, offset.secs, offset.nanosecs);
  return plan;
}

const JoinedNamespace* NamespacePlan::find_joined(std::uint64_t flag) const {
  for (const JoinedNamespace& ns : joined)
    if (ns.flag == flag) return &ns;
  return nullptr;
}

bool NamespacePlan::has_user_namespace() const {
  return creates(CLONE_NEWUSER) || find_joined(CLONE_NEWUSER) != nullptr;
}

bool NamespacePlan::needs_stage() const {
  if (find_joined(CLONE_NEWUSER) != nullptr) return true;
  return creates(CLONE_NEWUSER) && (creates(CLONE_NEWTIME) || find_joined(CLONE_NEWPID) != nullptr ||
                                    find_joined(CLONE_NEWTIME) != nullptr);
}

Result<void> NamespacePlan::enter_for_children() const {
  if (const JoinedNamespace* pid = find_joined(CLONE_NEWPID))
    TRY(kernel::enter_namespace(pid->fd.get(), CLONE_NEWPID));
  if (creates(CLONE_NEWTIME)) {
    TRY(kernel::unshare_namespaces(CLONE_NEWTIME));
    // Possible only as long as nobody is in it (time_namespaces(7)).
    if (!time_offsets.empty())
      TRY_DURING(write_existing_at(AT_FDCWD, "/proc/self/timens_offsets", time_offsets), "linux.timeOffsets");
  }
  return {};
}

Result<void> NamespacePlan::leave_for_children() const {
  const auto go_back = [](std::uint64_t flag) -> Result<void> {
    const std::string path = fmt::format("/proc/self/ns/{}", kernel::namespace_file(flag));
    UniqueFd own = TRY(kernel::open_namespace(path, flag));
    return kernel::enter_namespace(own.get(), flag);
  };
  if (find_joined(CLONE_NEWPID) != nullptr) TRY(go_back(CLONE_NEWPID));
  if (creates(CLONE_NEWTIME)) TRY(go_back(CLONE_NEWTIME));
  return {};
}

Result<void> NamespacePlan::enter_rest(bool without_user) const {
  for (const JoinedNamespace& ns : joined) {
    if (ns.flag == CLONE_NEWPID || ns.flag == CLONE_NEWNS) continue;
    if (ns.flag == CLONE_NEWUSER && without_user) continue;
    TRY(kernel::enter_namespace(ns.fd.get(), ns.flag));
  }
  if (const JoinedNamespace* mount = find_joined(CLONE_NEWNS))
    TRY(kernel::enter_namespace(mount->fd.get(), CLONE_NEWNS));
  return {};
}

}  // namespace gantry::runtime
