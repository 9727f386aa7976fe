// SPDX-License-Identifier: Apache-2.0
#include "kube/policy/validating_policies.h"

#include <algorithm>
#include <map>

#include <fmt/format.h>

#include "base/mutex.h"
#include "kube/policy/validating_policy.h"

namespace gantry::kube::admission {
namespace {

constexpr const char* kPolicies = "admissionregistration.k8s.io/validatingadmissionpolicies";
constexpr const char* kBindings = "admissionregistration.k8s.io/validatingadmissionpolicybindings";

// What a request is judged by; shared with requests that are being judged while it changes.
struct Snapshot {
  std::map<std::string, std::shared_ptr<const ValidatingPolicy>, std::less<>> policies;
  std::map<std::string, std::shared_ptr<const PolicyBinding>, std::less<>> bindings;
};

int code_of(std::string_view reason) {
  if (reason == "Unauthorized") return 401;
  if (reason == "Forbidden") return 403;
  if (reason == "RequestEntityTooLarge") return 413;
  return 422;
}

// One request, before all policies.
class Judgement {
 public:
  Judgement(AdmissionRequest& request, const ObjectSource& objects, const cel::Authorizer& authorizer)
      : request_(request), objects_(objects), authorizer_(authorizer) {}

  Answer<void> judge(const Snapshot& snapshot) {
    for (const auto& [name, policy] : snapshot.policies) {
      const auto as = match(policy->match());
      if (!as) {
        refuse_configuration(*policy, nullptr, as.error()->message);
        continue;
      }
      if (*as == nullptr) continue;
      const auto view = RequestView::make(request_, **as);
      if (!view) {
        refuse_configuration(*policy, nullptr, view.error()->message);
        continue;
      }
      for (const auto& [binding_name, binding] : snapshot.bindings)
        if (binding->policy() == name) judge(*policy, *binding, *view);
      publish_annotations(*policy);
    }
    if (denial_) return std::move(*denial_);
    return {};
  }

 private:
  Answer<const Resource*> match(const Answer<RequestMatch>& by) const {
    if (!by) return bad_request(by.error()->message);
    return by->find(request_, objects_);
  }

  void judge(const ValidatingPolicy& policy, const PolicyBinding& binding, const RequestView& view) {
    const auto as = match(binding.match());
    if (!as) return refuse_configuration(policy, &binding, as.error()->message);
    if (*as == nullptr) return;
    auto params = binding.params(policy, objects_, request_.name_space);
    if (!params) return refuse_configuration(policy, &binding, params.error().message());
    for (const json::Tree& one : *params) {
      const json::Tree* given = one.is_null() ? nullptr : &one;
      act(policy, binding, policy.judge(view, objects_, authorizer_, given));
    }
  }

  void act(const ValidatingPolicy& policy, const PolicyBinding& binding, const PolicyVerdict& verdict) {
    for (const PolicyFinding& finding : verdict.denials) {
      if (binding.has_action("Deny")) deny(policy, &binding, finding.message, finding.reason);
      if (binding.has_action("Audit")) audit(policy, binding, finding);
      if (binding.has_action("Warn"))
        request_.warnings.push_back(
            fmt::format("Validation failed for ValidatingAdmissionPolicy '{}' with binding '{}': {}",
                        policy.name(), binding.name(), finding.message));
    }
    for (const std::string& error : verdict.annotation_errors) deny(policy, &binding, error, "");
    for (const auto& [key, value] : verdict.audit_annotations) {
      std::vector<std::string>& values = annotations_[key];
      if (std::ranges::find(values, value) == values.end()) values.push_back(value);
    }
  }

  void refuse_configuration(const ValidatingPolicy& policy, const PolicyBinding* binding,
                            std::string_view why) {
    if (policy.fails_closed())
      deny(policy, binding,
           fmt::format("failed to configure {}: {}", binding == nullptr ? "policy" : "binding", why), "");
  }

  // The first is what the client is told.
  void deny(const ValidatingPolicy& policy, const PolicyBinding* binding, std::string_view why,
            const std::string& reason) {
    if (denial_) return;
    const std::string with = binding == nullptr ? "" : fmt::format(" with binding '{}'", binding->name());
    std::string message =
        fmt::format("ValidatingAdmissionPolicy '{}'{} denied request: {}", policy.name(), with, why);
    denial_ = request_.forbidden(message);
    (*denial_)->reason = reason.empty() ? "Invalid" : reason;
    (*denial_)->code = code_of((*denial_)->reason);
    (*denial_)->causes.push_back({.message = std::move(message)});
  }

  void audit(const ValidatingPolicy& policy, const PolicyBinding& binding, const PolicyFinding& finding) {
    json::TreeObject failure;
    failure["message"] = finding.message;
    failure["policy"] = policy.name();
    failure["binding"] = binding.name();
    failure["expressionIndex"] = finding.index;
    failure["validationActions"] = binding.actions();
    json::TreeArray failures;
    failures.emplace_back(std::move(failure));
    request_.audit_annotations.emplace("validation.policy.admission.k8s.io/validation_failure",
                                       json::Tree(std::move(failures)).to_text());
  }

  void publish_annotations(const ValidatingPolicy& policy) {
    for (const auto& [key, values] : annotations_)
      request_.audit_annotations.emplace(fmt::format("{}/{}", policy.name(), key),
                                         fmt::format("{}", fmt::join(values, ", ")));
    annotations_.clear();
  }

  AdmissionRequest& request_;
  const ObjectSource& objects_;
  const cel::Authorizer& authorizer_;
  std::optional<Status> denial_;
  std::map<std::string, std::vector<std::string>> annotations_;  // of the policy that judges now
};

}  // namespace

struct ValidatingPolicies::State {
  State(ObjectSource& source, const Authorizer& authorizer) : objects(source), questions(authorizer) {}

  std::shared_ptr<const Snapshot> current() const {
    MutexLock lock(mutex);
    return snapshot;
  }
  // Changes are few, and requests do not wait for them: the whole is replaced.
  template <class Change>
  void change(Change with) {
    MutexLock lock(mutex);
    auto changed = std::make_shared<Snapshot>(*snapshot);
    with(*changed);
    snapshot = std::move(changed);
  }

  void follow() {
    policies = objects.follow(kPolicies, [this](const ObjectChange& to) {
      std::shared_ptr<const ValidatingPolicy> policy;
      if (to.object != nullptr) policy = std::make_shared<const ValidatingPolicy>(*to.object);
      change([&](Snapshot& all) { put(all.policies, to.name, std::move(policy)); });
    });
    bindings = objects.follow(kBindings, [this](const ObjectChange& to) {
      std::shared_ptr<const PolicyBinding> binding;
      if (to.object != nullptr) binding = std::make_shared<const PolicyBinding>(*to.object);
      change([&](Snapshot& all) { put(all.bindings, to.name, std::move(binding)); });
    });
  }
  template <class Map>
  static void put(Map& map, std::string_view name, typename Map::mapped_type value) {
    if (value == nullptr)
      map.erase(std::string(name));
    else
      map[std::string(name)] = std::move(value);
  }

  ObjectSource& objects;
  const AccessQuestions questions;
  mutable Mutex mutex;  // guards what follows
  std::shared_ptr<const Snapshot> snapshot GUARDED_BY(mutex) = std::make_shared<const Snapshot>();
  // They end first.
  std::unique_ptr<ObjectFollower> policies;
  std::unique_ptr<ObjectFollower> bindings;
};

ValidatingPolicies::ValidatingPolicies(ObjectSource& objects, const Authorizer& authorizer)
    : state_(std::make_unique<State>(objects, authorizer)) {
  state_->follow();
}
ValidatingPolicies::~ValidatingPolicies() = default;

Answer<void> ValidatingPolicies::validate(AdmissionRequest& request) const {
  const bool is_policy = request.is_about("admissionregistration.k8s.io", "validatingadmissionpolicies");
  if (is_policy && request.subresource.empty() && request.object != nullptr)
    if (auto faults = ValidatingPolicy(*request.object).faults(); !faults.empty())
      return invalid(request.kind.group, request.kind.kind, request.name, std::move(faults));
  if (is_exempt(request)) return {};
  const auto snapshot = state_->current();
  if (snapshot->policies.empty() || snapshot->bindings.empty()) return {};
  return Judgement(request, state_->objects, state_->questions).judge(*snapshot);
}

}  // namespace gantry::kube::admission
