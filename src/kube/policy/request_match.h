// SPDX-License-Identifier: Apache-2.0
//
// Which requests a policy or a webhook is about: rules, selectors and names
// (https://kubernetes.io/docs/reference/access-authn-authz/extensible-admission-controllers/
// #matching-requests-rules). Immutable; for any thread.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "kube/admission/admission.h"
#include "kube/api/object_source.h"
#include "kube/api/selector.h"

namespace gantry::kube::admission {

class RequestMatch {
 public:
  // Of matchConstraints or matchResources of a policy (`rules` is "resourceRules"), or of a webhook
  // ("rules"). 400 BadRequest for selectors that are none. Without rules a webhook is about nothing, a
  // policy's binding about all.
  static Answer<RequestMatch> from_tree(const json::Tree& tree, std::string_view rules);

  // The resource as which the request is looked at; null: it is none of ours. With matchPolicy Equivalent it
  // may be another version of the one that was asked for. 404 if the request's namespace is not there.
  Answer<const Resource*> find(const AdmissionRequest& request, const ObjectSource& objects) const;

 private:
  struct Rule {
    std::vector<std::string> operations, groups, versions, resources, names;
    std::string scope;
  };
  static std::vector<Rule> read_rules(const json::Tree* rules);
  static bool is_in(const Rule& rule, const AdmissionRequest& request, const Resource& as);
  const Resource* find_by_rules(const std::vector<Rule>& rules, const AdmissionRequest& request) const;
  Answer<bool> is_in_namespaces(const AdmissionRequest& request, const ObjectSource& objects) const;
  bool is_selected(const AdmissionRequest& request) const;

  std::vector<Rule> rules_;
  std::vector<Rule> excluded_;
  LabelSelector namespaces_;
  LabelSelector objects_;
  bool is_of_equivalents_ = true;
  bool is_of_all_without_rules_ = false;
};

// The same, by what may not have been readable (400).
Answer<const Resource*> find_match(const Answer<RequestMatch>& by, const AdmissionRequest& request,
                                   const ObjectSource& objects);

// Policies and webhooks do not judge their own kind: nobody could mend a wrong one.
bool is_exempt(const AdmissionRequest& request);

}  // namespace gantry::kube::admission
