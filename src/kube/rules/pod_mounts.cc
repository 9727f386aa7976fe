// SPDX-License-Identifier: Apache-2.0
//
// Where containers see the pod's volumes: as directories and as devices.
#include <map>

#include "kube/rules/checks.h"
#include "kube/rules/pod_spec.h"

namespace gantry::kube::rules {
namespace {

using json::Tree;

constexpr std::string_view kPropagations[] = {"Bidirectional", "HostToContainer", "None"};
constexpr std::string_view kReadOnlyKinds[] = {"Disabled", "Enabled", "IfPossible"};

// Names of volumes that a list of a container has, and paths at which it has them.
struct Taken {
  Names names;
  Names paths;
};

Taken taken(const Spot& list, const char* path) {
  // Of a volume that stands there twice the last path counts.
  std::map<std::string_view, std::string_view> places;
  for (const Tree& one : list.value().array()) places[one.text_at("name")] = one.text_at(path);
  Taken taken;
  for (const auto& [name, place] : places) {
    taken.names.insert(name);
    taken.paths.insert(place);
  }
  return taken;
}

// Kubernetes does not say of which mount it tells here and below: `place` is a field of their list.
void propagation(const Spot& place, const Spot& container) {
  one_of_if_set(place, kPropagations);
  if (place.text() == "Bidirectional" && !container["securityContext"]["privileged"].flag())
    place.forbidden("Bidirectional mount propagation is available only to privileged containers");
}

void recursive_read_only(const Spot& place, const Spot& mount) {
  one_of_if_set(place, kReadOnlyKinds);
  if (place.text() != "Enabled" && place.text() != "IfPossible") return;
  if (!mount["readOnly"].flag()) place.forbidden("may only be specified when readOnly is true");
  const Spot propagation = mount["mountPropagation"];
  if (propagation.is_set() && propagation.text() != "None")
    place.forbidden("may only be specified when mountPropagation is None or not specified");
}

void mount_options(const Spot& list, const Spot& mount, const Spot& container) {
  const auto place = [&](const char* field) { return list[field].with_value_of(mount[field]); };
  relative_path(place("subPath"));
  if (mount["subPath"].has_something() && mount["subPathExpr"].has_something())
    mount["subPathExpr"].invalid("subPathExpr and subPath are mutually exclusive");
  relative_path(place("subPathExpr"));
  propagation(place("mountPropagation"), container);
  recursive_read_only(place("recursiveReadOnly"), mount);
}

void directories(const Spot& container, const Volumes& volumes) {
  const Spot list = container["volumeMounts"];
  const Taken devices = taken(container["volumeDevices"], "devicePath");
  Names paths;
  list.each([&](const Spot& mount) {
    const Spot name = mount["name"];
    const Spot path = mount["mountPath"];
    required(name);
    if (!volumes.contains(name.text())) name.not_found();
    required(path);
    if (!paths.insert(path.text()).second) path.invalid("must be unique");
    if (devices.names.contains(name.text())) name.invalid("must not already exist in volumeDevices");
    if (devices.paths.contains(path.text()))
      path.invalid("must not already exist as a path in volumeDevices");
    mount_options(list, mount, container);
  });
}

bool is_of_claim(const Tree& volume) {
  return volume.find("persistentVolumeClaim") != nullptr || volume.find("ephemeral") != nullptr;
}

bool has_backsteps(const Spot& path) {
  Report attempt;
  path_without_backsteps(path.in(attempt));
  return !attempt.is_clean();
}

void devices(const Spot& container, const Volumes& volumes) {
  const Taken mounts = taken(container["volumeMounts"], "mountPath");
  Names names, paths;
  container["volumeDevices"].each([&](const Spot& device) {
    const Spot name = device["name"];
    const Spot path = device["devicePath"];
    required(name);
    if (!name.text().empty() && !names.insert(name.text()).second) name.invalid("must be unique");
    const auto volume = volumes.find(name.text());
    if (volume == volumes.end())
      name.not_found();
    else if (!is_of_claim(*volume->second))
      name.invalid("can only use volume source type of PersistentVolumeClaim or Ephemeral for block mode");
    required(path);
    if (paths.contains(path.text())) path.invalid("must be unique");
    if (has_backsteps(path))
      path.invalid("can not contain backsteps ('..')");
    else
      paths.insert(path.text());
    if (mounts.names.contains(name.text())) name.invalid("must not already exist in volumeMounts");
    if (mounts.paths.contains(path.text())) path.invalid("must not already exist as a path in volumeMounts");
  });
}

}  // namespace

void mounts(const Spot& container, const Volumes& volumes) {
  directories(container, volumes);
  devices(container, volumes);
}

}  // namespace gantry::kube::rules
