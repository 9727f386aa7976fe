// SPDX-License-Identifier: Apache-2.0
#include "kube/policy/mutating_policies.h"

#include <optional>
#include <vector>

#include <fmt/format.h>

#include "kube/policy/changed_object.h"
#include "kube/policy/mutating_policy.h"
#include "kube/policy/policy_set.h"

namespace gantry::kube::admission {
namespace {

constexpr const char* kPolicies = "admissionregistration.k8s.io/mutatingadmissionpolicies";
constexpr const char* kBindings = "admissionregistration.k8s.io/mutatingadmissionpolicybindings";

// A policy that a request meets by a binding, with one of its parameters.
struct Invocation {
  const MutatingPolicy& policy;
  const PolicyBinding& binding;
  const Resource& as;
  json::Tree params;  // null: none

  std::string who() const {
    return fmt::format("{}/{}/{}/{}", policy.name(), binding.name(), params.text_at("metadata", "namespace"),
                       params.text_at("metadata", "name"));
  }
};

// One request's way through all policies.
class Mutating {
 public:
  Mutating(AdmissionRequest& request, const ObjectSource& objects, const cel::Authorizer& authorizer)
      : request_(request), objects_(objects), authorizer_(authorizer) {}

  Answer<void> run(const PolicySet<MutatingPolicy>::Snapshot& snapshot, std::string_view plugin) {
    Round round(request_.reinvocation, plugin, request_.object);
    for (const Invocation& invocation : invocations(snapshot))
      if (round.is_due(invocation.who())) TRY(invoke(invocation, round));
    round.end();
    if (denial_) return std::move(*denial_);
    return {};
  }

 private:
  // By rules and selectors these look at the object as it came; by conditions as it is in their turn.
  std::vector<Invocation> invocations(const PolicySet<MutatingPolicy>::Snapshot& snapshot) {
    std::vector<Invocation> found;
    for_each_match(
        snapshot, request_, objects_,
        [&](const MutatingPolicy& policy, const PolicyBinding& binding, const Resource& as,
            std::vector<json::Tree> params) {
          for (json::Tree& one : params) found.push_back({policy, binding, as, std::move(one)});
        },
        [&](const MutatingPolicy& policy, const PolicyBinding* binding, std::string_view why) {
          fail(policy, binding, configuration_fault(binding, why));
        });
    return found;
  }

  Answer<void> invoke(const Invocation& invocation, Round& round) {
    const MutatingPolicy& policy = invocation.policy;
    if (!TRY(applies(invocation))) return {};
    bool has_changed = false;
    for (std::size_t i = 0; i < policy.mutations(); ++i)
      has_changed = TRY(mutate(invocation, i)) || has_changed;
    if (has_changed) round.changed();
    if (policy.is_reinvoked()) round.keep(invocation.who());
    return {};
  }

  Answer<bool> applies(const Invocation& invocation) {
    const RequestView view = TRY(RequestView::make(request_, invocation.as));
    RequestValues values = invocation.policy.values(view, objects_, authorizer_, params_of(invocation));
    auto answer = invocation.policy.applies(values);
    if (!answer) fail(invocation.policy, &invocation.binding, answer.error().message());
    return answer && *answer;
  }

  // Whether it changed the object. What goes wrong with the policy leaves that as it is.
  Answer<bool> mutate(const Invocation& invocation, std::size_t mutation) {
    const Type* type = type_of_object(request_, invocation.as);
    if (type == nullptr)
      return internal_error(
          fmt::format("the type of {}/{} is not known, which a MutatingAdmissionPolicy needs",
                      invocation.as.plural, request_.subresource));
    const RequestView view = TRY(RequestView::make(request_, invocation.as));
    RequestValues values = invocation.policy.values(view, objects_, authorizer_, params_of(invocation));
    auto mutated = invocation.policy.mutate(mutation, view, *type, values);
    if (!mutated) {
      fail(invocation.policy, &invocation.binding, mutated.error().message());
      return false;
    }
    if (!*mutated) return false;
    return change_object(request_, invocation.as, std::move(**mutated), FieldValidation::Strict);
  }

  static const json::Tree* params_of(const Invocation& invocation) {
    return invocation.params.is_null() ? nullptr : &invocation.params;
  }

  // The first is what the client is told, and all are among the causes.
  void fail(const MutatingPolicy& policy, const PolicyBinding* binding, std::string_view why) {
    if (!policy.fails_closed()) return;
    std::string message = binding == nullptr
                              ? fmt::format("policy \"{}\" denied request: {}", policy.name(), why)
                              : fmt::format("policy '{}' with binding '{}' denied request: {}", policy.name(),
                                            binding->name(), why);
    if (!denial_) {
      denial_ = request_.forbidden(message);
      (*denial_)->message = message;
      (*denial_)->reason = "Invalid";
    }
    (*denial_)->causes.push_back({.message = std::move(message)});
  }

  AdmissionRequest& request_;
  const ObjectSource& objects_;
  const cel::Authorizer& authorizer_;
  std::optional<Status> denial_;
};

}  // namespace

struct MutatingPolicies::State {
  ObjectSource& objects;
  const AccessQuestions questions;
  const PolicySet<MutatingPolicy> policies;
};

MutatingPolicies::MutatingPolicies(ObjectSource& objects, const Authorizer& authorizer)
    : state_(new State{objects, AccessQuestions(authorizer), {objects, kPolicies, kBindings}}) {}
MutatingPolicies::~MutatingPolicies() = default;

Answer<void> MutatingPolicies::mutate(AdmissionRequest& request) const {
  if (request.object == nullptr || request.operation == Operation::Delete || is_exempt(request)) return {};
  const auto snapshot = state_->policies.current();
  if (snapshot->is_empty()) return {};
  return Mutating(request, state_->objects, state_->questions).run(*snapshot, name());
}

Answer<void> MutatingPolicies::validate(AdmissionRequest& request) const {
  const bool is_policy = request.is_about("admissionregistration.k8s.io", "mutatingadmissionpolicies");
  if (!is_policy || !request.subresource.empty() || request.object == nullptr) return {};
  auto faults = MutatingPolicy(*request.object).faults();
  if (faults.empty()) return {};
  return invalid(request.kind.group, request.kind.kind, request.name, std::move(faults));
}

}  // namespace gantry::kube::admission
