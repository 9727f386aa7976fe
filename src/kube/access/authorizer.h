// SPDX-License-Identifier: Apache-2.0
//
// May they? An Authorizer says yes, no, or that it does not know; a chain of them asks one after the other,
// and what nobody allows is denied.
//
//   const Decision decision = authorizer.decide(request);
//   if (!decision.is_allowed()) return denied(request, decision.reason);
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "kube/access/policy_rule.h"
#include "kube/api/status.h"
#include "kube/api/user.h"

namespace gantry::kube {

enum class Opinion : std::uint8_t { None, Allow, Deny };

struct Decision {
  Opinion opinion = Opinion::None;
  std::string reason;   // for people; may be empty
  std::string problem;  // what kept the authorizer from deciding properly; mostly empty

  bool is_allowed() const { return opinion == Opinion::Allow; }
};

// What a user may do in a namespace, as far as it can be listed (SelfSubjectRulesReview).
struct RuleList {
  std::vector<PolicyRule> rules;
  bool is_incomplete = false;
  std::string problem;  // why
};

// All calls are for any thread.
class Authorizer {
 public:
  virtual ~Authorizer() = default;
  virtual Decision decide(const AccessRequest& request) const = 0;
  // Adds what it would allow.
  virtual void list_rules(const User& user, std::string_view name_space, RuleList& list) const = 0;
};

// The first that has an opinion counts; members of system:masters may do everything without being asked
// about.
class AuthorizerChain final : public Authorizer {
 public:
  // Those that are borrowed outlive this one.
  explicit AuthorizerChain(std::vector<std::shared_ptr<const Authorizer>> members)
      : members_(std::move(members)) {}
  Decision decide(const AccessRequest& request) const override;
  void list_rules(const User& user, std::string_view name_space, RuleList& list) const override;

 private:
  const std::vector<std::shared_ptr<const Authorizer>> members_;
};

// --authorization-mode AlwaysAllow and AlwaysDeny.
std::shared_ptr<const Authorizer> always_allow();
std::shared_ptr<const Authorizer> always_deny();

// 403 in the words that clients know: `pods is forbidden: User "x" cannot list resource "pods" in API group
// "" in the namespace "default"`.
Status denied(const AccessRequest& request, std::string_view reason);

}  // namespace gantry::kube
