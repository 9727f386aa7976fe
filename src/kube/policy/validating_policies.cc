// SPDX-License-Identifier: Apache-2.0
#include "kube/policy/validating_policies.h"

#include <algorithm>
#include <map>

#include <fmt/format.h>

#include "kube/policy/policy_set.h"
#include "kube/policy/validating_policy.h"

namespace gantry::kube::admission {
namespace {

constexpr const char* kPolicies = "admissionregistration.k8s.io/validatingadmissionpolicies";
constexpr const char* kBindings = "admissionregistration.k8s.io/validatingadmissionpolicybindings";

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

  Answer<void> judge(const PolicySet<ValidatingPolicy>::Snapshot& snapshot) {
    for_each_match(
        snapshot, request_, objects_,
        [this](const ValidatingPolicy& policy, const PolicyBinding& binding, const Resource& as,
               std::vector<json::Tree> params) { judge(policy, binding, as, params); },
        [this](const ValidatingPolicy& policy, const PolicyBinding* binding, std::string_view why) {
          refuse_configuration(policy, binding, why);
        });
    publish_annotations();
    if (denial_) return std::move(*denial_);
    return {};
  }

 private:
  void judge(const ValidatingPolicy& policy, const PolicyBinding& binding, const Resource& as,
             const std::vector<json::Tree>& params) {
    const auto view = RequestView::make(request_, as);
    if (!view) return refuse_configuration(policy, nullptr, view.error()->message);
    for (const json::Tree& one : params) {
      const json::Tree* given = one.is_null() ? nullptr : &one;
      act(policy, binding, policy.judge(*view, objects_, authorizer_, given));
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
      std::vector<std::string>& values = annotations_[fmt::format("{}/{}", policy.name(), key)];
      if (std::ranges::find(values, value) == values.end()) values.push_back(value);
    }
  }

  void refuse_configuration(const ValidatingPolicy& policy, const PolicyBinding* binding,
                            std::string_view why) {
    if (policy.fails_closed()) deny(policy, binding, configuration_fault(binding, why), "");
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

  void publish_annotations() {
    for (const auto& [key, values] : annotations_)
      request_.audit_annotations.emplace(key, fmt::format("{}", fmt::join(values, ", ")));
  }

  AdmissionRequest& request_;
  const ObjectSource& objects_;
  const cel::Authorizer& authorizer_;
  std::optional<Status> denial_;
  std::map<std::string, std::vector<std::string>> annotations_;  // by policy and key
};

}  // namespace

struct ValidatingPolicies::State {
  ObjectSource& objects;
  const AccessQuestions questions;
  const PolicySet<ValidatingPolicy> policies;
};

ValidatingPolicies::ValidatingPolicies(ObjectSource& objects, const Authorizer& authorizer)
    : state_(new State{objects, AccessQuestions(authorizer), {objects, kPolicies, kBindings}}) {}
ValidatingPolicies::~ValidatingPolicies() = default;

Answer<void> ValidatingPolicies::validate(AdmissionRequest& request) const {
  const bool is_policy = request.is_about("admissionregistration.k8s.io", "validatingadmissionpolicies");
  if (is_policy && request.subresource.empty() && request.object != nullptr)
    if (auto faults = ValidatingPolicy(*request.object).faults(); !faults.empty())
      return invalid(request.kind.group, request.kind.kind, request.name, std::move(faults));
  if (is_exempt(request)) return {};
  const auto snapshot = state_->policies.current();
  if (snapshot->is_empty()) return {};
  return Judgement(request, state_->objects, state_->questions).judge(*snapshot);
}

}  // namespace gantry::kube::admission
