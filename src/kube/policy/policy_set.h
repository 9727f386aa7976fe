// SPDX-License-Identifier: Apache-2.0
//
// All policies of one kind with their bindings, kept compiled as they change, and which of them a request
// meets.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/mutex.h"
#include "kube/policy/policy_binding.h"

namespace gantry::kube::admission {

// `P`: ValidatingPolicy or MutatingPolicy. For any thread.
template <class P>
class PolicySet {
 public:
  // What a request is looked at by; shared with requests that go on while it changes.
  struct Snapshot {
    std::map<std::string, std::shared_ptr<const P>, std::less<>> policies;
    std::map<std::string, std::shared_ptr<const PolicyBinding>, std::less<>> bindings;

    bool is_empty() const { return policies.empty() || bindings.empty(); }
  };

  // By where their objects are stored. `objects` outlives the set.
  PolicySet(ObjectSource& objects, const char* policies, const char* bindings) {
    policies_ = follow<P>(objects, policies, &Snapshot::policies);
    bindings_ = follow<PolicyBinding>(objects, bindings, &Snapshot::bindings);
  }

  std::shared_ptr<const Snapshot> current() const {
    MutexLock lock(mutex_);
    return snapshot_;
  }

 private:
  template <class Compiled, class Map>
  std::unique_ptr<ObjectFollower> follow(ObjectSource& objects, const char* stored_as, Map Snapshot::* map) {
    return objects.follow(stored_as, [this, map](const ObjectChange& change) {
      std::shared_ptr<const Compiled> compiled;
      if (change.object != nullptr) compiled = std::make_shared<const Compiled>(*change.object);
      put(map, std::string(change.name), std::move(compiled));
    });
  }

  // Changes are few, and requests do not wait for them: the whole is replaced.
  template <class Map>
  void put(Map Snapshot::* map, const std::string& name, typename Map::mapped_type compiled) {
    MutexLock lock(mutex_);
    auto changed = std::make_shared<Snapshot>(*snapshot_);
    if (compiled == nullptr)
      ((*changed).*map).erase(name);
    else
      ((*changed).*map)[name] = std::move(compiled);
    snapshot_ = std::move(changed);
  }

  mutable Mutex mutex_;  // guards what follows
  std::shared_ptr<const Snapshot> snapshot_ GUARDED_BY(mutex_) = std::make_shared<const Snapshot>();
  // They end first.
  std::unique_ptr<ObjectFollower> policies_;
  std::unique_ptr<ObjectFollower> bindings_;
};

// In the order of names, for each policy and binding that the request meets `meet(policy, binding, as,
// params)`: the resource as which it is looked at, and a vector of parameters, null for none. What is wrong
// with a policy, or a binding of it (which may be null), is told to `fail(policy, binding, why)`.
template <class Snapshot, class Meet, class Fail>
void for_each_match(const Snapshot& snapshot, const AdmissionRequest& request, const ObjectSource& objects,
                    Meet meet, Fail fail) {
  for (const auto& [name, policy] : snapshot.policies) {
    const auto as = find_match(policy->match(), request, objects);
    if (!as) fail(*policy, nullptr, as.error()->message);
    if (!as || *as == nullptr) continue;
    for (const auto& [binding_name, binding] : snapshot.bindings) {
      if (binding->policy() != name) continue;
      const auto narrowed = find_match(binding->match(), request, objects);
      if (!narrowed) fail(*policy, binding.get(), narrowed.error()->message);
      if (!narrowed || *narrowed == nullptr) continue;
      auto params = binding->params(*policy, objects, request.name_space);
      if (params)
        meet(*policy, *binding, **as, std::move(*params));
      else
        fail(*policy, binding.get(), params.error().message());
    }
  }
}

// `failed to configure policy: ...`, or binding.
inline std::string configuration_fault(const PolicyBinding* binding, std::string_view why) {
  return std::string(binding == nullptr ? "failed to configure policy: " : "failed to configure binding: ")
      .append(why);
}

}  // namespace gantry::kube::admission
