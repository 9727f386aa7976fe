// SPDX-License-Identifier: Apache-2.0
#include "kube/control_plane/own_writes.h"

#include "kube/control_plane/self.h"

namespace gantry::kube {

bool update_own(const Verbs& verbs, const Resource& resource, const json::Tree& object,
                const std::string& subresource) {
  const auto written = verbs.run({.user = self(),
                                  .verb = Verb::Update,
                                  .resource = resource,
                                  .subresource = subresource,
                                  .name_space = std::string(object.text_at("metadata", "namespace")),
                                  .name = std::string(object.text_at("metadata", "name")),
                                  .body = object,
                                  .user_agent = "gantry"});
  return written || written.error()->code < 500;
}

}  // namespace gantry::kube
