// SPDX-License-Identifier: Apache-2.0
#include "kube/access/node_authorizer.h"

#include <algorithm>
#include <map>
#include <set>
#include <string>

#include <fmt/format.h>

#include "base/mutex.h"
#include "kube/access/stock_roles.h"
#include "kube/api/stored_kinds.h"

namespace gantry::kube {
namespace {

constexpr std::string_view kPrefix = "system:node:";
constexpr const char* kNodesGroup = "system:nodes";
constexpr const char* kLeaseNamespace = "kube-node-lease";

// What pods can name, by the resource that it is.
struct Reference {
  std::string resource;  // "secrets"
  std::string name_space;
  std::string name;
  auto operator<=>(const Reference&) const = default;
};

// Calls `visit` with everything that a part of a pod names: {resource, name}.
class Mentions {
 public:
  explicit Mentions(const json::Tree& pod) {
    const json::Tree* spec = pod.find("spec");
    if (spec == nullptr) return;
    add("serviceaccounts", spec->text_at("serviceAccountName"));
    for (const json::Tree& secret : list(*spec, "imagePullSecrets")) add("secrets", secret.text_at("name"));
    for (const char* kind : {"initContainers", "containers", "ephemeralContainers"})
      for (const json::Tree& container : list(*spec, kind)) add_container(container);
    for (const json::Tree& volume : list(*spec, "volumes"))
      add_volume(volume, pod.text_at("metadata", "name"));
  }
  const std::set<std::pair<std::string, std::string>>& all() const { return found_; }

 private:
  static const json::TreeArray& list(const json::Tree& of, const char* key) {
    static const json::TreeArray kNone;
    const json::Tree* found = of.find(key);
    return found == nullptr ? kNone : found->array();
  }
  void add(const char* resource, std::string_view name) {
    if (!name.empty()) found_.emplace(resource, name);
  }
  void add_container(const json::Tree& container) {
    for (const json::Tree& variable : list(container, "env")) {
      add("configmaps", variable.text_at("valueFrom", "configMapKeyRef", "name"));
      add("secrets", variable.text_at("valueFrom", "secretKeyRef", "name"));
    }
    for (const json::Tree& source : list(container, "envFrom")) {
      add("configmaps", source.text_at("configMapRef", "name"));
      add("secrets", source.text_at("secretRef", "name"));
    }
  }
  void add_volume(const json::Tree& volume, std::string_view pod) {
    add("secrets", volume.text_at("secret", "secretName"));
    add("configmaps", volume.text_at("configMap", "name"));
    add("persistentvolumeclaims", volume.text_at("persistentVolumeClaim", "claimName"));
    if (volume.find("ephemeral") != nullptr)  // its claim is named after the pod and the volume
      add("persistentvolumeclaims", fmt::format("{}-{}", pod, volume.text_at("name")));
    for (const char* kind : {"cephfs", "cinder", "flexVolume", "rbd", "scaleIO", "storageos", "iscsi"})
      add("secrets", volume.text_at(kind, "secretRef", "name"));
    add("secrets", volume.text_at("azureFile", "secretName"));
    add("secrets", volume.text_at("csi", "nodePublishSecretRef", "name"));
    for (const json::Tree& source : list_in(volume)) {
      add("secrets", source.text_at("secret", "name"));
      add("configmaps", source.text_at("configMap", "name"));
    }
  }
  static const json::TreeArray& list_in(const json::Tree& volume) {
    static const json::TreeArray kNone;
    const json::Tree* sources = volume.find("projected", "sources");
    return sources == nullptr ? kNone : sources->array();
  }

  std::set<std::pair<std::string, std::string>> found_;
};

Decision unrelated(std::string_view node) {
  return {.reason = fmt::format("no relationship found between node '{}' and this object", node)};
}

Decision refusal(std::string_view why) { return {.reason = std::string(why)}; }

bool is_one_of(std::string_view word, std::initializer_list<std::string_view> words) {
  return std::ranges::find(words, word) != words.end();
}

// Of objects that are named after their node. The name is not known when one is created; NodeRestriction sees
// it.
Decision decide_own(std::string_view node, const AccessRequest& request, std::string_view kind) {
  if (!is_one_of(request.verb, {"get", "create", "update", "patch", "delete"}))
    return refusal(fmt::format("can only get, create, update, patch, or delete a {}", kind));
  if (!request.subresource.empty()) return refusal(fmt::format("cannot authorize {} subresources", kind));
  if (request.verb != "create" && request.name != node)
    return refusal(fmt::format("can only access {} with the same name as the requesting node", kind));
  return {.opinion = Opinion::Allow};
}

Decision decide_node(std::string_view node, const AccessRequest& request) {
  const bool is_write =
      (request.subresource.empty() && is_one_of(request.verb, {"create", "update", "patch"})) ||
      (request.subresource == "status" && is_one_of(request.verb, {"update", "patch"}));
  if (is_write) return {.opinion = Opinion::Allow};
  if (!request.subresource.empty() || !is_one_of(request.verb, {"get", "list", "watch"})) return {};
  if (request.name == node) return {.opinion = Opinion::Allow};
  if (request.name.empty())
    return refusal(fmt::format("node '{}' cannot read all nodes, only its own Node object", node));
  return refusal(fmt::format("node '{}' cannot read '{}', only its own Node object", node, request.name));
}

std::vector<PolicyRule> node_rules() {
  for (const StockObject& stock : stock_roles())
    if (stock.stored_as == stored::kClusterRoles && stock.object.text_at("metadata", "name") == "system:node")
      return rules_from_tree(stock.object.find("rules"));
  return {};
}

}  // namespace

std::optional<std::string_view> node_name_of(const User& user) {
  const std::string_view name = user.name;
  if (!name.starts_with(kPrefix) || name.size() == kPrefix.size() ||
      std::ranges::find(user.groups, kNodesGroup) == user.groups.end())
    return std::nullopt;
  return name.substr(kPrefix.size());
}

// Which nodes come to which objects: by their pods, by the claims of these, by the volumes of those.
class NodeAuthorizer::Graph {
 public:
  void change_pod(const ObjectChange& change) EXCLUDES(mutex_) {
    const Reference pod = {"pods", std::string(change.name_space), std::string(change.name)};
    MutexLock lock(mutex_);
    if (const auto old = pods_.find(pod); old != pods_.end()) {
      for (const Reference& mention : old->second.mentions) leave(mention, old->second.node);
      pods_.erase(old);
    }
    const std::string_view node =
        change.object == nullptr ? std::string_view() : change.object->text_at("spec", "nodeName");
    if (node.empty()) return;
    Pod bound{.node = std::string(node), .mentions = {pod}};
    // What a mirror of a node's own pod names is not the node's to read: nobody but the node wrote it.
    if (change.object->find("metadata", "annotations", "kubernetes.io/config.mirror") == nullptr) {
      const Mentions mentions(*change.object);
      for (const auto& [resource, name] : mentions.all())
        bound.mentions.push_back({resource, pod.name_space, name});
    }
    for (const Reference& mention : bound.mentions) ++nodes_[mention][bound.node];
    pods_[pod] = std::move(bound);
  }

  void change_volume(const ObjectChange& change) EXCLUDES(mutex_) {
    const std::string name(change.name);
    MutexLock lock(mutex_);
    forget_volume(name);
    if (change.object == nullptr) return;
    Volume volume;
    volume.claim = {"persistentvolumeclaims",
                    std::string(change.object->text_at("spec", "claimRef", "namespace")),
                    std::string(change.object->text_at("spec", "claimRef", "name"))};
    if (volume.claim.name.empty()) return;
    for (const char* source : {"csi", "flexVolume", "cephfs", "rbd", "iscsi", "scaleIO", "storageos"})
      for (const char* key : {"nodePublishSecretRef", "nodeStageSecretRef", "nodeExpandSecretRef",
                              "controllerExpandSecretRef", "secretRef"})
        if (const std::string_view secret = change.object->text_at("spec", source, key, "name");
            !secret.empty()) {
          const std::string_view own = change.object->text_at("spec", source, key, "namespace");
          volume.secrets.insert(
              {"secrets", own.empty() ? volume.claim.name_space : std::string(own), std::string(secret)});
        }
    for (const Reference& secret : volume.secrets) volumes_of_secret_[secret].insert(name);
    volumes_[name] = std::move(volume);
  }

  void change_attachment(const ObjectChange& change) EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    attachments_.erase(std::string(change.name));
    if (change.object != nullptr)
      attachments_[std::string(change.name)] = change.object->text_at("spec", "nodeName");
  }

  bool reaches(std::string_view node, const Reference& object) const EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    if (object.resource == "volumeattachments") {
      const auto found = attachments_.find(object.name);
      return found != attachments_.end() && found->second == node;
    }
    if (object.resource == "persistentvolumes") {
      const auto found = volumes_.find(object.name);
      return found != volumes_.end() && is_named(node, found->second.claim);
    }
    if (is_named(node, object)) return true;
    const auto secret = volumes_of_secret_.find(object);
    if (secret == volumes_of_secret_.end()) return false;
    for (const std::string& volume : secret->second)
      if (is_named(node, volumes_.find(volume)->second.claim)) return true;
    return false;
  }

 private:
  struct Pod {
    std::string node;
    std::vector<Reference> mentions;  // itself, too
  };
  struct Volume {
    Reference claim;
    std::set<Reference> secrets;
  };

  bool is_named(std::string_view node, const Reference& object) const REQUIRES(mutex_) {
    const auto found = nodes_.find(object);
    return found != nodes_.end() && found->second.contains(node);
  }
  void forget_volume(const std::string& name) REQUIRES(mutex_) {
    const auto old = volumes_.find(name);
    if (old == volumes_.end()) return;
    for (const Reference& secret : old->second.secrets) {
      const auto volumes = volumes_of_secret_.find(secret);
      volumes->second.erase(name);
      if (volumes->second.empty()) volumes_of_secret_.erase(volumes);
    }
    volumes_.erase(old);
  }
  void leave(const Reference& mention, const std::string& node) REQUIRES(mutex_) {
    const auto found = nodes_.find(mention);
    if (--found->second[node] == 0) found->second.erase(node);
    if (found->second.empty()) nodes_.erase(found);
  }

  mutable Mutex mutex_;  // guards what follows
  std::map<Reference, Pod> pods_ GUARDED_BY(mutex_);
  // By what pods name: the nodes that they are on, and how many of them.
  std::map<Reference, std::map<std::string, std::size_t, std::less<>>> nodes_ GUARDED_BY(mutex_);
  std::map<std::string, Volume> volumes_ GUARDED_BY(mutex_);
  std::map<Reference, std::set<std::string>> volumes_of_secret_ GUARDED_BY(mutex_);
  std::map<std::string, std::string> attachments_ GUARDED_BY(mutex_);  // the node of each
};

NodeAuthorizer::NodeAuthorizer(ObjectSource& objects)
    : rules_(node_rules()), graph_(std::make_unique<Graph>()) {
  Graph* graph = graph_.get();
  followers_.push_back(objects.follow_selected(stored::kPods, FieldSelector::has("spec.nodeName"),
                                               [graph](const ObjectChange& c) { graph->change_pod(c); }));
  followers_.push_back(objects.follow(stored::kPersistentVolumes,
                                      [graph](const ObjectChange& c) { graph->change_volume(c); }));
  followers_.push_back(objects.follow(stored::kVolumeAttachments,
                                      [graph](const ObjectChange& c) { graph->change_attachment(c); }));
}

NodeAuthorizer::~NodeAuthorizer() = default;

Decision NodeAuthorizer::decide(const AccessRequest& request) const {
  const auto node = node_name_of(request.user);
  if (!node) return {};
  if (request.is_resource)
    if (auto decision = decide_by_object(*node, request)) return *std::move(decision);
  const bool is_allowed =
      std::ranges::any_of(rules_, [&](const PolicyRule& rule) { return allows(rule, request); });
  return {.opinion = is_allowed ? Opinion::Allow : Opinion::None};
}

// Nothing: of that resource every node may have what its role says.
std::optional<Decision> NodeAuthorizer::decide_by_object(std::string_view node,
                                                         const AccessRequest& request) const {
  const std::string_view resource = request.resource;
  if (request.group.empty()) {
    if (is_one_of(resource, {"secrets", "configmaps"})) return decide_read(node, request);
    if (resource == "persistentvolumeclaims" && request.subresource == "status")
      return is_one_of(request.verb, {"update", "patch"}) ? decide_by_graph(node, request)
                                                          : refusal("can only get/update/patch this type");
    if (is_one_of(resource, {"persistentvolumeclaims", "persistentvolumes"}))
      return decide_get(node, request);
    if (resource == "serviceaccounts") return decide_token(node, request);
    if (resource == "nodes") return decide_node(node, request);
    if (resource == "pods") return decide_pod(node, request);
  }
  if (request.group == "storage.k8s.io" && resource == "volumeattachments") return decide_get(node, request);
  if (request.group == "storage.k8s.io" && resource == "csinodes")
    return decide_own(node, request, "CSINode");
  if (request.group == "coordination.k8s.io" && resource == "leases") {
    if (request.name_space != kLeaseNamespace)
      return refusal(fmt::format("can only access leases in the \"{}\" system namespace", kLeaseNamespace));
    return decide_own(node, request, "node lease");
  }
  return std::nullopt;
}

Decision NodeAuthorizer::decide_by_graph(std::string_view node, const AccessRequest& request) const {
  if (request.name.empty()) return refusal("No Object name found");
  const bool is_related = graph_->reaches(node, {request.resource, request.name_space, request.name});
  return is_related ? Decision{.opinion = Opinion::Allow} : unrelated(node);
}

Decision NodeAuthorizer::decide_get(std::string_view node, const AccessRequest& request) const {
  if (request.verb != "get") return refusal("can only get individual resources of this type");
  if (!request.subresource.empty()) return refusal("cannot get subresource");
  return decide_by_graph(node, request);
}

Decision NodeAuthorizer::decide_read(std::string_view node, const AccessRequest& request) const {
  if (!is_one_of(request.verb, {"get", "list", "watch"}))
    return refusal("can only read resources of this type");
  if (!request.subresource.empty()) return refusal("cannot read subresource");
  if (request.name_space.empty()) return refusal("can only read namespaced object of this type");
  return decide_by_graph(node, request);
}

Decision NodeAuthorizer::decide_token(std::string_view node, const AccessRequest& request) const {
  if (request.verb != "create" || request.name.empty())
    return refusal("can only create tokens for individual service accounts");
  if (request.subresource != "token") return refusal("can only create token subresource of serviceaccount");
  return decide_by_graph(node, request);
}

// Which pods a node may create or change the admission plugin NodeRestriction says, which sees them.
Decision NodeAuthorizer::decide_pod(std::string_view node, const AccessRequest& request) const {
  const bool is_write = (request.subresource.empty() && is_one_of(request.verb, {"create", "delete"})) ||
                        (request.subresource == "status" && is_one_of(request.verb, {"update", "patch"})) ||
                        (request.subresource == "eviction" && request.verb == "create");
  if (is_write) return {.opinion = Opinion::Allow};
  if (!request.subresource.empty()) return {};
  if (request.verb == "get") return decide_by_graph(node, request);
  if (!is_one_of(request.verb, {"list", "watch"})) return {};
  if (const auto wanted = request.fields.find("spec.nodeName");
      wanted != request.fields.end() && wanted->second == node)
    return {.opinion = Opinion::Allow};
  if (!request.name.empty()) return decide_by_graph(node, request);
  return refusal("can only list/watch pods with spec.nodeName field selector");
}

void NodeAuthorizer::list_rules(const User& user, std::string_view /*name_space*/, RuleList& list) const {
  if (!node_name_of(user)) return;
  list.is_incomplete = true;
  list.problem = "node authorizer does not support user rule resolution";
}

}  // namespace gantry::kube
