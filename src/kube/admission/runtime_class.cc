// SPDX-License-Identifier: Apache-2.0
//
// What a RuntimeClass says of its pods: what they cost beside their containers, and where they can run
// (https://kubernetes.io/docs/concepts/containers/runtime-class/).
#include <algorithm>

#include <fmt/format.h>

#include "kube/admission/plugins.h"
#include "kube/api/resource_amounts.h"

namespace gantry::kube::admission {
namespace {

using json::Tree;

class RuntimeClass final : public Plugin {
 public:
  explicit RuntimeClass(ObjectSource& objects) : objects_(objects) {}
  std::string_view name() const override { return "RuntimeClass"; }

  Answer<void> mutate(AdmissionRequest& request) const override {
    if (!request.creates("", "pods")) return {};
    const auto found = TRY(class_of(request));
    if (!found) return {};
    TRY(set_overhead(*found, request));
    return set_scheduling(*found, request);
  }

  Answer<void> validate(AdmissionRequest& request) const override {
    if (!request.creates("", "pods")) return {};
    const auto found = TRY(class_of(request));
    const bool has_overhead = !amounts_at(*request.object, "spec", "overhead").empty();
    if (has_overhead && (!found || found->find("overhead", "podFixed") == nullptr))
      return request.forbidden(
          "pod rejected: Pod Overhead set without corresponding RuntimeClass defined Overhead");
    return {};
  }

 private:
  // Nothing: the pod names none.
  Answer<std::optional<Tree>> class_of(const AdmissionRequest& request) const {
    const std::string_view name = request.object->text_at("spec", "runtimeClassName");
    if (name.empty()) return std::optional<Tree>();
    auto found = objects_.get("node.k8s.io/runtimeclasses", "", name);
    if (!found) return request.forbidden(fmt::format("pod rejected: RuntimeClass \"{}\" not found", name));
    return found;
  }

  static Answer<void> set_overhead(const Tree& found, AdmissionRequest& request) {
    const Tree* overhead = found.find("overhead", "podFixed");
    if (overhead == nullptr) return {};
    const ResourceAmounts own = amounts_at(*request.object, "spec", "overhead");
    if (!own.empty() && own != amounts_of(*overhead))
      return request.forbidden("pod rejected: Pod's Overhead doesn't match RuntimeClass's defined Overhead");
    request.object->object()["spec"].object()["overhead"] = *overhead;
    return {};
  }

  static Answer<void> set_scheduling(const Tree& found, AdmissionRequest& request) {
    json::TreeObject& spec = request.object->object()["spec"].object();
    if (const Tree* selector = found.find("scheduling", "nodeSelector"))
      for (const auto& [key, value] : selector->object()) {
        Tree& own = spec["nodeSelector"].object()[key];
        if (!own.is_null() && !(own == value))
          return request.forbidden(fmt::format(
              "conflict: runtimeClass.scheduling.nodeSelector[{}] = {}; pod.spec.nodeSelector[{}] = {}", key,
              value.as_string(), key, own.as_string()));
        own = value;
      }
    if (const Tree* tolerations = found.find("scheduling", "tolerations"))
      for (const Tree& toleration : tolerations->array()) {
        json::TreeArray& own = spec["tolerations"].array();
        if (std::ranges::find(own, toleration) == own.end()) own.push_back(toleration);
      }
    return {};
  }

  ObjectSource& objects_;
};

}  // namespace

std::unique_ptr<Plugin> runtime_class(ObjectSource& objects) {
  return std::make_unique<RuntimeClass>(objects);
}

}  // namespace gantry::kube::admission
