// SPDX-License-Identifier: Apache-2.0
#include "kube/schema/default_rules.h"

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "base/base64.h"

namespace gantry::kube {
namespace {

using json::Tree;
using json::TreeArray;
using json::TreeObject;

bool is_text(const TreeObject& object, std::string_view key, std::string_view text) {
  const Tree* const value = object.find(key);
  return value != nullptr && value->as_string() == text;
}

void set_default(TreeObject& object, std::string_view key, Tree value) {
  if (!object.contains(key)) object[key] = std::move(value);
}

// All at once: one by one, many keys would be moved again and again.
void add_missing(TreeObject& object, const TreeObject& more) {
  std::vector<TreeObject::Member> members(more.begin(), more.end());
  std::ranges::move(object, std::back_inserter(members));  // of equal keys the last counts
  object = TreeObject(std::move(members));
}

bool has_members(const Tree* value) { return value != nullptr && !value->object().empty(); }

// ---- Pods

// Of "registry:5000/a/b:tag@digest": "tag"; "latest" if there is neither; empty if there is a digest alone.
std::string_view tag_of(std::string_view image) {
  const std::size_t at = image.find('@');
  const std::string_view name = image.substr(0, at);
  const std::size_t slash = name.rfind('/');
  const std::size_t colon = name.rfind(':');
  if (colon != std::string_view::npos && (slash == std::string_view::npos || colon > slash))
    return name.substr(colon + 1);
  return at == std::string_view::npos && !name.empty() ? "latest" : "";
}

std::string_view pull_policy_of(const TreeObject& object, std::string_view image_field) {
  const Tree* const image = object.find(image_field);
  return tag_of(image == nullptr ? "" : image->as_string()) == "latest" ? "Always" : "IfNotPresent";
}

void container(TreeObject& container) {
  set_default(container, "imagePullPolicy", pull_policy_of(container, "image"));
}

// A volume that says nothing but its name is an empty directory.
void volume(TreeObject& volume) {
  if (volume.size() == (volume.contains("name") ? 1 : 0)) volume["emptyDir"] = TreeObject();
  if (Tree* const image = volume.find("image"))
    set_default(image->object(), "pullPolicy", pull_policy_of(image->object(), "reference"));
}

// Both names of the field are always shown.
void pod_spec(TreeObject& spec) {
  if (const Tree* const name = spec.find("serviceAccountName"))
    spec["serviceAccount"] = Tree(*name);
  else if (const Tree* const old = spec.find("serviceAccount"))
    spec["serviceAccountName"] = Tree(*old);
}

// What is limited and not asked for is asked for as far as the limit.
void request_limits(TreeObject& container) {
  Tree* const resources = container.find("resources");
  const Tree* const limits = resources == nullptr ? nullptr : resources->find("limits");
  if (!has_members(limits)) return;
  const TreeObject wanted = limits->object();
  add_missing(resources->object()["requests"].object(), wanted);
}

// In the host's network a container's port is the host's.
void open_host_ports(TreeObject& container) {
  Tree* const ports = container.find("ports");
  if (ports == nullptr) return;
  for (Tree& port : ports->array())
    if (const Tree* const number = port.find("containerPort"))
      set_default(port.object(), "hostPort", Tree(*number));
}

// These are for pods alone: templates of pods stay as they were written.
void pod(TreeObject& pod) {
  Tree* const spec = pod.find("spec");
  if (spec == nullptr) return;
  set_default(spec->object(), "enableServiceLinks", true);
  const Tree* const network = spec->find("hostNetwork");
  const bool is_on_host = network != nullptr && network->as_bool();
  for (const char* kind : {"containers", "initContainers"}) {
    Tree* const containers = spec->object().find(kind);
    if (containers == nullptr) continue;
    for (Tree& container : containers->array()) {
      request_limits(container.object());
      if (is_on_host) open_host_ports(container.object());
    }
  }
}

// ---- What makes pods

// Deployments, daemon sets and stateful sets have numbers for a rolling update only when they do one.
void rolling_update(TreeObject& strategy) {
  if (is_text(strategy, "type", "RollingUpdate")) set_default(strategy, "rollingUpdate", TreeObject());
}

const Tree* template_labels(const TreeObject& object) {
  const Tree* const spec = object.find("spec");
  const Tree* const labels = spec == nullptr ? nullptr : spec->find("template", "metadata", "labels");
  return has_members(labels) ? labels : nullptr;
}

void label_like_template(TreeObject& object) {
  const Tree* const labels = template_labels(object);
  if (labels == nullptr) return;
  TreeObject copy = labels->object();
  set_default(object["metadata"].object(), "labels", std::move(copy));
}

void replication_controller(TreeObject& controller) {
  label_like_template(controller);
  if (const Tree* const labels = template_labels(controller)) {
    TreeObject copy = labels->object();
    set_default(controller["spec"].object(), "selector", std::move(copy));
  }
}

void stateful_set_spec(TreeObject& spec) {
  Tree* const claims = spec.find("volumeClaimTemplates");
  if (claims == nullptr) return;
  for (Tree& claim : claims->array()) {
    claim.object()["apiVersion"] = "v1";
    claim.object()["kind"] = "PersistentVolumeClaim";
  }
}

void job_spec(TreeObject& spec) {
  // Alone, a number of workers means a queue of work: then it has no number of completions.
  if (!spec.contains("parallelism")) set_default(spec, "completions", 1);
  set_default(spec, "parallelism", 1);
  // Each index of such a job counts its own failures.
  set_default(spec, "backoffLimit",
              spec.contains("backoffLimitPerIndex") ? std::numeric_limits<std::int32_t>::max() : 6);
  set_default(spec, "podReplacementPolicy",
              spec.contains("podFailurePolicy") ? "Failed" : "TerminatingOrFailed");
}

// ---- Services and networks

bool is_reachable_from_outside(const TreeObject& spec) {
  if (is_text(spec, "type", "LoadBalancer") || is_text(spec, "type", "NodePort")) return true;
  return is_text(spec, "type", "ClusterIP") && spec.contains("externalIPs");
}

void service_spec(TreeObject& spec) {
  if (is_text(spec, "sessionAffinity", "None")) {
    spec.erase("sessionAffinityConfig");
  } else if (is_text(spec, "sessionAffinity", "ClientIP")) {
    constexpr int kThreeHours = 10800;
    set_default(spec["sessionAffinityConfig"].object()["clientIP"].object(), "timeoutSeconds", kThreeHours);
  }
  if (is_reachable_from_outside(spec)) set_default(spec, "externalTrafficPolicy", "Cluster");
  if (!is_text(spec, "type", "ExternalName")) set_default(spec, "internalTrafficPolicy", "Cluster");
  if (is_text(spec, "type", "LoadBalancer")) set_default(spec, "allocateLoadBalancerNodePorts", true);
}

void service_port(TreeObject& port) {
  const Tree* const target = port.find("targetPort");
  const bool is_said = target != nullptr && target->as_int64() != 0 && *target != Tree("");
  const Tree* const number = port.find("port");
  if (!is_said && number != nullptr) port["targetPort"] = Tree(*number);
}

void service(TreeObject& service) {
  const Tree* const spec = service.find("spec");
  Tree* const status = service.find("status");
  if (spec == nullptr || status == nullptr || spec->text_at("type") != "LoadBalancer") return;
  if (status->find("loadBalancer", "ingress") == nullptr) return;
  for (Tree& ingress : status->object()["loadBalancer"].object()["ingress"].array())
    if (!ingress.text_at("ip").empty()) set_default(ingress.object(), "ipMode", "VIP");
}

void network_policy_spec(TreeObject& spec) {
  if (spec.contains("policyTypes")) return;
  TreeArray types;
  types.emplace_back("Ingress");
  if (spec.contains("egress")) types.emplace_back("Egress");
  spec["policyTypes"] = std::move(types);
}

// ---- Others

void namespace_object(TreeObject& object) {
  const Tree* const metadata = object.find("metadata");
  const std::string name(metadata == nullptr ? "" : metadata->text_at("name"));
  if (name.empty()) return;  // it is still to be generated
  object["metadata"].object()["labels"].object()["kubernetes.io/metadata.name"] = name;
}

// What was written as plain text is kept as bytes.
void secret(TreeObject& secret) {
  const Tree* const texts = secret.find("stringData");
  if (texts == nullptr) return;
  std::vector<TreeObject::Member> plain;
  for (const auto& [key, text] : texts->object()) plain.emplace_back(key, to_base64(text.as_string()));
  secret.erase("stringData");
  TreeObject written(std::move(plain));
  TreeObject& data = secret["data"].object();
  add_missing(written, data);
  data = std::move(written);
}

void node_status(TreeObject& status) {
  if (const Tree* const capacity = status.find("capacity"))
    set_default(status, "allocatable", Tree(*capacity));
}

void fill_in(TreeObject& item, std::string_view to, std::string_view from) {
  const Tree* const amounts = item.find(from);
  if (!has_members(amounts)) return;
  const TreeObject wanted = amounts->object();
  add_missing(item[to].object(), wanted);
}

void limit_range_item(TreeObject& item) {
  if (!is_text(item, "type", "Container")) return;
  fill_in(item, "default", "max");
  fill_in(item, "defaultRequest", "default");
  fill_in(item, "defaultRequest", "min");
}

Tree scaling_policy(std::string_view type, int value) {
  TreeObject policy;
  policy["type"] = type;
  policy["value"] = value;
  policy["periodSeconds"] = 15;
  return policy;
}

// Up by four pods or by as many as there are, whichever is more; down as fast as it goes.
void autoscaler_behavior(TreeObject& behavior) {
  constexpr int kWhole = 100;  // percent
  TreeObject& up = behavior["scaleUp"].object();
  set_default(up, "stabilizationWindowSeconds", 0);
  set_default(up, "selectPolicy", "Max");
  set_default(up, "policies", TreeArray{scaling_policy("Pods", 4), scaling_policy("Percent", kWhole)});
  TreeObject& down = behavior["scaleDown"].object();
  set_default(down, "selectPolicy", "Max");
  set_default(down, "policies", TreeArray{scaling_policy("Percent", kWhole)});
}

void subject(TreeObject& subject) {
  if (is_text(subject, "kind", "User") || is_text(subject, "kind", "Group"))
    set_default(subject, "apiGroup", "rbac.authorization.k8s.io");
}

void custom_resource_definition_spec(TreeObject& spec) {
  Tree* const names = spec.find("names");
  if (names == nullptr) return;
  const std::string kind(names->text_at("kind"));
  if (kind.empty()) return;
  std::string singular = kind;
  for (char& c : singular)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  set_default(names->object(), "singular", std::move(singular));
  set_default(names->object(), "listKind", kind + "List");
}

struct Rule {
  std::string_view name;
  DefaultRule rule;
};
constexpr Rule kRules[] = {
    {"autoscaler_behavior", autoscaler_behavior},
    {"container", container},
    {"custom_resource_definition_spec", custom_resource_definition_spec},
    {"job", label_like_template},
    {"job_spec", job_spec},
    {"limit_range_item", limit_range_item},
    {"namespace", namespace_object},
    {"network_policy_spec", network_policy_spec},
    {"node_status", node_status},
    {"pod", pod},
    {"pod_spec", pod_spec},
    {"replication_controller", replication_controller},
    {"rolling_update", rolling_update},
    {"secret", secret},
    {"service", service},
    {"service_port", service_port},
    {"service_spec", service_spec},
    {"stateful_set_spec", stateful_set_spec},
    {"subject", subject},
    {"volume", volume},
};

}  // namespace

DefaultRule find_default_rule(std::string_view name) {
  const auto at = std::ranges::find(kRules, name, &Rule::name);
  return at == std::end(kRules) ? nullptr : at->rule;
}

}  // namespace gantry::kube
