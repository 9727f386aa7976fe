// SPDX-License-Identifier: Apache-2.0
//
// Explains the way of a packet: from a sandbox, the host or another machine, through bridges and the host, to
// whom it is for. What the kernel says of it is in trace_kernel.h, what our rules do in trace_rules.h.
#include <fmt/format.h>

#include <algorithm>

#include "kernel/network/network_namespace.h"
#include "network/networks_state.h"
#include "network/sysctl.h"
#include "network/trace_kernel.h"
#include "network/trace_log.h"
#include "network/trace_rules.h"

namespace gantry::network {
namespace {

using Verdict = TraceStep::Verdict;
using kernel::RouteSocket;

constexpr std::uint16_t kNamePort = 53;

struct Place {
  const NetworkObject* network = nullptr;
  const EndpointRecord* endpoint = nullptr;
};

bool has_address(const EndpointRecord& endpoint, const std::string& address) {
  return endpoint.settings.ip_address == address || endpoint.settings.global_ipv6_address == address;
}

// "web", and "web.shop" on the network "shop".
bool is_called(const NetworkObject& network, const EndpointRecord& endpoint, const std::string& name) {
  return std::ranges::any_of(endpoint.settings.dns_names, [&](const std::string& known) {
    return name == known || name == known + "." + network.name();
  });
}

}  // namespace

// One trace. Holds the mutex of what is known for as long as it lives, so that nothing it says is two states.
class Networks::State::Tracer {
 public:
  Tracer(State& state, const TraceRequest& request, RouteSocket host)
      : state_(state),
        request_(request),
        host_(std::move(host)),
        packet_{.protocol = request.protocol, .port = request.port} {}

  Result<std::vector<TraceStep>> run() REQUIRES(state_.mutex) {
    TRY(walk());
    return std::move(log_).take();
  }

 private:
  // Each of these goes as far as the packet does.
  Result<void> walk() REQUIRES(state_.mutex) {
    const auto outside = IpAddress::parse(request_.from);
    const bool is_inside = !outside && !request_.from.empty();
    log_.enter(is_inside ? sandbox_called(request_.from) : "host");
    const auto to = find_address(is_inside);
    if (!to) return {};
    packet_.to = *to;
    if (outside) return from_outside(*outside);
    return is_inside ? from_sandbox() : from_host();
  }

  std::string sandbox_called(const std::string& key) const REQUIRES(state_.mutex) {
    for (const auto& [id, network] : state_.networks)
      if (const auto found = network.endpoints.find(key); found != network.endpoints.end())
        return fmt::format("sandbox '{}'", name_for_people(found->second));
    return fmt::format("sandbox '{}'", key);
  }

  // ---- Where it is to go

  std::optional<IpAddress> find_address(bool is_inside) REQUIRES(state_.mutex) {
    if (const auto address = IpAddress::parse(request_.to)) return address;
    const std::string name = is_inside ? name_behind_link() : request_.to;
    for (const auto& [id, network] : state_.networks) {
      if (is_inside && !network.endpoints.contains(request_.from)) continue;
      for (const auto& [key, endpoint] : network.endpoints) {
        // Who is not inside has no names to resolve: a container is meant.
        if (!is_called(network, endpoint, name) && (is_inside || endpoint.container_name != name)) continue;
        const EndpointSettings& settled = endpoint.settings;
        const std::string& address =
            settled.ip_address.empty() ? settled.global_ipv6_address : settled.ip_address;
        log_.pass(fmt::format("name '{}' is {} on network '{}'", request_.to, address, network.name()));
        return IpAddress::parse(address);
      }
    }
    log_.drop(
        fmt::format("no network of it has the name '{}' (the default network has no names at all): if "
                    "another name server has it, ask for its address",
                    request_.to));
    return std::nullopt;
  }

  // What an alias of a link stands for.
  std::string name_behind_link() const REQUIRES(state_.mutex) {
    for (const SandboxNetwork& network : state_.networks_seen_by(request_.from).networks)
      if (const auto link = network.links.find(request_.to); link != network.links.end()) return link->second;
    return request_.to;
  }

  Place place_of_interface(const std::string& name) const REQUIRES(state_.mutex) {
    for (const auto& [id, network] : state_.networks)
      if (const auto found = network.endpoints.find(request_.from);
          found != network.endpoints.end() && found->second.interface == name)
        return {.network = &network, .endpoint = &found->second};
    return {};
  }

  Place place_of_address(const IpAddress& address) const REQUIRES(state_.mutex) {
    const std::string text = address.str();
    for (const auto& [id, network] : state_.networks)
      for (const auto& [key, endpoint] : network.endpoints)
        if (has_address(endpoint, text)) return {.network = &network, .endpoint = &endpoint};
    return {};
  }

  const NetworkObject* network_of_bridge(const std::string& name) const REQUIRES(state_.mutex) {
    for (const auto& [id, network] : state_.networks)
      if (network.is_bridge() && network.bridge_name() == name) return &network;
    return nullptr;
  }

  // ---- Where it begins

  Result<void> from_sandbox() REQUIRES(state_.mutex) {
    if (is_for_name_service()) return {};
    const UniqueFd ns = TRY(open_sandbox_namespace(state_.netns_path(request_.from)));
    Departure departure;
    TRY(kernel::run_in_network_namespace(ns.get(), [&]() -> Result<void> {
      auto inside = TRY(RouteSocket::open());
      departure = TRY(trace_route(inside, packet_.to, log_));
      if (log_.is_over()) return {};
      if (!departure.is_local) return trace_neighbour(inside, departure, log_);
      trace_listener(packet_.protocol, packet_.to, packet_.port, log_);
      return {};
    }));
    if (log_.is_over()) return {};
    packet_.source = departure.source;
    const Place source = place_of_interface(departure.link.name);
    if (source.network == nullptr) {
      log_.end(Verdict::Unknown, fmt::format("interface {} is not one of ours", departure.link.name));
      return {};
    }
    log_.enter("host");
    if (!source.network->is_bridge()) return on_parents_link(source, departure);
    TRY(trace_port(source, "comes by"));
    if (log_.is_over()) return {};
    if (departure.is_direct) return on_bridge(source);
    return at_host(source.network);
  }

  bool is_for_name_service() REQUIRES(state_.mutex) {
    const auto sandbox = state_.sandboxes.find(request_.from);
    const bool is_meant = packet_.to.str() == kNameServerAddress && packet_.port == kNamePort &&
                          sandbox != state_.sandboxes.end() && sandbox->second.has_names;
    if (!is_meant) return false;
    const SandboxRecord& record = sandbox->second.record;
    const bool is_udp = packet_.protocol == Protocol::Udp;
    log_.end(
        Verdict::Passes,
        fmt::format("chain output of table inet gantry in the sandbox: leads to port {}, where gantryd's "
                    "name service listens",
                    is_udp ? record.name_port_udp : record.name_port_tcp));
    return true;
  }

  Result<void> from_host() REQUIRES(state_.mutex) {
    const Departure departure = TRY(trace_route(host_, packet_.to, log_));
    if (log_.is_over()) return {};
    if (departure.is_local) return at_own_address(nullptr, true);
    packet_.source = departure.source;
    return leave_host(nullptr, departure);
  }

  Result<void> from_outside(const IpAddress& address) REQUIRES(state_.mutex) {
    packet_.source = address;
    const auto back = TRY_DURING(host_.route_to(address), "trace from {}", address.str());
    std::string name;
    for (const kernel::Link& link : TRY(host_.links()))
      if (link.index == back.link) name = link.name;
    if (back.is_local || network_of_bridge(name) != nullptr)
      return error(Code::InvalidArgument, "{} is not outside of this host: name the container, or 'host'",
                   address.str());
    in_interface_ = name;
    log_.pass(fmt::format("comes from {} by interface {}, if it takes the way that answers take",
                          address.str(), name));
    if (packet_.to.is_loopback()) {
      log_.drop("what comes from outside for a loopback address is dropped");
      return {};
    }
    return at_host(nullptr);
  }

  // ---- On the host

  // What comes in by a bridge of ours, or (null) from outside.
  Result<void> at_host(const NetworkObject* in) REQUIRES(state_.mutex) {
    auto route = host_.route_to(packet_.to);
    if (route && route->is_local) {
      log_.pass(fmt::format("{} is an address of the host", packet_.to.str()));
      return at_own_address(in, false);
    }
    return forward(in);
  }

  // At an address of the host: a published port, or a program of the host.
  Result<void> at_own_address(const NetworkObject* in, bool begins_here) REQUIRES(state_.mutex) {
    const std::optional<PortRule> rule = published();
    if (!rule) {
      if (!begins_here)
        TRY(trace_chains_of_others(state_.firewall->table(), NF_INET_LOCAL_IN, packet_.to, log_));
      trace_listener(packet_.protocol, packet_.to, packet_.port, log_);
      return {};
    }
    log_.pass(fmt::format("chain published: {} port {} of {} leads to {} port {} (set published{}{})",
                          name_of(packet_.protocol), packet_.port, packet_.to.str(), rule->to.str(),
                          rule->to_port, rule->address.is_unspecified() ? "" : "_at",
                          rule->to.is_v4() ? 4 : 6));
    if (begins_here && loses_answers()) return {};
    if (begins_here) packet_.source = packet_.to;  // as connect(2) has chosen it by now
    packet_.to = rule->to;
    packet_.port = rule->to_port;
    packet_.is_translated = true;
    if (!begins_here) return forward(in);
    const Departure departure = TRY(trace_route(host_, packet_.to, log_));
    return log_.is_over() ? Result<void>() : leave_host(nullptr, departure);
  }

  // Answers to ::1 are translated back on the bridge already if br_netfilter hands them to the rules; then
  // they bear ::1 where the kernel takes in packets, and it takes none from the wire that do (RFC 4291
  // section 2.5.3).
  bool loses_answers() {
    if (packet_.to != IpAddress::v6(1) || !bridges_call_rules(packet_.to.is_v4())) return false;
    log_.drop(
        "chain refuse: the kernel would drop the answers, since net.bridge.bridge-nf-call-ip6tables is 1: "
        "set it to 0 "
        "and restart gantryd, or use another address of the host");
    return true;
  }

  std::optional<PortRule> published() const REQUIRES(state_.mutex) {
    for (const auto& [key, sandbox] : state_.sandboxes)
      for (const PortRule& rule : sandbox.record.rules) {
        const bool is_meant = !rule.is_routed && rule.protocol == packet_.protocol &&
                              rule.port == packet_.port && rule.to.is_v4() == packet_.to.is_v4() &&
                              (rule.address == packet_.to || rule.address.is_unspecified());
        if (is_meant) return rule;
      }
    return std::nullopt;
  }

  Result<void> forward(const NetworkObject* in) REQUIRES(state_.mutex) {
    const Departure departure = TRY(trace_route(host_, packet_.to, log_));
    if (log_.is_over()) return {};
    trace_forwarding(packet_.to, log_);
    if (log_.is_over()) return {};
    pass_rules({.in = in, .out = network_of_bridge(departure.link.name), .in_interface = in_interface_});
    if (log_.is_over()) return {};
    TRY(trace_chains_of_others(state_.firewall->table(), NF_INET_FORWARD, packet_.to, log_));
    return leave_host(in, departure);
  }

  void pass_rules(const TracedWay& way) REQUIRES(state_.mutex) {
    std::vector<PortRule> opened;
    for (const auto& [key, sandbox] : state_.sandboxes)
      opened.insert(opened.end(), sandbox.record.rules.begin(), sandbox.record.rules.end());
    RuleVerdict verdict = forward_verdict(packet_, way, opened, state_.firewall->drops_foreign());
    if (verdict.passes)
      log_.pass(std::move(verdict.why));
    else
      log_.drop(std::move(verdict.why));
  }

  Result<void> leave_host(const NetworkObject* in, const Departure& departure) REQUIRES(state_.mutex) {
    const TracedWay way{.in = in, .out = network_of_bridge(departure.link.name)};
    std::vector<const NetworkObject*> all;
    for (const auto& [id, network] : state_.networks) all.push_back(&network);
    if (const std::string why = masquerade_reason(packet_, way, all); !why.empty())
      log_.pass("chain postrouting: " + why);
    TRY(trace_neighbour(host_, departure, log_));
    if (log_.is_over()) return {};
    if (way.out != nullptr) return arrive_by_bridge(place_of_address(packet_.to));
    log_.end(Verdict::Passes, fmt::format("leaves the host by {}", departure.link.name));
    return {};
  }

  // ---- On a link

  // Inside of one network, which the host does not route.
  Result<void> on_bridge(const Place& source) REQUIRES(state_.mutex) {
    const auto route = host_.route_to(packet_.to);
    if (route && route->is_local) return at_host(source.network);
    const Place target = place_of_address(packet_.to);
    if (target.network != source.network) {
      log_.drop(fmt::format("nobody of network '{}' has {}", source.network->name(), packet_.to.str()));
      return {};
    }
    if (!source.network->settings.has_icc) {
      log_.drop(fmt::format("network '{}' has enable_icc=false: ports of its bridge are isolated",
                            source.network->name()));
      return {};
    }
    log_.pass(fmt::format("bridge {} hands it on", source.network->bridge_name()));
    if (bridges_call_rules(packet_.to.is_v4())) {
      pass_rules({.in = source.network, .out = target.network});
      TRY(trace_chains_of_others(state_.firewall->table(), NF_INET_FORWARD, packet_.to, log_));
    }
    return arrive_by_bridge(target);
  }

  // Between interfaces of one macvlan parent.
  Result<void> on_parents_link(const Place& source, const Departure& departure) REQUIRES(state_.mutex) {
    const Place target = place_of_address(departure.next_hop);
    const std::string parent =
        source.network->settings.parent.empty() ? "its own link" : source.network->settings.parent;
    const bool is_handed_on =
        target.network == source.network && source.network->settings.macvlan_mode == MacvlanMode::Bridge;
    if (is_handed_on) {
      log_.pass(fmt::format("macvlan of {} hands it on", parent));
      return arrive(target);
    }
    if (const auto route = host_.route_to(departure.next_hop); route && route->is_local)
      log_.drop(fmt::format("{} is this host, which macvlan interfaces of {} do not reach",
                            departure.next_hop.str(), parent));
    else
      log_.end(Verdict::Unknown, fmt::format("goes out to the link of {}, which is not ours", parent));
    return {};
  }

  // The endpoint's interface on the host, which has to be a port of its bridge. `how` is "comes by".
  Result<void> trace_port(const Place& place, std::string_view how) {
    const std::string& name = place.endpoint->host_interface;
    const auto port = TRY(host_.find_link(name));
    const auto bridge = TRY(host_.find_link(place.network->bridge_name()));
    if (!port)
      log_.drop(fmt::format("interface {} is missing", name));
    else if (!bridge || port->master != bridge->index)
      log_.drop(fmt::format("interface {} is no port of bridge {}", name, place.network->bridge_name()));
    else if (!port->is_up || !bridge->is_up)
      log_.drop(fmt::format("interface {} is down", port->is_up ? bridge->name : name));
    else
      log_.pass(fmt::format("{} port {} of bridge {}", how, name, bridge->name));
    return {};
  }

  // ---- Where it ends

  Result<void> arrive_by_bridge(const Place& target) REQUIRES(state_.mutex) {
    if (target.endpoint == nullptr) {
      log_.drop(fmt::format("nobody has {}", packet_.to.str()));
      return {};
    }
    TRY(trace_port(target, "leaves by"));
    return log_.is_over() ? Result<void>() : arrive(target);
  }

  Result<void> arrive(const Place& target) REQUIRES(state_.mutex) {
    log_.enter(sandbox_called(target.endpoint->key));
    const UniqueFd ns = TRY(open_sandbox_namespace(state_.netns_path(target.endpoint->key)));
    return kernel::run_in_network_namespace(ns.get(), [&]() -> Result<void> {
      log_.pass(fmt::format("comes in by {}", target.endpoint->interface));
      trace_listener(packet_.protocol, packet_.to, packet_.port, log_);
      return {};
    });
  }

  State& state_;
  const TraceRequest& request_;
  RouteSocket host_;  // of our own network namespace
  TraceLog log_;
  TracedPacket packet_;       // as it is by now
  std::string in_interface_;  // of what comes from outside
};

// The tracer's state is this one, which the analysis cannot know.
Result<std::vector<TraceStep>> Networks::trace(const TraceRequest& request) const NO_THREAD_SAFETY_ANALYSIS {
  State& state = *state_;
  if (request.port == 0) return error(Code::InvalidArgument, "port 0 is no port");
  MutexLock lock(state.mutex);
  if (!request.from.empty() && !IpAddress::parse(request.from)) TRY(state.sandbox(request.from));
  return State::Tracer(state, request, TRY(RouteSocket::open())).run();
}

}  // namespace gantry::network
