// SPDX-License-Identifier: Apache-2.0
//
// A node that was broken into can do harm to what runs on it, and to nothing else
// (https://kubernetes.io/docs/reference/access-authn-authz/admission-controllers/#noderestriction). What
// nodes may read is for the node authorizer (kube/access).
#include <algorithm>

#include <fmt/format.h>

#include "kube/admission/plugins.h"
#include "kube/admission/pod_parts.h"
#include "kube/api/stored_kinds.h"

namespace gantry::kube::admission {
namespace {

using json::Tree;

constexpr std::string_view kUserPrefix = "system:node:";
constexpr const char* kNodeGroup = "system:nodes";
constexpr const char* kLeaseNamespace = "kube-node-lease";

// Of those that belong to Kubernetes, the labels that a node may give itself.
constexpr std::string_view kOwnLabels[] = {
    "beta.kubernetes.io/arch",
    "beta.kubernetes.io/instance-type",
    "beta.kubernetes.io/os",
    "failure-domain.beta.kubernetes.io/region",
    "failure-domain.beta.kubernetes.io/zone",
    "kubernetes.io/arch",
    "kubernetes.io/hostname",
    "kubernetes.io/os",
    "node.kubernetes.io/instance-type",
    "topology.kubernetes.io/region",
    "topology.kubernetes.io/zone",
};
constexpr std::string_view kOwnPrefixes[] = {"kubelet.kubernetes.io", "node.kubernetes.io"};

bool is_or_ends_with(std::string_view domain, std::string_view parent) {
  return domain == parent || (domain.ends_with(parent) && domain[domain.size() - parent.size() - 1] == '.');
}

bool may_set_label(std::string_view key) {
  const std::size_t slash = key.find('/');
  if (slash == std::string_view::npos) return true;
  const std::string_view domain = key.substr(0, slash);
  if (is_or_ends_with(domain, "node-restriction.kubernetes.io")) return false;
  if (!is_or_ends_with(domain, "kubernetes.io") && !is_or_ends_with(domain, "k8s.io")) return true;
  return std::ranges::find(kOwnLabels, key) != std::end(kOwnLabels) ||
         std::ranges::any_of(kOwnPrefixes,
                             [&](std::string_view prefix) { return is_or_ends_with(domain, prefix); });
}

// Empty: it is no node's. A node without the name of one gets nothing.
struct NodeUser {
  bool is_node = false;
  std::string_view name;
};
NodeUser node_of(const User& user) {
  const bool is_node = std::ranges::find(user.groups, kNodeGroup) != user.groups.end();
  if (!is_node || !user.name.starts_with(kUserPrefix)) return {.is_node = is_node};
  return {.is_node = true, .name = std::string_view(user.name).substr(kUserPrefix.size())};
}

bool is_equal(const Tree* a, const Tree* b) {
  static const Tree kNothing;
  return (a == nullptr ? kNothing : *a) == (b == nullptr ? kNothing : *b);
}

class NodeRestriction final : public Plugin {
 public:
  explicit NodeRestriction(ObjectSource& objects) : objects_(objects) {}
  std::string_view name() const override { return "NodeRestriction"; }

  // With those that change objects, so that nothing is made up for a request that is refused.
  Answer<void> mutate(AdmissionRequest& request) const override {
    const NodeUser node = node_of(request.user);
    if (!node.is_node) return {};
    if (node.name.empty())
      return request.forbidden(fmt::format("could not determine node from user \"{}\"", request.user.name));
    if (request.is_about("", "pods")) return check_pod(node.name, request);
    if (request.is_about("", "nodes")) return check_node(node.name, request);
    if (request.is_about("", "persistentvolumeclaims")) return check_claim(node.name, request);
    if (request.is_about("", "serviceaccounts")) return check_token(node.name, request);
    if (request.is_about("coordination.k8s.io", "leases")) return check_lease(node.name, request);
    if (request.is_about("storage.k8s.io", "csinodes")) return check_csi_node(node.name, request);
    return {};
  }

 private:
  // ---- pods

  Answer<void> check_pod(std::string_view node, const AdmissionRequest& request) const {
    if (request.subresource.empty()) {
      if (request.operation == Operation::Create) return check_new_pod(node, request);
      if (request.operation == Operation::Delete) return check_pod_is_on(node, request, "delete");
      return request.forbidden(
          fmt::format("unexpected operation \"{}\", node \"{}\" can only create and delete mirror pods",
                      name_of(request.operation), node));
    }
    if (request.subresource == "status") return check_pod_status(node, request);
    if (request.subresource == "eviction") return check_pod_is_on(node, request, "evict");
    return request.forbidden(fmt::format(
        "unexpected pod subresource \"{}\", only 'status' and 'eviction' are allowed", request.subresource));
  }

  Answer<void> check_new_pod(std::string_view node, const AdmissionRequest& request) const {
    const Tree& pod = *request.object;
    if (!is_mirror_pod(pod))
      return request.forbidden(fmt::format(
          "pod does not have \"kubernetes.io/config.mirror\" annotation, node \"{}\" can only create "
          "mirror pods",
          node));
    if (pod.text_at("spec", "nodeName") != node)
      return request.forbidden(
          fmt::format("node \"{}\" can only create pods with spec.nodeName set to itself", node));
    TRY(check_owners(node, request));
    if (!pod.text_at("spec", "serviceAccountName").empty())
      return request.forbidden(
          fmt::format("node \"{}\" can not create pods that reference a service account", node));
    for (const char* const what : {"secret", "configMap", "persistentVolumeClaim"})
      if (has_volume_of(pod, what))
        return request.forbidden(
            fmt::format("node \"{}\" can not create pods that reference {}s", node, what));
    return {};
  }

  static bool has_volume_of(const Tree& pod, const char* source) {
    const Tree* volumes = pod.find("spec", "volumes");
    return volumes != nullptr && std::ranges::any_of(volumes->array(), [&](const Tree& volume) {
             return volume.find(source) != nullptr;
           });
  }

  // Its copy goes when the node does: so the node owns it, and nobody else does.
  Answer<void> check_owners(std::string_view node, const AdmissionRequest& request) const {
    const Tree* owners = request.object->find("metadata", "ownerReferences");
    if (owners == nullptr || owners->array().empty())
      return request.forbidden(
          fmt::format("node \"{}\" can only create pods with an owner reference set to itself", node));
    if (owners->array().size() > 1)
      return request.forbidden(
          fmt::format("node \"{}\" can only create pods with a single owner reference set to itself", node));
    const Tree& owner = owners->array().front();
    if (owner.text_at("apiVersion") != "v1" || owner.text_at("kind") != "Node" ||
        owner.text_at("name") != node)
      return request.forbidden(
          fmt::format("node \"{}\" can only create pods with an owner reference set to itself", node));
    const auto itself = objects_.get(stored::kNodes, "", node);
    if (!itself || itself->text_at("metadata", "uid") != owner.text_at("uid"))
      return request.forbidden(fmt::format("node {} UID mismatch", node));
    return {};
  }

  Answer<void> check_pod_is_on(std::string_view node, const AdmissionRequest& request,
                               const char* verb) const {
    const auto pod = objects_.get(stored::kPods, request.name_space, request.name);
    if (!pod) return not_found(request.resource.id(), request.name);
    if (pod->text_at("spec", "nodeName") == node) return {};
    return request.forbidden(
        fmt::format("node \"{}\" can only {} pods with spec.nodeName set to itself", node, verb));
  }

  static Answer<void> check_pod_status(std::string_view node, const AdmissionRequest& request) {
    if (request.operation != Operation::Update)
      return request.forbidden(fmt::format("unexpected operation \"{}\"", name_of(request.operation)));
    if (request.old_object->text_at("spec", "nodeName") != node)
      return request.forbidden(fmt::format(
          "node \"{}\" can only update pod status for pods with spec.nodeName set to itself", node));
    if (!is_equal(request.object->find("metadata", "labels"), request.old_object->find("metadata", "labels")))
      return request.forbidden(fmt::format("node \"{}\" cannot update labels through pod status", node));
    return {};
  }

  // ---- nodes

  Answer<void> check_node(std::string_view node, const AdmissionRequest& request) const {
    // Of a create the name stands in the object.
    if (request.name != node)
      return request.forbidden(
          fmt::format("node \"{}\" is not allowed to modify node \"{}\"", node, request.name));
    if (request.operation == Operation::Create) return check_new_node(node, request);
    if (request.operation == Operation::Update && request.subresource.empty())
      return check_node_update(node, request);
    return {};
  }

  static Answer<void> check_new_node(std::string_view node, const AdmissionRequest& request) {
    if (request.object->find("spec", "configSource") != nullptr)
      return request.forbidden(fmt::format("node \"{}\" is not allowed to create with a configSource", node));
    return check_labels(node, request, nullptr, request.object->find("metadata", "labels"));
  }

  static Answer<void> check_node_update(std::string_view node, const AdmissionRequest& request) {
    if (!is_equal(request.object->find("metadata", "ownerReferences"),
                  request.old_object->find("metadata", "ownerReferences")))
      return request.forbidden(fmt::format("node \"{}\" is not allowed to modify ownerReferences", node));
    if (!is_equal(request.object->find("spec", "taints"), request.old_object->find("spec", "taints")))
      return request.forbidden(fmt::format("node \"{}\" is not allowed to modify taints", node));
    return check_labels(node, request, request.old_object->find("metadata", "labels"),
                        request.object->find("metadata", "labels"));
  }

  // Every label that comes, goes or changes.
  static Answer<void> check_labels(std::string_view node, const AdmissionRequest& request, const Tree* before,
                                   const Tree* after) {
    std::vector<std::string> changed;
    const auto collect = [&](const Tree* labels, const Tree* others) {
      if (labels == nullptr) return;
      for (const auto& [key, value] : labels->object()) {
        const Tree* other = others == nullptr ? nullptr : others->find(key);
        if (!is_equal(&value, other) && !may_set_label(key)) changed.push_back(key);
      }
    };
    collect(after, before);
    collect(before, after);
    if (changed.empty()) return {};
    std::ranges::sort(changed);
    changed.erase(std::unique(changed.begin(), changed.end()), changed.end());
    return request.forbidden(
        fmt::format("is not allowed to modify labels: {} (node \"{}\")", fmt::join(changed, ", "), node));
  }

  // ---- what else is theirs

  static Answer<void> check_claim(std::string_view node, const AdmissionRequest& request) {
    if (request.operation == Operation::Update && request.subresource == "status") return {};
    return request.forbidden(
        fmt::format("node \"{}\" may only update the status of a persistent volume claim", node));
  }

  // Tokens for pods that run here, bound to them.
  Answer<void> check_token(std::string_view node, const AdmissionRequest& request) const {
    if (request.operation != Operation::Create || request.subresource != "token") return {};
    const Tree* bound = request.object->find("spec", "boundObjectRef");
    if (bound == nullptr || bound->text_at("apiVersion") != "v1" || bound->text_at("kind") != "Pod" ||
        bound->text_at("name").empty())
      return request.forbidden("node requested token not bound to a pod");
    if (bound->text_at("uid").empty())
      return request.forbidden("node requested token with a pod binding without a uid");
    const auto pod = objects_.get(stored::kPods, request.name_space, bound->text_at("name"));
    if (!pod) return not_found({"", "pods"}, bound->text_at("name"));
    if (pod->text_at("metadata", "uid") != bound->text_at("uid"))
      return request.forbidden(fmt::format(
          "the UID in the bound object reference ({}) does not match the UID in record. The object might "
          "have been deleted and then recreated",
          bound->text_at("uid")));
    if (pod->text_at("spec", "nodeName") != node)
      return request.forbidden("node requested token bound to a pod scheduled on a different node");
    return {};
  }

  static Answer<void> check_lease(std::string_view node, const AdmissionRequest& request) {
    if (request.name_space != kLeaseNamespace)
      return request.forbidden(
          fmt::format("can only access leases in the \"{}\" system namespace", kLeaseNamespace));
    if (request.name != node)
      return request.forbidden("can only access node lease with the same name as the requesting node");
    return {};
  }

  static Answer<void> check_csi_node(std::string_view node, const AdmissionRequest& request) {
    if (request.name == node) return {};
    return request.forbidden("can only access CSINode with the same name as the requesting node");
  }

  ObjectSource& objects_;
};

}  // namespace

std::unique_ptr<Plugin> node_restriction(ObjectSource& objects) {
  return std::make_unique<NodeRestriction>(objects);
}

}  // namespace gantry::kube::admission
