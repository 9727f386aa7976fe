// SPDX-License-Identifier: Apache-2.0
//
// What a proxy is for, as the name in its path says it: "web", "web:8080", "https:web:8443", "https:web:".
#pragma once

#include <string>
#include <string_view>

#include "kube/api/status.h"

namespace gantry::kube {

struct TargetName {
  std::string scheme;  // "http", "https"; empty: not said
  std::string name;
  std::string port;  // a number or a name; empty: not said

  // 400 for what is no such name. `what`: of whom it is, "pod".
  static Answer<TargetName> parse(std::string_view text, std::string_view what);
};

}  // namespace gantry::kube
