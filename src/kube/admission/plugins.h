// SPDX-License-Identifier: Apache-2.0
//
// The plugins that a stock cluster has on. Each file does what one of them (or two that belong together) is
// described as on https://kubernetes.io/docs/reference/access-authn-authz/admission-controllers/; their words
// are Kubernetes'. What NamespaceLifecycle does is part of the verbs (kube/server).
//
// Sources, authorizers and functions that are handed in outlive the plugins.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <vector>

#include "kube/access/authorizer.h"
#include "kube/access/rbac.h"
#include "kube/admission/admission.h"
#include "kube/api/object_source.h"

namespace gantry::kube::admission {

// Pods' containers and volume claims: defaults and borders out of LimitRanges.
std::unique_ptr<Plugin> limit_ranger(ObjectSource& objects);
// Pods run as somebody, with a token to prove it. `patience`: for the default account of a new namespace.
std::unique_ptr<Plugin> service_account(ObjectSource& objects,
                                        std::chrono::milliseconds patience = std::chrono::seconds(2));
// New nodes take no pods before they say that they are ready.
std::unique_ptr<Plugin> taint_nodes_by_condition();
// What pods may ask of their nodes, by the labels of their namespace.
std::unique_ptr<Plugin> pod_security(ObjectSource& objects);
// Names of PriorityClasses become numbers.
std::unique_ptr<Plugin> priority(ObjectSource& objects);
// Pods stay for five minutes on nodes that are gone.
std::unique_ptr<Plugin> default_toleration_seconds();
// Volumes and claims that are in use cannot go.
std::unique_ptr<Plugin> storage_object_in_use_protection();
std::unique_ptr<Plugin> persistent_volume_claim_resize(ObjectSource& objects);
std::unique_ptr<Plugin> default_storage_class(ObjectSource& objects);
std::unique_ptr<Plugin> runtime_class(ObjectSource& objects);
std::unique_ptr<Plugin> default_ingress_class(ObjectSource& objects);
// Who may approve and sign which certificates.
std::unique_ptr<Plugin> certificate_approval(const Authorizer& authorizer);
std::unique_ptr<Plugin> certificate_signing(const Authorizer& authorizer);
std::unique_ptr<Plugin> certificate_subject_restriction();
// Requests for certificates say who made them; what they ask for stays as it was.
std::unique_ptr<Plugin> certificate_requester();
// Nobody gives away more than he has: roles and their bindings (kube/access/escalation.h).
std::unique_ptr<Plugin> role_escalation(const Rbac& rbac, const Authorizer& authorizer);
// Nodes change what is theirs.
std::unique_ptr<Plugin> node_restriction(ObjectSource& objects);

// Writes a ResourceQuota's status, of the object that was read: 409 if it has changed since.
using UpdateQuota = std::function<Answer<void>(json::Tree quota)>;
// What is created is counted against the ResourceQuotas of its namespace. The last of all, since what it has
// counted stays so until somebody counts again.
std::unique_ptr<Plugin> resource_quota(ObjectSource& objects, UpdateQuota update);

struct StockParts {
  ObjectSource& objects;
  const Authorizer& authorizer;
  const Rbac& rbac;
  UpdateQuota update_quota;
};
// All of the above, in the order that Kubernetes asks them; `others` (policies and webhooks) stand before the
// quotas.
std::vector<std::unique_ptr<Plugin>> stock_plugins(const StockParts& parts,
                                                   std::vector<std::unique_ptr<Plugin>> others);

}  // namespace gantry::kube::admission
