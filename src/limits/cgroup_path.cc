// SPDX-License-Identifier: Apache-2.0
#include "limits/cgroup_path.h"

#include "kernel/rooted_path.h"
#include "limits/resources.h"

namespace gantry::limits {

using kernel::CgroupLayout;
using kernel::CgroupMode;
using kernel::CgroupPlan;
using kernel::ControllerSet;
using kernel::Hierarchy;

namespace {

CgroupPlan start_plan(const CgroupLayout& layout, const oci::Resources& resources) {
  CgroupPlan plan;
  // On a v2 host the container gets all there is, so that its use can be read, limited or not. Beside v1 most
  // controllers are taken, and enabling one costs more than the rest of the group.
  plan.enable = layout.mode() == CgroupMode::V2 ? ControllerSet::all()
                                                : controllers_for(resources) - layout.v1_controllers();
  plan.has_own_cpus = resources.cpu && !resources.cpu->cpus.empty();
  plan.has_own_mems = resources.cpu && !resources.cpu->mems.empty();
  plan.places.reserve(layout.hierarchies.size());
  return plan;
}

void add_place(CgroupPlan& plan, const Hierarchy& hierarchy, std::string_view below) {
  plan.places.push_back({hierarchy.key, hierarchy.mount, hierarchy.mount.size()});
  plan.places.back().path += below;
}

}  // namespace

Result<CgroupPlan> plan_cgroup(const CgroupLayout& layout, std::string_view cgroups_path, std::string_view id,
                               const oci::Resources& resources) {
  const std::string path = kernel::clean_path(cgroups_path.empty() ? id : cgroups_path);
  if (path == "/")
    return error(Code::InvalidArgument, "linux.cgroupsPath: '{}' is the root of the hierarchy", cgroups_path);
  if (cgroups_path.starts_with('/')) return plan_cgroup_at(layout, path, resources);
  CgroupPlan plan = start_plan(layout, resources);
  for (const Hierarchy& hierarchy : layout.hierarchies) {
    if (!hierarchy.own)
      return error(
          Code::Conflict,
          "linux.cgroupsPath: '{}' is below the runtime's own group, which '{}' does not show; an absolute "
          "path would do",
          cgroups_path, hierarchy.mount);
    std::string start = *hierarchy.own;
    if (layout.mode() == CgroupMode::V2 && !start.empty()) start.resize(start.rfind('/'));
    add_place(plan, hierarchy, start + path);
  }
  return plan;
}

CgroupPlan plan_cgroup_at(const CgroupLayout& layout, std::string_view path,
                          const oci::Resources& resources) {
  CgroupPlan plan = start_plan(layout, resources);
  for (const Hierarchy& hierarchy : layout.hierarchies) add_place(plan, hierarchy, path);
  return plan;
}

}  // namespace gantry::limits
