// SPDX-License-Identifier: Apache-2.0
#include "kube/admission/admission.h"

namespace gantry::kube::admission {

std::string_view name_of(Operation operation) {
  switch (operation) {
    case Operation::Create: return "CREATE";
    case Operation::Update: return "UPDATE";
    case Operation::Delete: return "DELETE";
    case Operation::Connect: return "CONNECT";
  }
  return "";
}

Status AdmissionRequest::forbidden(std::string why) const {
  return kube::forbidden(resource.id(), name, std::move(why));
}

Answer<void> Chain::mutate(AdmissionRequest& request) const {
  TRY(mutate_once(request));
  if (!request.reinvocation.is_wanted) return {};
  request.reinvocation.is_second = true;
  return mutate_once(request);
}

Answer<void> Chain::mutate_once(AdmissionRequest& request) const {
  for (const auto& plugin : plugins_) TRY(plugin->mutate(request));
  return {};
}

Answer<void> Chain::validate(AdmissionRequest& request) const {
  for (const auto& plugin : plugins_) TRY(plugin->validate(request));
  return {};
}

}  // namespace gantry::kube::admission
