// SPDX-License-Identifier: Apache-2.0
//
// GET /gantry/v1/networks/trace: the way of a packet, explained (docs/formats/gantry-api.md).
#include <charconv>
#include <string>
#include <vector>

#include "docker/call.h"
#include "docker/endpoints.h"
#include "engine/engine.h"
#include "kernel/network/ip_address.h"
#include "network/networks.h"

namespace gantry::docker {
namespace {

constexpr std::string_view kHost = "host";

// A container, an address outside of this host, or the host.
Result<std::string> origin_of(const Context& context, const std::string& from) {
  if (from.empty()) return error(Code::InvalidArgument, "parameter 'from' is missing");
  if (from == kHost) return std::string();
  if (kernel::IpAddress::parse(from)) return from;
  return context.engine.sandbox_of(from);
}

Result<std::uint16_t> port_of(const std::string& text) {
  std::uint16_t port = 0;
  const char* const end = text.data() + text.size();
  const auto [stop, failure] = std::from_chars(text.data(), end, port);
  if (failure != std::errc() || stop != end || port == 0)
    return error(Code::InvalidArgument, "invalid port '{}': it is a number from 1 to 65535", text);
  return port;
}

Result<network::Protocol> protocol_of(const std::string& text) {
  if (text.empty()) return network::Protocol::Tcp;
  for (const auto protocol : {network::Protocol::Tcp, network::Protocol::Udp, network::Protocol::Sctp})
    if (name_of(protocol) == text) return protocol;
  return error(Code::InvalidArgument, "invalid protocol '{}': it is tcp, udp or sctp", text);
}

struct Answer {
  std::vector<network::TraceStep> steps;
};
void fields(json::Fields& f, Answer& answer) { f("steps", answer.steps, json::Presence::Always); }

Result<void> trace(const Context& context, Call& call) {
  network::TraceRequest request{.to = call.text("to")};
  request.from = TRY(origin_of(context, call.text("from")));
  request.protocol = TRY(protocol_of(call.text("protocol")));
  request.port = TRY(port_of(call.text("port")));
  if (request.to.empty()) return error(Code::InvalidArgument, "parameter 'to' is missing");
  return call.send_object(Answer{TRY(context.networks.trace(request))});
}

}  // namespace

std::span<const Route> trace_routes() {
  static constexpr Route kRoutes[] = {{"GET", "/gantry/v1/networks/trace", trace}};
  return kRoutes;
}

}  // namespace gantry::docker
