// SPDX-License-Identifier: Apache-2.0
//
// Containers are made alone or in a pod, by the same body and with the same answer.
#pragma once

#include <string>
#include <vector>

#include "base/error.h"
#include "base/json_codec.h"
#include "docker/call.h"
#include "docker/context.h"

namespace gantry::docker {

// {"Id": ..., "Warnings": [...]}
struct Created {
  std::string id;
  std::vector<std::string> warnings;
};
void fields(json::Fields& f, Created& created);

// Answers POST /containers/create and that of a pod; `pod` empty: alone.
Result<void> create_container_in(const Context& context, Call& call, const std::string& pod);

}  // namespace gantry::docker
