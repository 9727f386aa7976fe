// SPDX-License-Identifier: Apache-2.0
//
// What an agent is asked for about a pod: the path and parameters of its log, exec, attach and port-forward.
#pragma once

#include <string>
#include <string_view>

#include "base/json_tree.h"
#include "http/url.h"
#include "kube/api/status.h"

namespace gantry::kube {

struct AgentTarget {
  std::string path;
  http::Query query;
};

// `subresource`: "log", "exec", "attach", "portforward"; `query`: of the request on it. 400 for a container
// that is not there or was not chosen, 422 for parameters that contradict each other.
Answer<AgentTarget> agent_target(const json::Tree& pod, std::string_view subresource,
                                 const http::Query& query);

}  // namespace gantry::kube
