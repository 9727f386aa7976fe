// SPDX-License-Identifier: Apache-2.0
#include "kube/connect/spdy_bridge.h"

#include <cstddef>
#include <string>

#include "http/websocket_handshake.h"
#include "http/websocket_tunnel.h"
#include "kube/connect/exec_translator.h"

namespace gantry::kube {
namespace {

constexpr std::size_t kTunnelMessage = 4 << 20;  // bytes of a message
constexpr std::string_view kStreamCloseProtocol = "v5.channel.k8s.io", kStreams = "v4.channel.k8s.io";
// Ports are forwarded by SPDY inside of a WebSocket, whose subprotocol is this before the stream's own.
constexpr std::string_view kTunnel = "SPDY/3.1+portforward.k8s.io", kPorts = "portforward.k8s.io";

}  // namespace

std::optional<SpdyBridge> spdy_bridge(const http::HeaderMap& headers, std::string_view subresource,
                                      const http::Query& query) {
  if (!http::wants_websocket(headers)) return std::nullopt;
  const std::string_view protocol = subresource == "portforward" ? kTunnel : kStreamCloseProtocol;
  if (!headers.has_token("Sec-WebSocket-Protocol", protocol)) return std::nullopt;
  if (protocol == kTunnel) return SpdyBridge{protocol, kPorts, http::websocket_tunnel(kTunnelMessage)};
  return SpdyBridge{protocol, kStreams, exec_translator(query)};
}

void ask_for_spdy(http::ClientRequest& request, std::string_view stream_protocol) {
  request.method = "POST";
  request.upgrade = "SPDY/3.1";
  for (const char* name : {"Sec-WebSocket-Key", "Sec-WebSocket-Version", "Sec-WebSocket-Protocol",
                           "Sec-WebSocket-Extensions", "Origin"})
    request.headers.remove(name);
  request.headers.set("X-Stream-Protocol-Version", std::string(stream_protocol));
}

}  // namespace gantry::kube
