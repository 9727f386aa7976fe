// SPDX-License-Identifier: Apache-2.0
//
// For traces: what the kernel would do with a packet in one network namespace, that of the calling thread.
// Each notes what it finds; after an end (TraceLog::is_over()) the answer means nothing.
#pragma once

#include <optional>
#include <string>

#include "base/error.h"
#include "kernel/network/route_socket.h"
#include "network/trace_log.h"

namespace gantry::network {

// How a packet leaves.
struct Departure {
  bool is_local = false;  // it does not: the address is this namespace's own
  kernel::Link link;
  std::optional<kernel::IpAddress> source;  // of packets that begin here
  kernel::IpAddress next_hop;               // the gateway, or the destination itself
  bool is_direct = false;
};

// The route, and the interface with its addresses; an end where there is no route.
Result<Departure> trace_route(kernel::RouteSocket& socket, const kernel::IpAddress& to, TraceLog& log);
// An end where the neighbour has been asked for in vain.
Result<void> trace_neighbour(kernel::RouteSocket& socket, const Departure& departure, TraceLog& log);
// Always an end: somebody listens or nobody does.
void trace_listener(Protocol protocol, const kernel::IpAddress& to, std::uint16_t port, TraceLog& log);
// An end where the kernel forwards no packets of that version.
void trace_forwarding(const kernel::IpAddress& to, TraceLog& log);
// Chains of others at an NF_INET_* hook, whose rules are not known; and whether our own table is there.
Result<void> trace_chains_of_others(const std::string& our_table, std::uint32_t hook,
                                    const kernel::IpAddress& to, TraceLog& log);

}  // namespace gantry::network
