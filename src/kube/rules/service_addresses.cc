// SPDX-License-Identifier: Apache-2.0
//
// IPAddress and ServiceCIDR: which addresses services get, and which are taken.
#include <fmt/format.h>

#include "kube/rules/checks.h"
#include "kube/rules/kind_rules.h"

namespace gantry::kube::rules {
namespace {

using json::Tree;

void check_address(const Spot& object) {
  const Spot parent = object["spec"]["parentRef"];
  if (!parent.is_set()) return parent.required();
  named_if_set(parent["group"], dns_subdomain_faults);
  named(parent["resource"], path_segment_faults);
  named(parent["name"], path_segment_faults);
  named_if_set(parent["namespace"], path_segment_faults);
}

void update_address(const Spot& object, const Tree& before) {
  immutable(object["spec"]["parentRef"], before.find("spec", "parentRef"));
}

bool is_of_six(const Spot& range) { return range.text().find(':') != std::string_view::npos; }

void check_ranges(const Spot& object) {
  const Spot ranges = object["spec"]["cidrs"];
  if (ranges.size() == 0) return ranges.required("at least one CIDR required");
  if (ranges.size() > 2) return ranges.invalid(object["spec"].value(), "may only hold up to 2 values");
  if (ranges.size() == 2 && is_of_six(ranges.at(0)) == is_of_six(ranges.at(1)))
    return ranges.invalid(object["spec"].value(),
                          "may specify no more than one IP for each IP family, i.e 192.168.0.0/24 and "
                          "2001:db8::/64");
  ranges.each(address_range);
}

void update_ranges(const Spot& object, const Tree& before) {
  immutable(object["spec"]["cidrs"], before.find("spec", "cidrs"));
}

constexpr KindRules kRules[] = {
    {.group = "networking.k8s.io",
     .kind = "IPAddress",
     .name_faults = ip_faults,
     .check = check_address,
     .check_update = update_address},
    {.group = "networking.k8s.io",
     .kind = "ServiceCIDR",
     .check = check_ranges,
     .check_update = update_ranges},
};

}  // namespace

std::span<const KindRules> service_address_rules() { return kRules; }

}  // namespace gantry::kube::rules
