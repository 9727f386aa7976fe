// SPDX-License-Identifier: Apache-2.0
#include "kube/control_plane/conditions.h"

#include <utility>

namespace gantry::kube {

void set_condition(json::Tree& status, const Condition& condition, std::string_view now) {
  json::TreeObject made;
  made["type"] = condition.type;
  made["status"] = condition.holds ? "True" : "False";
  made["reason"] = condition.reason;
  made["message"] = condition.message;
  made["lastTransitionTime"] = now;
  json::TreeArray& conditions = status.object()["conditions"].array();
  for (json::Tree& present : conditions) {
    if (present.text_at("type") != condition.type) continue;
    if (present.text_at("status") == made["status"].as_string())
      made["lastTransitionTime"] = present.text_at("lastTransitionTime");
    present = std::move(made);
    return;
  }
  conditions.emplace_back(std::move(made));
}

}  // namespace gantry::kube
