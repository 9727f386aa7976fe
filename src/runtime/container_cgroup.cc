// SPDX-License-Identifier: Apache-2.0
#include "runtime/container_cgroup.h"

namespace gantry::runtime {

Result<ContainerCgroup> ContainerCgroup::plan(const oci::Spec& spec, const std::string& id, bool, const Log& log) {
  ContainerCgroup made(spec, log);
  const auto layout = TRY(kernel::CgroupLayout::read());
  for (const auto& h : layout.hierarchies) {
    std::string path = spec.linux_.cgroups_path;
    if (path.empty()) path = id;
    if (path[0] != '/') path = h.own.value_or("") + "/" + path;
    made.plan_.places.push_back({.key = h.key, .path = h.mount + path, .mount_size = h.mount.size()});
  }
  return made;
}
void ContainerCgroup::describe(Record& record) const {
  for (const auto& place : plan_.places) record.cgroups[place.key] = place.path;
}
Result<void> ContainerCgroup::create() {
  group_.emplace(TRY(kernel::Cgroup::create(plan_)));
  return group_->prepare_join();
}
std::vector<CgroupView> ContainerCgroup::views() const {
  std::vector<CgroupView> views;
  for (const auto& place : plan_.places) {
    const std::string name = place.key.starts_with("name=") ? place.key.substr(5) : place.key;
    CgroupView view{.name = name, .host_path = place.path};
    views.push_back(view);
  }
  return views;
}
Result<void> ContainerCgroup::adopt(pid_t) { return {}; }
void ContainerCgroup::keep() {
  if (group_) group_->keep();
}
Result<void> remove_cgroup(const Container& container, const Log&) {
  kernel::Cgroup cgroup = TRY(container.open_cgroup());
  TRY(cgroup.kill_all());
  return cgroup.remove();
}
}  // namespace gantry::runtime
