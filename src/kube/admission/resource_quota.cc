// SPDX-License-Identifier: Apache-2.0
//
// Counting is optimistic: a quota's status is read, added to and written on the condition that nobody else
// has done so in between, and then once more. A quota that nobody has counted yet (no status.hard for a
// resource) limits nothing, as in Kubernetes.
#include <fmt/format.h>

#include "kube/admission/followed_objects.h"
#include "kube/admission/plugins.h"
#include "kube/admission/quota_usage.h"

namespace gantry::kube::admission {
namespace {

using json::Tree;

constexpr const char* kQuotas = "resourcequotas";
constexpr int kAttempts = 10;

// "cpu=500m,pods=1".
std::string text_of(const ResourceAmounts& amounts) {
  std::string text;
  for (const auto& [name, amount] : amounts)
    text += fmt::format("{}{}={}", text.empty() ? "" : ",", name, amount.text());
  return text;
}

// Of those that a quota counts; the names of `only` decide.
ResourceAmounts restricted(const ResourceAmounts& amounts, const ResourceAmounts& only) {
  ResourceAmounts kept;
  for (const auto& [name, amount] : amounts)
    if (only.contains(name)) kept[name] = amount;
  return kept;
}

class ResourceQuota final : public Plugin {
 public:
  ResourceQuota(ObjectSource& objects, UpdateQuota update)
      : objects_(objects), quotas_(objects, kQuotas), update_(std::move(update)) {}
  std::string_view name() const override { return "ResourceQuota"; }

  Answer<void> validate(AdmissionRequest& request) const override {
    if (!may_cost(request)) return {};
    for (const auto& quota : quotas_.all_in(request.name_space)) TRY(charge(request, quota));
    return {};
  }

 private:
  // Changes of these may make them cost more; of all others only being there counts.
  static bool may_cost(const AdmissionRequest& request) {
    if (!request.resource.is_namespaced || !request.resource.is_kept || request.object == nullptr)
      return false;
    if (request.operation == Operation::Create) return request.subresource.empty();
    if (request.operation != Operation::Update) return false;
    if (request.is_about("", "pods")) return request.subresource.empty() || request.subresource == "resize";
    return request.subresource.empty() &&
           (request.is_about("", "services") || request.is_about("", "persistentvolumeclaims"));
  }

  // What the request costs more than before; nothing: the quota is not about it.
  static ResourceAmounts cost_of(const AdmissionRequest& request, const Tree& quota) {
    if (!is_in_scope(quota, request.resource, *request.object)) return {};
    ResourceAmounts cost = usage_of(request.resource, *request.object);
    if (request.old_object == nullptr) return cost;
    if (is_in_scope(quota, request.resource, *request.old_object))
      for (const auto& [name, amount] : usage_of(request.resource, *request.old_object)) cost[name] -= amount;
    // What is given back is counted by whoever counts again.
    std::erase_if(cost, [](const auto& entry) { return entry.second.sign() <= 0; });
    return cost;
  }

  Answer<void> charge(const AdmissionRequest& request, const FollowedObjects::Object& known) const {
    const std::string_view name = known->text_at("metadata", "name");
    if (cost_of(request, *known).empty()) return {};
    for (int attempt = 0; attempt < kAttempts; ++attempt) {
      auto quota = objects_.get(kQuotas, request.name_space, name);
      if (!quota || !TRY(add_cost(request, *quota)) || request.is_dry_run) return {};
      Answer<void> written = update_(std::move(*quota));
      if (written || written.error()->reason != "Conflict") return written;
    }
    return conflict(
        request.resource.id(), request.name,
        fmt::format("the quota {} was changed by others again and again; please try again", name));
  }

  // Whether its status has to be written.
  static Answer<bool> add_cost(const AdmissionRequest& request, Tree& quota) {
    const std::string_view name = quota.text_at("metadata", "name");
    const ResourceAmounts hard = amounts_at(quota, "status", "hard");
    if (request.creates("", "pods"))
      if (const auto unsaid = unsaid_amounts(hard, *request.object); !unsaid.empty())
        return request.forbidden(
            fmt::format("failed quota: {}: must specify {}", name, fmt::join(unsaid, "; ")));
    const ResourceAmounts cost = restricted(cost_of(request, quota), hard);
    if (cost.empty()) return false;
    const ResourceAmounts used = restricted(amounts_at(quota, "status", "used"), hard);
    ResourceAmounts after = used;
    add(after, cost);
    TRY(check(request, name, cost, used, after, hard));
    json::TreeObject& status = quota.object()["status"].object()["used"].object();
    for (const auto& [resource, amount] : after) status[resource] = amount.text();
    return true;
  }

  static Answer<void> check(const AdmissionRequest& request, std::string_view name,
                            const ResourceAmounts& cost, const ResourceAmounts& used,
                            const ResourceAmounts& after, const ResourceAmounts& hard) {
    ResourceAmounts exceeded;
    for (const auto& [resource, amount] : cost)
      if (after.at(resource) > hard.at(resource)) exceeded[resource] = amount;
    if (exceeded.empty()) return {};
    ResourceAmounts known;  // nothing used is said as 0
    for (const auto& [resource, amount] : exceeded)
      known[resource] = used.contains(resource) ? used.at(resource) : Quantity();
    return request.forbidden(fmt::format("exceeded quota: {}, requested: {}, used: {}, limited: {}", name,
                                         text_of(exceeded), text_of(known),
                                         text_of(restricted(hard, exceeded))));
  }

  ObjectSource& objects_;
  const FollowedObjects quotas_;
  const UpdateQuota update_;
};

}  // namespace

std::unique_ptr<Plugin> resource_quota(ObjectSource& objects, UpdateQuota update) {
  return std::make_unique<ResourceQuota>(objects, std::move(update));
}

}  // namespace gantry::kube::admission
