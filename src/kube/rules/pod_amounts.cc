// SPDX-License-Identifier: Apache-2.0
#include "kube/rules/pod_amounts.h"

namespace gantry::kube::rules {

// Init containers run one by one beside the sidecars that stand before them.
ResourceAmounts amounts_of_containers(const json::Tree& spec, std::string_view member) {
  ResourceAmounts total, sidecars, preparation;
  if (const json::Tree* containers = spec.find("containers"))
    for (const json::Tree& container : containers->array())
      add(total, amounts_at(container, "resources", member));
  if (const json::Tree* steps = spec.find("initContainers"))
    for (const json::Tree& container : steps->array()) {
      ResourceAmounts step = amounts_at(container, "resources", member);
      if (container.text_at("restartPolicy") == "Always") {
        add(total, step);
        add(sidecars, step);
        step = sidecars;
      } else {
        add(step, sidecars);
      }
      raise(preparation, step);
    }
  raise(total, preparation);
  return total;
}

ResourceAmounts amounts_of_pod(const json::Tree& pod, std::string_view member) {
  const json::Tree* spec = pod.find("spec");
  if (spec == nullptr) return {};
  ResourceAmounts total = amounts_of_containers(*spec, member);
  for (const auto& [name, amount] : amounts_at(*spec, "resources", member)) total[name] = amount;
  add(total, amounts_at(*spec, "overhead"));
  return total;
}

}  // namespace gantry::kube::rules
