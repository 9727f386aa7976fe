// SPDX-License-Identifier: Apache-2.0
//
// Which requests webhooks and policies are about: what all of them say in the same way
// (admissionregistration.k8s.io/v1 RuleWithOperations, MatchResources, MatchCondition).
#pragma once

#include "kube/rules/spot.h"

namespace gantry::kube::rules {

void rule_with_operations(const Spot& rule);
void match_resources(const Spot& resources);
// Names and that something is said; whether it compiles is for kube/policy to see.
void match_conditions(const Spot& conditions);

void failure_policy(const Spot& policy);       // if it is set
void match_policy(const Spot& policy);         // if it is set
void reinvocation_policy(const Spot& policy);  // if it is set
// Set, and not only of white space.
bool says_something(const Spot& expression);

}  // namespace gantry::kube::rules
