// SPDX-License-Identifier: Apache-2.0
//
// Names of what containers, nodes and quotas count ("cpu", "hugepages-2Mi", "example.com/gpu"), and amounts
// of it (https://kubernetes.io/docs/concepts/configuration/manage-resources-containers/).
#pragma once

#include <string_view>

#include "kube/rules/spot.h"

namespace gantry::kube::rules {

// `at`: where it is said what is wrong.
void resource_name(const Spot& at, std::string_view name);
void container_resource_name(const Spot& at, std::string_view name);
void quota_resource_name(const Spot& at, std::string_view name);
// Not negative, and whole where parts of it mean nothing.
void resource_amount(const Spot& amount, std::string_view name);

// Of it may be more promised than there is.
bool may_be_overcommitted(std::string_view name);
bool is_huge_page(std::string_view name);
// One that every quota knows.
bool is_quota_resource(std::string_view name);

// A map's values, under names that fit.
void resource_list(const Spot& list,
                   void (*check_name)(const Spot& at, std::string_view name) = resource_name);

}  // namespace gantry::kube::rules
