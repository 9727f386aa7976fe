// SPDX-License-Identifier: Apache-2.0
#include "runtime/container_cgroup.h"

#include <unistd.h>

#include <algorithm>

#include "base/file.h"
#include "limits/cgroup_path.h"
#include "limits/resources.h"
#include "runtime/systemd_scope.h"

namespace gantry::runtime {
namespace {

// An ordinary user, or root of a user namespace, which is one in disguise.
bool is_rootless() {
  if (::geteuid() != 0) return true;
  constexpr std::string_view kEveryId = "4294967295";
  const auto map = read_file("/proc/self/uid_map");
  return map && map->find(kEveryId) == std::string::npos;
}

std::string directory_of(const std::string& path) { return path.substr(0, path.rfind('/')); }

// The deepest group that is above both, or one of them.
std::string common_group(std::string_view a, std::string_view b) {
  std::size_t common = 0;
  for (std::size_t i = 0; i <= std::min(a.size(), b.size()); ++i) {
    const bool a_ends = i == a.size() || a[i] == '/';
    const bool b_ends = i == b.size() || b[i] == '/';
    if (a_ends && b_ends) common = i;
    if (i == a.size() || i == b.size() || a[i] != b[i]) break;
  }
  return std::string(a.substr(0, common));
}

// Whether a new group could be made there (the nearest directory that exists is writable) and entered.
bool is_delegated(const kernel::CgroupPlace& place, const kernel::CgroupLayout& layout) {
  std::string above = directory_of(place.path);
  while (above.size() > place.mount_size && ::access(above.c_str(), F_OK) != 0) above = directory_of(above);
  if (::access(above.c_str(), W_OK) != 0) return false;
  if (place.version() == kernel::CgroupVersion::V1) return true;
  // In v2 a move also needs the right to what is above both ends (cgroup-v2.rst, "Delegation Containment").
  const kernel::Hierarchy* v2 = layout.v2();
  if (v2 == nullptr || !v2->own) return false;
  return ::access((common_group(v2->mount + *v2->own, place.path) + "/cgroup.procs").c_str(), W_OK) == 0;
}

// "name=systemd" is mounted as "systemd"; "cpu,cpuacct" has a link for either name.
CgroupView view_of(const std::string& key, const std::string& path) {
  constexpr std::string_view kNamed = "name=";
  CgroupView view{.name = key.starts_with(kNamed) ? key.substr(kNamed.size()) : key, .host_path = path};
  if (key.find(',') == std::string::npos) return view;
  for (std::size_t start = 0; start < key.size();) {
    const std::size_t comma = std::min(key.find(',', start), key.size());
    view.aliases.push_back(key.substr(start, comma - start));
    start = comma + 1;
  }
  return view;
}

// Who owns the v2 group: root of a user namespace that sees it, and nothing above it, through a mount that
// can be written to. An init that manages groups of its own needs that; read-only mounts are everybody else's
// case.
std::optional<uid_t> delegate_of(const oci::Spec& spec) {
  const auto makes = [&](oci::NamespaceType type) {
    const oci::Namespace* ns = spec.find_namespace(type);
    return ns != nullptr && ns->path.empty();
  };
  const bool is_writable = std::ranges::any_of(spec.mounts, [](const oci::Mount& mount) {
    return mount.type.starts_with("cgroup") && std::ranges::find(mount.options, "ro") == mount.options.end();
  });
  if (!is_writable || !makes(oci::NamespaceType::User) || !makes(oci::NamespaceType::Cgroup))
    return std::nullopt;
  for (const oci::IdMapping& map : spec.linux_.uid_mappings)
    if (map.container_id == 0) return map.host_id;
  return std::nullopt;
}

}  // namespace

// The unit that systemd makes for the container, which ends with this object unless it is to stay.
class ContainerCgroup::Scope {
 public:
  Scope(Systemd systemd, ScopeName name) : systemd_(std::move(systemd)), name_(std::move(name)) {}
  Scope(const Scope&) = delete;
  Scope& operator=(const Scope&) = delete;
  ~Scope() {
    if (is_started_) (void)systemd_.stop(name_.unit);  // the first error is the one to report
  }

  const std::string& unit() const { return name_.unit; }
  Result<void> start(pid_t pid, kernel::CgroupMode mode, const oci::Resources& resources) {
    auto properties = TRY(unit_properties(resources, mode, limits::Purpose::Create));
    is_started_ = true;  // even after an error there may be something to stop
    return systemd_.start_scope(name_, pid, mode, std::move(properties));
  }
  void keep() { is_started_ = false; }

 private:
  Systemd systemd_;
  ScopeName name_;
  bool is_started_ = false;
};

ContainerCgroup::ContainerCgroup(const oci::Resources& resources, const Log& log)
    : resources_(&resources), log_(&log) {}
ContainerCgroup::ContainerCgroup(ContainerCgroup&&) noexcept = default;
ContainerCgroup::~ContainerCgroup() = default;

Result<ContainerCgroup> ContainerCgroup::plan(const oci::Spec& spec, const std::string& id, bool systemd,
                                              const Log& log) {
  static const oci::Resources kNone;
  const oci::Resources& resources = spec.linux_.resources ? *spec.linux_.resources : kNone;
  ContainerCgroup cgroup(resources, log);
  cgroup.layout_ = TRY(kernel::CgroupLayout::read());
  cgroup.is_rootless_ = is_rootless();
  cgroup.delegate_ = delegate_of(spec);
  if (systemd) {
    ScopeName name = TRY(scope_name(spec.linux_.cgroups_path, id, cgroup.is_rootless_));
    Systemd manager = TRY(Systemd::connect(cgroup.is_rootless_));
    cgroup.plan_ = limits::plan_cgroup_at(cgroup.layout_, TRY(manager.group_path(name)), resources);
    cgroup.plan_.adopts_processes = true;
    // The user's systemd has nothing but v2 to give.
    if (cgroup.is_rootless_)
      std::erase_if(cgroup.plan_.places, [](const kernel::CgroupPlace& place) {
        return place.version() == kernel::CgroupVersion::V1;
      });
    cgroup.scope_ = std::make_unique<Scope>(std::move(manager), std::move(name));
    return cgroup;
  }
  cgroup.plan_ = TRY(limits::plan_cgroup(cgroup.layout_, spec.linux_.cgroups_path, id, resources));
  if (cgroup.is_rootless_) {
    std::erase_if(cgroup.plan_.places,
                  [&](const kernel::CgroupPlace& place) { return !is_delegated(place, cgroup.layout_); });
    if (cgroup.plan_.places.empty())
      log.warn("the container stays in the caller's control groups: none is delegated to this user");
  }
  return cgroup;
}

void ContainerCgroup::describe(Record& record) const {
  for (const kernel::CgroupPlace& place : plan_.places) record.cgroups[place.key] = place.path;
  if (scope_) record.systemd_unit = scope_->unit();
}

Result<void> ContainerCgroup::make_and_limit() {
  group_.emplace(TRY(kernel::Cgroup::create(plan_)));
  std::vector<std::string> warnings;
  TRY(limits::apply_resources(*group_, *resources_,
                              {.purpose = limits::Purpose::Create, .rootless = is_rootless_}, warnings));
  for (const std::string& warning : warnings) log_->warn(warning);
  if (delegate_) return group_->delegate_to(*delegate_);
  return {};
}

Result<void> ContainerCgroup::create() {
  if (plan_.places.empty()) return {};
  TRY(make_and_limit());
  return group_->prepare_join();
}

Result<void> ContainerCgroup::create_around(pid_t pid) {
  TRY(scope_->start(pid, layout_.mode(), *resources_));
  TRY(make_and_limit());
  return group_->join(pid);  // where systemd has not put it: hierarchies that it does not manage
}

std::vector<CgroupView> ContainerCgroup::views() const {
  std::vector<CgroupView> views;
  if (!plan_.places.empty()) {
    for (const kernel::CgroupPlace& place : plan_.places) views.push_back(view_of(place.key, place.path));
    return views;
  }
  for (const kernel::Hierarchy& hierarchy : layout_.hierarchies)
    if (hierarchy.own) views.push_back(view_of(hierarchy.key, hierarchy.mount + *hierarchy.own));
  return views;
}

void ContainerCgroup::keep() {
  if (group_) group_->keep();
  if (scope_) scope_->keep();
}

Result<void> update_cgroup(const Container& container, const oci::Resources& resources, const Log& log) {
  kernel::Cgroup cgroup = TRY(container.open_cgroup());
  if (const std::string& unit = container.record().systemd_unit; !unit.empty()) {
    const kernel::CgroupLayout layout = TRY(kernel::CgroupLayout::read());
    Systemd systemd = TRY(Systemd::connect(is_rootless()));
    TRY(systemd.set_properties(unit,
                               TRY(unit_properties(resources, layout.mode(), limits::Purpose::Update))));
  }
  std::vector<std::string> warnings;
  TRY(limits::apply_resources(cgroup, resources, {.purpose = limits::Purpose::Update}, warnings));
  for (const std::string& warning : warnings) log.warn(warning);
  return {};
}

Result<void> remove_cgroup(const Container& container) {
  kernel::Cgroup cgroup = TRY(container.open_cgroup());
  // First, because systemd would ask them to end, and wait.
  TRY(cgroup.kill_all());
  if (const std::string& unit = container.record().systemd_unit; !unit.empty()) {
    Systemd systemd = TRY(Systemd::connect(is_rootless()));
    TRY(systemd.stop(unit));
  }
  return cgroup.remove();
}

}  // namespace gantry::runtime
