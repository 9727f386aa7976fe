// SPDX-License-Identifier: Apache-2.0
//
// A pod is bound to a node: what a scheduler sends
// (https://kubernetes.io/docs/reference/kubernetes-api/cluster-resources/binding-v1/).
#include <fmt/format.h>

#include "kube/schema/catalog.h"
#include "kube/server/change_object.h"
#include "kube/server/object_meta.h"

namespace gantry::kube {

static void set_scheduled(json::Tree& pod) {
  json::TreeArray& conditions = pod.object()["status"].object()["conditions"].array();
  std::erase_if(conditions, [](const json::Tree& each) { return each.text_at("type") == "PodScheduled"; });
  json::TreeObject condition;
  condition["type"] = "PodScheduled";
  condition["status"] = "True";
  condition["lastProbeTime"] = json::Tree();
  condition["lastTransitionTime"] = now_text();
  conditions.emplace_back(std::move(condition));
}

// Labels and annotations of a binding are added to its pod's.
static void add_all(const json::Tree& binding, json::Tree& pod, const char* key) {
  const json::Tree* added = binding.find("metadata", key);
  if (added == nullptr) return;
  for (const auto& [name, value] : added->object()) metadata_of(pod)[key].object()[name] = value;
}

static Answer<std::optional<Proposal>> bound(const ApiRequest& request, const json::Tree& pod,
                                             const json::Tree& binding) {
  const auto refuse = [&](std::string why) {
    return conflict({"", "pods/binding"}, request.name, std::move(why));
  };
  TRY(check_uid(request, pod, metadata_text(binding, "uid")));
  if (is_being_deleted(pod))
    return refuse(fmt::format("pod {} is being deleted, cannot be assigned to a host", request.name));
  if (const std::string_view node = pod.text_at("spec", "nodeName"); !node.empty())
    return refuse(fmt::format("pod {} is already assigned to node \"{}\"", request.name, node));
  if (const json::Tree* gates = pod.find("spec", "schedulingGates");
      gates != nullptr && !gates->array().empty())
    return refuse(fmt::format("pod {} has non-empty .spec.schedulingGates", request.name));
  Proposal proposal{.object = pod, .checks = Checks::None};
  proposal.object.object()["spec"].object()["nodeName"] = binding.text_at("target", "name");
  add_all(binding, proposal.object, "labels");
  add_all(binding, proposal.object, "annotations");
  set_scheduled(proposal.object);
  return std::optional(std::move(proposal));
}

Answer<ApiAnswer> create_binding(const VerbParts& parts, const ApiRequest& request) {
  const Catalog& catalog = Catalog::built_in();
  const Resource& pods = *catalog.find("", "v1", "pods");
  const Resource& bindings = *catalog.find("", "v1", "bindings");
  ApiAnswer answer{.code = 201};
  json::Tree binding = TRY(read_body(request, *bindings.type, bindings.kind, answer.warnings));
  TRY(match_names(request, binding));
  const std::string_view kind = binding.text_at("target", "kind");
  if (binding.text_at("target", "name").empty() || (!kind.empty() && kind != "Node"))
    return invalid("", "Binding", request.name,
                   {{.reason = "FieldValueRequired",
                     .message = "Required value: the name of a Node",
                     .field = "target.name"}});
  TRY(admit_part(parts, request, bindings.kind, binding, answer.warnings));
  // POST to bindings names the pod in its body.
  const ApiRequest on_pod{.user = request.user,
                          .verb = Verb::Update,
                          .resource = pods,
                          .subresource = "binding",
                          .name_space = request.name_space,
                          .name = std::string(metadata_text(binding, "name")),
                          .is_dry_run = request.is_dry_run,
                          .write = request.write,
                          .user_agent = request.user_agent};
  TRY(change_object(parts, on_pod,
                    [&](const json::Tree& live, Warnings&) { return bound(on_pod, live, binding); }));
  answer.content = success({}, "", "");
  return answer;
}

}  // namespace gantry::kube
