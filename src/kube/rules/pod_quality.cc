// SPDX-License-Identifier: Apache-2.0
#include "kube/rules/pod_quality.h"

#include <algorithm>
#include <map>
#include <string_view>

#include "kube/api/quantity.h"
#include "kube/api/tree_lists.h"

namespace gantry::kube::rules {
namespace {

using json::Tree;

constexpr std::string_view kComputed[] = {"cpu", "memory"};

// What everything together asks for and is limited to.
struct Sum {
  std::map<std::string_view, Quantity> requests;
  std::map<std::string_view, Quantity> limits;
  bool is_all_limited = true;
};

void add(std::map<std::string_view, Quantity>& sum, const Tree& resources, const char* list) {
  for (const std::string_view name : kComputed) {
    const Tree* found = resources.find(list, name);
    const auto amount = found == nullptr ? Result<Quantity>(Quantity(0)) : Quantity::from_tree(*found);
    if (amount && amount->sign() > 0) sum[name] += *amount;
  }
}

// Of a container, or of the pod as a whole.
void add(Sum& sum, const Tree& asked) {
  std::map<std::string_view, Quantity> limits;
  add(limits, asked, "limits");
  sum.is_all_limited &= limits.size() == std::size(kComputed);
  for (const auto& [name, amount] : limits) sum.limits[name] += amount;
  add(sum.requests, asked, "requests");
}

bool says_something(const Tree* resources) {
  if (resources == nullptr) return false;
  return std::ranges::any_of(std::initializer_list<const char*>{"limits", "requests"}, [&](const char* list) {
    const Tree* amounts = resources->find(list);
    return amounts != nullptr && !amounts->object().empty();
  });
}

Sum asked_by(const Tree& spec) {
  Sum sum;
  // Where the pod itself says something, its containers share that.
  if (const Tree* resources = spec.find("resources"); says_something(resources)) {
    add(sum, *resources);
    return sum;
  }
  for (const char* list : {"containers", "initContainers"})
    if (const Tree* containers = spec.find(list))
      for (const Tree& container : containers->array()) add(sum, member_of(container, "resources"));
  return sum;
}

// What is asked for is the limit; requests default to it.
bool is_guaranteed(const Sum& sum) {
  return sum.is_all_limited && std::ranges::all_of(sum.requests, [&](const auto& request) {
           return sum.limits.at(request.first) == request.second;
         });
}

}  // namespace

const char* quality_of_service(const Tree& spec) {
  const Sum sum = asked_by(spec);
  if (sum.requests.empty() && sum.limits.empty()) return "BestEffort";
  return is_guaranteed(sum) ? "Guaranteed" : "Burstable";
}

}  // namespace gantry::kube::rules
