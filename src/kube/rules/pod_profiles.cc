// SPDX-License-Identifier: Apache-2.0
//
// Profiles that say which system calls (seccomp) and files (AppArmor) containers may use: as fields, and as
// the annotations that came before them.
#include <algorithm>
#include <span>

#include <fmt/format.h>

#include "base/trim.h"
#include "kube/rules/checks.h"
#include "kube/rules/pod_spec.h"

namespace gantry::kube::rules {
namespace {

using json::Tree;

constexpr std::string_view kTypes[] = {"Localhost", "RuntimeDefault", "Unconfined"};
constexpr std::size_t kAppArmorSize = 4095;  // of the longest path

constexpr std::string_view kSeccompOfPod = "seccomp.security.alpha.kubernetes.io/pod";
constexpr std::string_view kSeccompOfContainer = "container.seccomp.security.alpha.kubernetes.io/";
constexpr std::string_view kAppArmorOfContainer = "container.apparmor.security.beta.kubernetes.io/";
constexpr std::string_view kLocal = "localhost/";

bool is_default(std::string_view annotation) {
  return annotation == "runtime/default" || annotation == "docker/default";
}

// ---- Annotations

void seccomp_annotation(const Spot& annotation) {
  const std::string_view profile = annotation.text();
  if (is_default(profile) || profile == "unconfined") return;
  if (!profile.starts_with(kLocal)) return annotation.invalid("must be a valid seccomp profile");
  const Tree path(profile.substr(kLocal.size()));
  Report unused;
  relative_path(annotation.with_value_of(Spot(path, unused)));
}

void app_armor_annotation(const Spot& annotation, std::string_view container, const Names& containers) {
  const std::string_view profile = annotation.text();
  if (!containers.contains(container)) annotation.invalid(Tree(container), "container not found");
  if (!profile.empty() && profile != "runtime/default" && profile != "unconfined" &&
      !profile.starts_with(kLocal))
    annotation.invalid(fmt::format("invalid AppArmor profile name: \"{}\"", profile));
}

// ---- Both

// `what`: whose profile it is, in Kubernetes' words.
void same_profile(const Spot& profile, std::string_view annotation, std::string_view what) {
  const std::string_view type = profile["type"].text();
  const bool is_same_type = type == "Unconfined"       ? annotation == "unconfined"
                            : type == "RuntimeDefault" ? annotation == "runtime/default" ||
                                                             (what == "seccomp" && is_default(annotation))
                            : type == "Localhost" ? annotation.starts_with(kLocal)
                                                  : true;
  if (!is_same_type)
    profile["type"].forbidden(fmt::format("{} type in annotation and field must match", what));
  else if (type == "Localhost" && annotation.substr(kLocal.size()) != profile["localhostProfile"].text())
    profile["localhostProfile"].forbidden(fmt::format("{} profile in annotation and field must match", what));
}

std::string key_of(std::string_view prefix, const Spot& container) {
  return fmt::format("{}{}", prefix, container["name"].text());
}

void same_seccomp(const Tree& annotations, const Spot& spec) {
  const auto check = [&](const Spot& security, std::string_view key) {
    const Spot profile = security["seccompProfile"];
    if (const Tree* annotation = annotations.find(key); annotation != nullptr && profile.is_set())
      same_profile(profile, annotation->as_string(), "seccomp");
  };
  check(spec["securityContext"], kSeccompOfPod);
  each_container(spec, [&](const Spot& container) {
    check(container["securityContext"], key_of(kSeccompOfContainer, container));
  });
}

// A container without a profile has the pod's.
void same_app_armor(const Tree& annotations, const Spot& spec) {
  if (spec["os"]["name"].text() == "windows") return;
  const Spot of_pod = spec["securityContext"]["appArmorProfile"];
  each_container(spec, [&](const Spot& container) {
    const Spot own = container["securityContext"]["appArmorProfile"];
    const Spot profile = own.is_set() ? own : own.with_value_of(of_pod);
    const Tree* annotation = annotations.find(key_of(kAppArmorOfContainer, container));
    if (annotation != nullptr && profile.is_set()) same_profile(profile, annotation->as_string(), "apparmor");
  });
}

}  // namespace

void seccomp_profile(const Spot& profile) {
  if (!profile.is_set()) return;
  const Spot type = profile["type"];
  const Spot local = profile["localhostProfile"];
  if (type.text() == "Localhost") {
    if (local.is_set())
      relative_path(local);
    else
      local.required("must be set when seccomp type is Localhost");
  } else if (local.is_set()) {
    local.invalid(profile.value(), "can only be set when seccomp type is Localhost");
  }
  if (type.text().empty())
    type.required("type is required when seccompProfile is set");
  else
    one_of(type, kTypes);
}

void app_armor_profile(const Spot& profile) {
  if (!profile.is_set()) return;
  const Spot type = profile["type"];
  const Spot local = profile["localhostProfile"];
  if (type.text().empty()) return type.required("type is required when appArmorProfile is set");
  one_of(type, kTypes);
  if (type.text() == "Localhost") {
    if (trimmed(local.text()).empty())
      local.required("must be set when AppArmor type is Localhost");
    else if (trimmed(local.text()) != local.text())
      local.invalid("must not be padded with whitespace");
    if (local.text().size() > kAppArmorSize) local.too_long(kAppArmorSize);
  } else if (local.is_set()) {
    local.invalid("can only be set when AppArmor type is Localhost");
  }
}

void profile_annotations(const Spot& annotations, const Spot& spec) {
  Names containers;
  each_container(spec, [&](const Spot& container) { containers.insert(container["name"].text()); });
  annotations.each_member([&](std::string_view key, const Spot& annotation) {
    if (key == kSeccompOfPod || key.starts_with(kSeccompOfContainer)) seccomp_annotation(annotations[key]);
    if (key.starts_with(kAppArmorOfContainer))
      app_armor_annotation(annotation, key.substr(kAppArmorOfContainer.size()), containers);
  });
}

void app_armor_is_kept(const Spot& annotations, const Tree& before) {
  const auto is_of_it = [](std::string_view key) { return key.starts_with(kAppArmorOfContainer); };
  for (const auto& [key, was] : before.object())
    if (const Tree* now = annotations.value().find(key); is_of_it(key) && (now == nullptr || !(*now == was)))
      annotations.key(key).forbidden("may not remove or update AppArmor annotations");
  for (const auto& [key, now] : annotations.value().object())
    if (is_of_it(key) && before.find(key) == nullptr)
      annotations.key(key).forbidden("may not add AppArmor annotations");
}

void profiles_match_annotations(const Tree& annotations, const Spot& spec) {
  same_seccomp(annotations, spec);
  same_app_armor(annotations, spec);
}

}  // namespace gantry::kube::rules
