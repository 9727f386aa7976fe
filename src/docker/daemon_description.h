// SPDX-License-Identifier: Apache-2.0
//
// What GET /info says of a daemon that nobody else knows: how it was started.
#pragma once

#include <string>
#include <vector>

namespace gantry::docker {

struct DaemonDescription {
  std::string id;  // the same at every start
  std::string root;
  std::vector<std::string> labels;  // "key=value"
  bool is_debug = false;
  std::vector<std::string> insecure_registries;
  std::vector<std::string> registry_mirrors;  // of docker.io
};

}  // namespace gantry::docker
