// SPDX-License-Identifier: Apache-2.0
#include "kube/rules/pod_status.h"

#include <algorithm>
#include <set>

#include "kube/api/tree_lists.h"
#include "kube/rules/checks.h"

namespace gantry::kube::rules {
namespace {

using json::Tree;

constexpr std::string_view kSystemConditions[] = {"Initialized", "PodScheduled", "Ready"};
constexpr std::string_view kHealths[] = {"Healthy", "Unhealthy", "Unknown"};
constexpr std::string_view kNotNegative = "must be a non-negative integer";

void pod_condition(const Spot& condition) {
  if (condition["observedGeneration"].number() < 0) condition["observedGeneration"].invalid(kNotNegative);
  const Spot type = condition["type"];
  if (std::ranges::find(kSystemConditions, type.text()) != std::end(kSystemConditions)) return;
  // Kubernetes writes it so.
  for (const std::string& fault : label_key_faults(type.text()))
    condition["Type"].invalid(type.value(), fault);
}

void nominated_node(const Spot& name, const Tree& before) {
  if (name.text().empty() || name.text() == before.text_at("status", "nominatedNodeName")) return;
  name.invalid_for(dns_subdomain_faults(name.text()));
  if (!before.text_at("spec", "nodeName").empty())
    name.forbidden("may not be set on pods that are already bound to a node");
}

// ---- What has ended stays so, unless it is to be started again

bool is_listed(const Tree& rule, std::int64_t exit_code) {
  const Tree* values = rule.find("exitCodes", "values");
  const bool is_there = values != nullptr && std::ranges::any_of(values->array(), [&](const Tree& value) {
                          return value.as_int64() == exit_code;
                        });
  return is_there == (rule.text_at("exitCodes", "operator") == "In");
}

bool restarts(std::string_view policy, std::int64_t exit_code) {
  return policy == "Always" || (policy == "OnFailure" && exit_code != 0);
}

bool restarts(const Tree& container, std::string_view policy_of_pod, std::int64_t exit_code) {
  if (const Tree* rules = container.find("restartPolicyRules"))
    for (const Tree& rule : rules->array())
      if (rule.text_at("action") == "Restart" && is_listed(rule, exit_code)) return true;
  const std::string_view own = container.text_at("restartPolicy");
  return restarts(own.empty() ? policy_of_pod : own, exit_code);
}

const Tree* find_named(const Tree* list, std::string_view name) {
  if (list == nullptr) return nullptr;
  const auto found =
      std::ranges::find_if(list->array(), [&](const Tree& one) { return one.text_at("name") == name; });
  return found == list->array().end() ? nullptr : &*found;
}

bool may_all_restart(const Tree& spec) {
  for (const char* list : {"containers", "initContainers"})
    if (const Tree* containers = spec.find(list))
      for (const Tree& container : containers->array())
        if (const Tree* rules = container.find("restartPolicyRules"))
          for (const Tree& rule : rules->array())
            if (rule.text_at("action") == "RestartAllContainers") return true;
  return false;
}

// `containers`: those that the statuses are of; null: of such as are never started again.
void transitions(const Spot& statuses, const Tree* before, const Tree& spec, const Tree* containers) {
  if (before == nullptr) return;
  std::size_t index = 0;
  for (const Tree& old : before->array()) {
    const Spot place = statuses.at(index++)["state"];
    const Tree* ended = old.find("state", "terminated");
    const Tree* now = find_named(&statuses.value(), old.text_at("name"));
    if (ended == nullptr || now == nullptr || now->find("state", "terminated") != nullptr) continue;
    const Tree* code = ended->find("exitCode");
    const Tree* container = find_named(containers, old.text_at("name"));
    if (container == nullptr || !restarts(*container, spec.text_at("restartPolicy"),
                                          code == nullptr ? 0 : code->as_int64().value_or(0)))
      place.forbidden("may not be transitioned to non-terminated state");
  }
}

void state_transitions(const Spot& status, const Tree& before) {
  const Tree& spec = member_of(before, "spec");
  if (!may_all_restart(spec))
    for (const auto& [list, of] :
         {std::pair("containerStatuses", "containers"), std::pair("initContainerStatuses", "initContainers")})
      transitions(status[list], before.find("status", list), spec, spec.find(of));
  transitions(status["ephemeralContainerStatuses"], before.find("status", "ephemeralContainerStatuses"), spec,
              nullptr);
}

// ---- Addresses

bool is_of_six(std::string_view address) { return address.find(':') != std::string_view::npos; }

void addresses(const Spot& list) {
  list.each([](const Spot& one) {
    for (const std::string& fault : ip_faults(one["ip"].text())) one.invalid(one["ip"].value(), fault);
  });
  if (list.size() < 2) return;
  const bool is_pair =
      list.size() == 2 && is_of_six(list.at(0)["ip"].text()) != is_of_six(list.at(1)["ip"].text());
  if (!is_pair) list.invalid("may specify no more than one IP for each IP family");
  std::set<std::string_view> seen;
  list.each([&](const Spot& one) {
    if (!seen.insert(one["ip"].text()).second) one.duplicate();
  });
}

void host_addresses(const Spot& status) {
  const Spot list = status["hostIPs"];
  if (list.size() == 0) return;
  if (const Spot first = list.at(0)["ip"]; first.text() != status["hostIP"].text())
    first.invalid("must be equal to `hostIP`");
  addresses(list);
}

// ---- Containers

void user(const Spot& user, bool is_windows) {
  const Spot linux_user = user["linux"];
  if (!linux_user.is_set()) return;
  if (is_windows) return linux_user.forbidden("cannot be set for a windows pod");
  for (const char* id : {"uid", "gid"}) within(linux_user[id], 0, INT32_MAX);
  linux_user["supplementalGroups"].each([](const Spot& group) { within(group, 0, INT32_MAX); });
}

void health(const Spot& resources) {
  std::set<std::string_view> ids;
  resources.each([&](const Spot& one) {
    if (std::ranges::find(kHealths, one["health"].text()) == std::end(kHealths))
      one["health"].not_supported(kHealths);
    if (!ids.insert(one["resourceID"].text()).second) one["resourceID"].duplicate();
  });
}

// Whether the container asks for it, by name or by a claim.
bool asks_for(const Tree& container, std::string_view name) {
  if (!name.starts_with("claim:")) return container.find("resources", "requests", name) != nullptr;
  const Tree* claims = container.find("resources", "claims");
  return claims != nullptr && std::ranges::any_of(claims->array(), [&](const Tree& claim) {
           std::string text("claim:");
           text.append(claim.text_at("name"));
           if (!claim.text_at("request").empty()) text.append("/").append(claim.text_at("request"));
           return text == name;
         });
}

void allocated(const Spot& status, const Tree* containers) {
  const Tree* container = find_named(containers, status["name"].text());
  status["allocatedResourcesStatus"].each([&](const Spot& resource) {
    const Spot name = resource["name"];
    if (container != nullptr && !asks_for(*container, name.text()))
      name.invalid(name.text().starts_with("claim:")
                       ? "must match one of the container's resource claims in a format "
                         "'claim:<claimName>/<request>' or 'claim:<claimName>' if request is empty"
                       : "must match one of the container's resource requests");
    health(resource["resources"]);
  });
}

void containers(const Spot& pod) {
  const Spot status = pod["status"];
  const bool is_windows = pod["spec"]["os"]["name"].text() == "windows";
  for (const char* list : {"containerStatuses", "initContainerStatuses", "ephemeralContainerStatuses"})
    status[list].each([&](const Spot& one) { user(one["user"], is_windows); });
  for (const auto& [list, of] :
       {std::pair("containerStatuses", "containers"), std::pair("initContainerStatuses", "initContainers")})
    status[list].each(
        [&, specified = of](const Spot& one) { allocated(one, pod.value().find("spec", specified)); });
  status["ephemeralContainerStatuses"].each([](const Spot& one) {
    if (one["allocatedResourcesStatus"].size() > 0)
      one["allocatedResourcesStatus"].forbidden("must not be specified in container status");
  });
}

void claims(const Spot& pod) {
  std::set<std::string_view> names;
  pod["status"]["resourceClaimStatuses"].each([&](const Spot& one) {
    const Spot name = one["name"];
    if (find_named(pod.value().find("spec", "resourceClaims"), name.text()) == nullptr)
      name.invalid("must match the name of an entry in `spec.resourceClaims`");
    if (!names.insert(name.text()).second) name.duplicate();
    if (one["resourceClaimName"].is_set())
      one["resourceClaimName"].invalid_for(dns_subdomain_faults(one["resourceClaimName"].text()));
  });
}

}  // namespace

void update_pod_status(const Spot& pod, const Tree& before) {
  const Spot status = pod["status"];
  status["conditions"].each(pod_condition);
  nominated_node(status["nominatedNodeName"], before);
  if (status["observedGeneration"].number() < 0) status["observedGeneration"].invalid(kNotNegative);
  immutable(status["qosClass"], before.find("status", "qosClass"));
  state_transitions(status, before);
  claims(pod);
  addresses(status["podIPs"]);
  host_addresses(status);
  containers(pod);
}

}  // namespace gantry::kube::rules
