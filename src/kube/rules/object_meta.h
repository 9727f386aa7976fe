// SPDX-License-Identifier: Apache-2.0
//
// What every object's metadata has to be: meta/v1 ObjectMeta.
#pragma once

#include "kube/rules/kind_rules.h"
#include "kube/rules/spot.h"

namespace gantry::kube::rules {

struct MetaRules {
  bool is_namespaced = false;
  Faults (*name_faults)(std::string_view) = dns_subdomain_faults;  // null: no name is asked for
};

void object_meta(const Spot& metadata, const MetaRules& rules);
// Of an update, beside what is asked anyway. `before`: the metadata as it is stored.
void object_meta_update(const Spot& metadata, const json::Tree& before);

}  // namespace gantry::kube::rules
