// SPDX-License-Identifier: Apache-2.0
//
// Requests that change no object, but what runs: exec, attach, portforward, proxy.
#include <utility>

#include "kube/server/verbs.h"

namespace gantry::kube {

Answer<std::vector<std::string>> Verbs::admit_connection(const ApiRequest& request,
                                                         json::Tree& options) const {
  const Subresource* subresource = request.resource.find_subresource(request.subresource);
  if (subresource == nullptr)
    return internal_error(request.resource.plural + " have no subresource " + request.subresource);
  admission::AdmissionRequest admitted{.user = request.user,
                                       .operation = admission::Operation::Connect,
                                       .resource = request.resource,
                                       .subresource = request.subresource,
                                       .kind = subresource->kind,
                                       .name_space = request.name_space,
                                       .name = request.name,
                                       .object = &options};
  TRY(parts_.admission.mutate(admitted));
  TRY(parts_.admission.validate(admitted));
  return std::move(admitted.warnings);
}

}  // namespace gantry::kube
