// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "kube/admission/followed_objects.h"
#include "kube/admission/plugins.h"
#include "kube/admission/pod_parts.h"

namespace gantry::kube::admission {
namespace {

using json::Tree;

// Those that there are always.
constexpr std::pair<std::string_view, std::int64_t> kSystemClasses[] = {
    {"system-node-critical", 2'000'001'000}, {"system-cluster-critical", 2'000'000'000}};

struct Class {
  std::string name;  // empty: there is no default, and none was asked for
  std::int64_t value = 0;
  std::string preemption_policy = "PreemptLowerPriority";
};

Class class_of(const Tree& object) {
  Class found{.name = std::string(object.text_at("metadata", "name"))};
  if (const Tree* value = object.find("value")) found.value = value->as_int64().value_or(0);
  if (const std::string_view policy = object.text_at("preemptionPolicy"); !policy.empty())
    found.preemption_policy = policy;
  return found;
}

class Priority final : public Plugin {
 public:
  explicit Priority(ObjectSource& objects) : classes_(objects, "scheduling.k8s.io/priorityclasses") {}
  std::string_view name() const override { return "Priority"; }

  Answer<void> mutate(AdmissionRequest& request) const override {
    if (request.creates("", "pods")) return set_priority(request);
    if (request.updates("", "pods")) keep_priority(request);
    return {};
  }

  Answer<void> validate(AdmissionRequest& request) const override {
    const bool is_class = request.creates("scheduling.k8s.io", "priorityclasses") ||
                          request.updates("scheduling.k8s.io", "priorityclasses");
    if (!is_class || !is_true(request.object->find("globalDefault"))) return {};
    for (const auto& other : classes_.all_in(""))
      if (is_true(other->find("globalDefault")) && other->text_at("metadata", "name") != request.name)
        return request.forbidden(
            fmt::format("PriorityClass {} is already marked as default. Only one default can exist",
                        other->text_at("metadata", "name")));
    return {};
  }

 private:
  // Of several defaults the lowest.
  Class default_class() const {
    std::optional<Class> lowest;
    for (const auto& object : classes_.all_in("")) {
      if (!is_true(object->find("globalDefault"))) continue;
      Class found = class_of(*object);
      if (!lowest || found.value < lowest->value) lowest = std::move(found);
    }
    return lowest.value_or(Class());
  }

  std::optional<Class> find_class(std::string_view name) const {
    if (const auto object = classes_.find("", name)) return class_of(*object);
    for (const auto& [system, value] : kSystemClasses)
      if (name == system) return Class{.name = std::string(name), .value = value};
    return std::nullopt;
  }

  Answer<void> set_priority(AdmissionRequest& request) const {
    json::TreeObject& spec = request.object->object()["spec"].object();
    const std::string_view wanted = request.object->text_at("spec", "priorityClassName");
    const std::optional<Class> found = wanted.empty() ? default_class() : find_class(wanted);
    if (!found) return request.forbidden(fmt::format("no PriorityClass with name {} was found", wanted));
    if (const Tree* given = spec.find("priority"); given != nullptr && given->as_int64() != found->value)
      return request.forbidden(fmt::format(
          "the integer value of priority ({}) must not be provided in pod spec; priority admission "
          "controller computed {} from the given PriorityClass name",
          given->to_text(), found->value));
    const Tree* policy = spec.find("preemptionPolicy");
    if (policy != nullptr && policy->as_string() != found->preemption_policy)
      return request.forbidden(fmt::format(
          "the string value of PreemptionPolicy ({}) must not be provided in pod spec; priority admission "
          "controller computed {} from the given PriorityClass name",
          policy->as_string(), found->preemption_policy));
    if (!found->name.empty()) spec["priorityClassName"] = found->name;
    spec["priority"] = found->value;
    spec["preemptionPolicy"] = found->preemption_policy;
    return {};
  }

  // Clients that do not know the field leave it out when they send a pod back.
  static void keep_priority(AdmissionRequest& request) {
    for (const char* field : {"priority", "preemptionPolicy"}) {
      const Tree* before = request.old_object->find("spec", field);
      if (before != nullptr && request.object->find("spec", field) == nullptr)
        request.object->object()["spec"].object()[field] = *before;
    }
  }

  const FollowedObjects classes_;
};

}  // namespace

std::unique_ptr<Plugin> priority(ObjectSource& objects) { return std::make_unique<Priority>(objects); }

}  // namespace gantry::kube::admission
