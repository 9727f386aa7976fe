// SPDX-License-Identifier: Apache-2.0
#include "kube/admission/plugins.h"

namespace gantry::kube::admission {

std::vector<std::unique_ptr<Plugin>> stock_plugins(const StockParts& parts,
                                                   std::vector<std::unique_ptr<Plugin>> others) {
  ObjectSource& objects = parts.objects;
  std::vector<std::unique_ptr<Plugin>> plugins;
  plugins.push_back(node_restriction(objects));
  plugins.push_back(limit_ranger(objects));
  plugins.push_back(service_account(objects));
  plugins.push_back(taint_nodes_by_condition());
  plugins.push_back(pod_security(objects));
  plugins.push_back(priority(objects));
  plugins.push_back(default_toleration_seconds());
  plugins.push_back(storage_object_in_use_protection());
  plugins.push_back(persistent_volume_claim_resize(objects));
  plugins.push_back(runtime_class(objects));
  plugins.push_back(certificate_requester());
  plugins.push_back(certificate_approval(parts.authorizer));
  plugins.push_back(certificate_signing(parts.authorizer));
  plugins.push_back(certificate_subject_restriction());
  plugins.push_back(role_escalation(parts.rbac, parts.authorizer));
  plugins.push_back(default_ingress_class(objects));
  plugins.push_back(default_storage_class(objects));
  for (std::unique_ptr<Plugin>& plugin : others) plugins.push_back(std::move(plugin));
  plugins.push_back(resource_quota(objects, parts.update_quota));
  return plugins;
}

}  // namespace gantry::kube::admission
