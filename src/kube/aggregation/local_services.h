// SPDX-License-Identifier: Apache-2.0
//
// The APIServices of the groups and versions that this server has itself: clients and tools look for all of
// them there.
#pragma once

#include <string>
#include <vector>

#include "base/json_tree.h"
#include "kube/api/object_source.h"
#include "kube/schema/resource.h"

namespace gantry::kube {

struct LocalServices {
  std::vector<json::Tree> missing;   // to be made
  std::vector<std::string> surplus;  // names of those whose group and version are gone
};

// `resources`: all that are served here. Objects that somebody else has made stay as they are.
LocalServices compare_local_services(const std::vector<const Resource*>& resources,
                                     const ObjectSource& objects);

}  // namespace gantry::kube
