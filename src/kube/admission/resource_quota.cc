// SPDX-License-Identifier: Apache-2.0
//
// Counting is optimistic: a quota's status is read, added to and written on the condition that nobody else
// has done so in between, and then once more. What goes is counted by a controller; before somebody is
// refused, and where nobody has counted yet, the objects that are there are counted here. As with the
// controller, what was admitted and is not stored yet is missed then.
#include <algorithm>
#include <chrono>
#include <map>

#include <fmt/format.h>

#include "base/mutex.h"
#include "kube/admission/followed_objects.h"
#include "kube/admission/plugins.h"
#include "kube/admission/quota_usage.h"
#include "kube/api/patience.h"

namespace gantry::kube::admission {
namespace {

using json::Tree;

constexpr const char* kQuotas = "resourcequotas";
// Counting parses all objects of a kind in a namespace.
constexpr std::chrono::seconds kBetweenCounts{1};

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
    for (const Patience patience; patience.is_left();) {
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
  Answer<bool> add_cost(const AdmissionRequest& request, Tree& quota) const {
    const ResourceAmounts hard = amounts_at(quota, "spec", "hard");
    if (request.creates("", "pods"))
      if (const auto unsaid = unsaid_amounts(hard, *request.object); !unsaid.empty())
        return request.forbidden(fmt::format("failed quota: {}: must specify {}",
                                             quota.text_at("metadata", "name"), fmt::join(unsaid, "; ")));
    const ResourceAmounts cost = restricted(cost_of(request, quota), hard);
    if (cost.empty()) return false;
    ResourceAmounts used = restricted(amounts_at(quota, "status", "used"), hard);
    const bool is_counted =
        std::ranges::all_of(cost, [&](const auto& entry) { return used.contains(entry.first); });
    if (!is_counted || (!exceeded(used, cost, hard).empty() && may_count_again(quota)))
      for (const auto& [resource, amount] : count(request, quota, cost)) used[resource] = amount;
    if (const ResourceAmounts over = exceeded(used, cost, hard); !over.empty())
      return request.forbidden(fmt::format("exceeded quota: {}, requested: {}, used: {}, limited: {}",
                                           quota.text_at("metadata", "name"), text_of(over),
                                           text_of(restricted(used, over)), text_of(restricted(hard, over))));
    add(used, cost);
    write_status(quota, used);
    return true;
  }

  // Of what is asked for, that which is too much.
  static ResourceAmounts exceeded(const ResourceAmounts& used, const ResourceAmounts& cost,
                                  const ResourceAmounts& hard) {
    ResourceAmounts over;
    for (const auto& [resource, amount] : cost) {
      const auto there = used.find(resource);
      Quantity sum = there == used.end() ? Quantity() : there->second;
      sum += amount;
      if (sum > hard.at(resource)) over[resource] = amount;
    }
    return over;
  }

  static void write_status(Tree& quota, const ResourceAmounts& used) {
    json::TreeObject& status = quota.object()["status"].object();
    status["hard"] = *quota.find("spec", "hard");
    for (const auto& [resource, amount] : used) status["used"].object()[resource] = amount.text();
  }

  // What objects like the requested one cost together, by the names that `wanted` has.
  ResourceAmounts count(const AdmissionRequest& request, const Tree& quota,
                        const ResourceAmounts& wanted) const {
    ResourceAmounts sum;
    for (const auto& [resource, amount] : wanted) sum[resource] = Quantity();
    for (const Tree& object : objects_.list(request.resource.stored_as, request.name_space))
      if (is_in_scope(quota, request.resource, object))
        add(sum, restricted(usage_of(request.resource, object), wanted));
    return sum;
  }

  bool may_count_again(const Tree& quota) const {
    const auto now = std::chrono::steady_clock::now();
    const MutexLock lock(mutex_);
    std::erase_if(counted_, [&](const auto& entry) { return now - entry.second >= kBetweenCounts; });
    return counted_.emplace(quota.text_at("metadata", "uid"), now).second;
  }

  ObjectSource& objects_;
  const FollowedObjects quotas_;
  const UpdateQuota update_;
  mutable Mutex mutex_;  // guards what follows
  // What was counted a moment ago: when, by the uid of the quota.
  mutable std::map<std::string, std::chrono::steady_clock::time_point> counted_ GUARDED_BY(mutex_);
};

}  // namespace

std::unique_ptr<Plugin> resource_quota(ObjectSource& objects, UpdateQuota update) {
  return std::make_unique<ResourceQuota>(objects, std::move(update));
}

}  // namespace gantry::kube::admission
