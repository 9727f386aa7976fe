// SPDX-License-Identifier: Apache-2.0
//
// DefaultTolerationSeconds and TaintNodesByCondition: what nodes keep off pods, and what pods put up with.
#include <algorithm>

#include "kube/admission/plugins.h"
#include "kube/admission/pod_parts.h"

namespace gantry::kube::admission {
namespace {

using json::Tree;

constexpr const char* kNotReady = "node.kubernetes.io/not-ready";
constexpr const char* kUnreachable = "node.kubernetes.io/unreachable";
constexpr int kTolerationSeconds = 300;

// No key, or no effect, stands for all.
bool tolerates_eviction(const Tree& toleration, std::string_view taint) {
  const std::string_view key = toleration.text_at("key");
  const std::string_view effect = toleration.text_at("effect");
  return (key.empty() || key == taint) && (effect.empty() || effect == "NoExecute");
}

Tree toleration_of(const char* taint) {
  std::vector<json::TreeObject::Member> members;
  members.reserve(4);
  members.emplace_back("effect", "NoExecute");
  members.emplace_back("key", taint);
  members.emplace_back("operator", "Exists");
  members.emplace_back("tolerationSeconds", kTolerationSeconds);
  return json::TreeObject(std::move(members));
}

class DefaultTolerationSeconds final : public Plugin {
 public:
  std::string_view name() const override { return "DefaultTolerationSeconds"; }

  Answer<void> mutate(AdmissionRequest& request) const override {
    if (!request.creates("", "pods") && !request.updates("", "pods")) return {};
    if (is_mirror_pod(*request.object)) return {};
    json::TreeObject& spec = request.object->object()["spec"].object();
    for (const char* taint : {kNotReady, kUnreachable}) {
      const Tree* there = spec.find("tolerations");
      const bool is_said =
          there != nullptr && std::ranges::any_of(there->array(), [&](const Tree& toleration) {
            return tolerates_eviction(toleration, taint);
          });
      if (is_said) continue;
      spec["tolerations"].array().push_back(toleration_of(taint));
    }
    return {};
  }
};

class TaintNodesByCondition final : public Plugin {
 public:
  std::string_view name() const override { return "TaintNodesByCondition"; }

  Answer<void> mutate(AdmissionRequest& request) const override {
    if (!request.creates("", "nodes")) return {};
    json::TreeArray& taints = request.object->object()["spec"].object()["taints"].array();
    const bool is_there = std::ranges::any_of(taints, [](const Tree& taint) {
      return taint.text_at("key") == kNotReady && taint.text_at("effect") == "NoSchedule";
    });
    if (is_there) return {};
    json::TreeObject taint;
    taint["effect"] = "NoSchedule";
    taint["key"] = kNotReady;
    taints.emplace_back(std::move(taint));
    return {};
  }
};

}  // namespace

std::unique_ptr<Plugin> default_toleration_seconds() { return std::make_unique<DefaultTolerationSeconds>(); }
std::unique_ptr<Plugin> taint_nodes_by_condition() { return std::make_unique<TaintNodesByCondition>(); }

}  // namespace gantry::kube::admission
