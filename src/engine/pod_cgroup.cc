// SPDX-License-Identifier: Apache-2.0
#include "engine/pod_cgroup.h"

#include "container/resources.h"
#include "engine/container_paths.h"
#include "kernel/cgroup.h"
#include "limits/cgroup_path.h"
#include "limits/resources.h"

namespace gantry::engine {

namespace {

Result<kernel::CgroupPlan> plan(const EngineOptions& options, const PodRecord& pod,
                                const oci::Resources& limits) {
  const kernel::CgroupLayout layout = TRY(kernel::CgroupLayout::read());
  return limits::plan_cgroup(layout, pod_cgroup_path(options, pod), pod.id, limits);
}

}  // namespace

std::string pod_cgroup_path(const EngineOptions& options, const PodRecord& pod) {
  const std::string parent = cgroup_parent_of(options, pod.settings->cgroup_parent);
  if (!options.systemd_cgroup) return fmt::format("{}/pod-{}", parent, pod.id);
  // "a.slice" has "a-b.slice" below it (systemd.slice(5)).
  constexpr std::string_view kSlice = ".slice";
  const std::string above =
      parent.ends_with(kSlice) ? parent.substr(0, parent.size() - kSlice.size()) : parent;
  return fmt::format("{}-pod{}.slice", above, pod.id);
}

Result<std::vector<std::string>> make_pod_cgroup(const EngineOptions& options, const PodRecord& pod) {
  const container::Resources& wanted = pod.settings->resources;
  std::vector<std::string> warnings;
  if (options.systemd_cgroup) {
    if (wanted == container::Resources()) return warnings;
    return error(Code::Unsupported,
                 "limits of pod '{}': control groups are systemd's here; set them on its slice "
                 "'{}'",
                 pod.name, pod_cgroup_path(options, pod));
  }
  const oci::Resources limits = TRY(container::resources_of(wanted));
  // A group that an earlier start left is taken over: it has no processes, only containers' groups below it
  // do.
  kernel::Cgroup group = TRY(kernel::Cgroup::create(TRY(plan(options, pod, limits))));
  TRY_DURING(limits::apply_resources(group, limits, {.purpose = limits::Purpose::Update}, warnings),
             "limit pod '{}'", pod.name);
  group.keep();
  return warnings;
}

Result<void> remove_pod_cgroup(const EngineOptions& options, const PodRecord& pod) {
  if (options.systemd_cgroup) return {};
  kernel::Cgroup group = TRY(kernel::Cgroup::open(TRY(plan(options, pod, {})).places));
  return group.remove();
}

}  // namespace gantry::engine
