// SPDX-License-Identifier: Apache-2.0
//
// A session whose client speaks by WebSocket, as clients since Kubernetes 1.30 do, while the node's agent
// speaks SPDY alone: what both are told, and who stands between them.
#pragma once

#include <memory>
#include <optional>
#include <string_view>

#include "http/client.h"
#include "http/headers.h"
#include "http/relay.h"
#include "http/url.h"

namespace gantry::kube {

struct SpdyBridge {
  std::string_view socket_protocol;  // that the client is told
  std::string_view stream_protocol;  // that the agent is asked for
  std::unique_ptr<http::Interpreter> interpreter;
};

// Nothing: the request needs none, and passes as it is. `query`: for the agent.
std::optional<SpdyBridge> spdy_bridge(const http::HeaderMap& headers, std::string_view subresource,
                                      const http::Query& query);

// Makes a request of a WebSocket's the same of SPDY.
void ask_for_spdy(http::ClientRequest& request, std::string_view stream_protocol);

}  // namespace gantry::kube
