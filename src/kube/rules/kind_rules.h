// SPDX-License-Identifier: Apache-2.0
//
// The rules of one kind, and where they are found. A file has the rules of a group of kinds and says so by
// one function of those below.
#pragma once

#include <span>
#include <string_view>

#include "base/json_tree.h"
#include "kube/api/names.h"
#include "kube/rules/spot.h"

namespace gantry::kube::rules {

struct KindRules {
  std::string_view group;
  std::string_view kind;
  // Null: it is asked and answered, and needs no name.
  Faults (*name_faults)(std::string_view) = dns_subdomain_faults;
  // metadata.generation counts changes of what is wanted.
  bool counts_generations = false;
  // Who creates it may say its status, too.
  bool begins_with_status = false;
  // Puts right what a create (`before`: null) or an update brings, beside status and generation.
  void (*prepare)(json::Tree& object, const json::Tree* before) = nullptr;
  // Puts right what an update of the status brings.
  void (*prepare_status)(json::Tree& object, const json::Tree& before) = nullptr;
  // Of every object that is to be stored.
  void (*check)(const Spot& object) = nullptr;
  // Of creates, beside that.
  void (*check_create)(const Spot& object) = nullptr;
  // Of updates, beside that.
  void (*check_update)(const Spot& object, const json::Tree& before) = nullptr;
  // Of updates by a subresource other than status, instead of that.
  void (*check_part)(std::string_view subresource, const Spot& object, const json::Tree& before) = nullptr;
  // Of updates of the status, instead of that: the rest is as it was.
  void (*check_status)(const Spot& object, const json::Tree& before) = nullptr;
};

std::span<const KindRules> admission_policy_rules();
std::span<const KindRules> autoscaler_rules();
std::span<const KindRules> certificate_rules();
std::span<const KindRules> cluster_rules();
std::span<const KindRules> config_rules();
std::span<const KindRules> endpoint_rules();
std::span<const KindRules> extension_rules();
std::span<const KindRules> flow_control_rules();
std::span<const KindRules> job_rules();
std::span<const KindRules> namespace_rules();
std::span<const KindRules> networking_rules();
std::span<const KindRules> persistent_volume_rules();
std::span<const KindRules> plain_rules();
std::span<const KindRules> pod_rules();
std::span<const KindRules> policy_rules();
std::span<const KindRules> quota_rules();
std::span<const KindRules> role_rules();
std::span<const KindRules> service_rules();
std::span<const KindRules> service_address_rules();
std::span<const KindRules> storage_rules();
std::span<const KindRules> webhook_rules();
std::span<const KindRules> workload_rules();

// All of them, by group and kind.
std::span<const KindRules* const> all_rules();
// Null for kinds that are not built in.
const KindRules* find_rules(std::string_view group, std::string_view kind);

}  // namespace gantry::kube::rules
