// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <utility>

#include "kube/api/status.h"

namespace gantry::kube {

// What a client sees of a path that leads nowhere.
inline Status no_such_path() {
  return Status(
      {.code = 404, .reason = "NotFound", .message = "the server could not find the requested resource"});
}

inline Status method_not_allowed(std::string message) {
  return Status({.code = 405, .reason = "MethodNotAllowed", .message = std::move(message)});
}

}  // namespace gantry::kube
