// SPDX-License-Identifier: Apache-2.0
//
// Role, ClusterRole and what binds them.
#include "kube/rules/checks.h"
#include "kube/rules/kind_rules.h"

namespace gantry::kube::rules {
namespace {

using json::Tree;

constexpr std::string_view kApiGroup[] = {"rbac.authorization.k8s.io"};
constexpr std::string_view kRoles[] = {"Role", "ClusterRole"};
constexpr std::string_view kClusterRoles[] = {"ClusterRole"};
constexpr std::string_view kSubjects[] = {"ServiceAccount", "User", "Group"};

void policy_rule(const Spot& rule, bool is_namespaced) {
  if (rule["verbs"].size() == 0) rule["verbs"].required("verbs must contain at least one value");
  const Spot paths = rule["nonResourceURLs"];
  if (paths.size() > 0) {
    if (is_namespaced) paths.invalid("namespaced rules cannot apply to non-resource URLs");
    if (rule["apiGroups"].size() + rule["resources"].size() + rule["resourceNames"].size() > 0)
      paths.invalid("rules cannot apply to both regular resources and non-resource URLs");
    return;
  }
  if (rule["apiGroups"].size() == 0)
    rule["apiGroups"].required("resource rules must supply at least one api group");
  if (rule["resources"].size() == 0)
    rule["resources"].required("resource rules must supply at least one resource");
}

void check_role(const Spot& object) {
  object["rules"].each([](const Spot& rule) { policy_rule(rule, true); });
}

void check_cluster_role(const Spot& object) {
  object["rules"].each([](const Spot& rule) { policy_rule(rule, false); });
  const Spot aggregation = object["aggregationRule"];
  if (!aggregation.is_set()) return;
  const Spot selectors = aggregation["clusterRoleSelectors"];
  if (selectors.size() == 0)
    selectors.required("at least one clusterRoleSelector required if aggregationRule is non-nil");
  selectors.each(label_selector);
}

void subject(const Spot& subject, bool is_namespaced) {
  const std::string_view kind = subject["kind"].text();
  if (subject["name"].text().empty()) subject["name"].required();
  if (kind == "ServiceAccount") {
    named_if_set(subject["name"], dns_subdomain_faults);
    if (subject["apiGroup"].has_something()) {
      constexpr std::string_view kNone[] = {""};
      subject["apiGroup"].not_supported(kNone);
    }
    if (!is_namespaced && subject["namespace"].text().empty()) subject["namespace"].required();
  } else if (kind == "User" || kind == "Group") {
    one_of_if_set(subject["apiGroup"], kApiGroup);
  } else {
    subject["kind"].not_supported(kSubjects);
  }
}

void binding(const Spot& object, bool is_namespaced) {
  const Spot role = object["roleRef"];
  one_of_if_set(role["apiGroup"], kApiGroup);
  if (is_namespaced)
    one_of_if_set(role["kind"], kRoles);
  else
    one_of_if_set(role["kind"], kClusterRoles);
  named(role["name"], path_segment_faults);
  object["subjects"].each([&](const Spot& one) { subject(one, is_namespaced); });
}

void check_role_binding(const Spot& object) { binding(object, true); }
void check_cluster_role_binding(const Spot& object) { binding(object, false); }

void update_binding(const Spot& object, const Tree& before) {
  immutable(object["roleRef"], before.find("roleRef"), "cannot change roleRef");
}

constexpr std::string_view kGroup = "rbac.authorization.k8s.io";
constexpr KindRules kRules[] = {
    {.group = kGroup, .kind = "ClusterRole", .name_faults = path_segment_faults, .check = check_cluster_role},
    {.group = kGroup,
     .kind = "ClusterRoleBinding",
     .name_faults = path_segment_faults,
     .check = check_cluster_role_binding,
     .check_update = update_binding},
    {.group = kGroup, .kind = "Role", .name_faults = path_segment_faults, .check = check_role},
    {.group = kGroup,
     .kind = "RoleBinding",
     .name_faults = path_segment_faults,
     .check = check_role_binding,
     .check_update = update_binding},
};

}  // namespace

std::span<const KindRules> role_rules() { return kRules; }

}  // namespace gantry::kube::rules
