// SPDX-License-Identifier: Apache-2.0
//
// Explains the way of a packet: what the kernel is asked (routes, neighbours, interfaces, sockets), and what
// our rules, as firewall.cc makes them, do with it.
#include <fmt/format.h>

#include <algorithm>

#include "kernel/network/network_namespace.h"
#include "network/networks_state.h"
#include "network/port_user.h"

namespace gantry::network {
namespace {

using Verdict = TraceStep::Verdict;

struct Place {
  const NetworkObject* network = nullptr;
  const EndpointRecord* endpoint = nullptr;
};

bool has_address(const EndpointRecord& endpoint, const std::string& address) {
  return endpoint.settings.ip_address == address || endpoint.settings.global_ipv6_address == address;
}

bool is_called(const EndpointRecord& endpoint, const std::string& name) {
  const auto& names = endpoint.settings.dns_names;
  return std::ranges::find(names, name) != names.end();
}

std::string sandbox_called(const EndpointRecord& endpoint) {
  return fmt::format("sandbox '{}'", name_for_people(endpoint));
}

}  // namespace

// One trace. Holds the mutex of what is known for as long as it lives, so that nothing it says is two states.
class Networks::State::Tracer {
 public:
  Tracer(State& state, const TraceRequest& request) : state_(state), request_(request) {}

  Result<std::vector<TraceStep>> run() REQUIRES(state_.mutex) {
    TRY(walk());
    return std::move(steps_);
  }

 private:
  // Each of these adds its steps and says whether the packet goes on.
  Result<void> walk() REQUIRES(state_.mutex) {
    const auto to = resolve();
    if (!to) return {};
    if (request_.from.empty()) return from_host(*to);
    const auto link = TRY(leave_sandbox(*to));
    if (!link) return {};
    const Place source = place_of_interface(*link);
    if (source.network == nullptr) return stop(Verdict::Unknown, "the interface is not one of ours");
    if (!next_hop_) return bridged(source, *to);
    return routed(source, *to);
  }

  Result<void> stop(Verdict verdict, std::string what) {
    steps_.push_back({.verdict = verdict, .where = where_, .what = std::move(what)});
    return {};
  }
  void pass(std::string what) { (void)stop(Verdict::Passes, std::move(what)); }

  std::optional<IpAddress> resolve() REQUIRES(state_.mutex) {
    where_ = request_.from.empty() ? "host" : fmt::format("sandbox '{}'", request_.from);
    if (const auto address = IpAddress::parse(request_.to)) return address;
    for (const auto& [id, network] : state_.networks) {
      if (!request_.from.empty() && !network.endpoints.contains(request_.from)) continue;
      for (const auto& [key, endpoint] : network.endpoints) {
        if (!is_called(endpoint, request_.to)) continue;
        const EndpointSettings& settled = endpoint.settings;
        const std::string& address =
            settled.ip_address.empty() ? settled.global_ipv6_address : settled.ip_address;
        pass(fmt::format("name '{}' is {} on network '{}'", request_.to, address, network.name()));
        return IpAddress::parse(address);
      }
    }
    (void)stop(Verdict::Drops, fmt::format("no network of it knows the name '{}'", request_.to));
    return std::nullopt;
  }

  // The name of the interface that the packet leaves by.
  Result<std::optional<std::string>> leave_sandbox(const IpAddress& to) {
    const UniqueFd ns = TRY(open_sandbox_namespace(state_.netns_path(request_.from)));
    std::optional<std::string> name;
    TRY(kernel::run_in_network_namespace(ns.get(), [&]() -> Result<void> {
      auto inside = TRY(kernel::RouteSocket::open());
      const auto route = inside.route_to(to);
      if (!route) return stop(Verdict::Drops, route.error().message());
      if (route->is_local) return listened(fmt::format("{} is its own address", to.str()));
      for (const kernel::Link& link : TRY(inside.links()))
        if (link.index == route->link) name = link.name;
      next_hop_ = route->gateway;
      pass(fmt::format("goes {} by {}, as {}",
                       next_hop_ ? "to the gateway " + next_hop_->str() : std::string("directly"),
                       name.value_or("?"), route->source ? route->source->str() : "?"));
      return neighbour(inside, route->link, next_hop_.value_or(to));
    }));
    return is_over() ? std::nullopt : name;
  }

  Result<void> neighbour(kernel::RouteSocket& inside, unsigned link, const IpAddress& hop) {
    const auto known = TRY(inside.neighbour(link, hop));
    if (!known || (!known->mac && !known->has_failed))
      pass(fmt::format("neighbour {} is not known yet: it will be asked for", hop.str()));
    else if (known->has_failed)
      return stop(Verdict::Drops, fmt::format("neighbour {} does not answer", hop.str()));
    else
      pass(fmt::format("neighbour {} is known", hop.str()));
    return {};
  }

  bool is_over() const { return !steps_.empty() && steps_.back().verdict != Verdict::Passes; }

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

  // Inside of one network, which the host does not route.
  Result<void> bridged(const Place& source, const IpAddress& to) REQUIRES(state_.mutex) {
    where_ = "host";
    if (!source.network->is_bridge()) return stop(Verdict::Unknown, "goes to the link of the macvlan parent");
    TRY(port_of_bridge(source));
    if (is_over()) return {};
    const Place target = place_of_address(to);
    if (target.endpoint == nullptr &&
        std::ranges::any_of(source.network->pools, [&](const auto& pool) { return pool.gateway() == to; }))
      return arrive_at_host(to);
    if (target.endpoint == nullptr)
      return stop(Verdict::Drops,
                  fmt::format("nobody of network '{}' has {}", source.network->name(), to.str()));
    if (!source.network->settings.has_icc)
      return stop(Verdict::Drops, fmt::format("network '{}' has enable_icc=false: its ports are isolated",
                                              source.network->name()));
    pass(fmt::format("bridge {} hands it on", source.network->bridge_name()));
    return arrive(target);
  }

  Result<void> port_of_bridge(const Place& place) {
    MutexLock lock(state_.host_mutex);
    const auto port = TRY(state_.host.find_link(place.endpoint->host_interface));
    const auto bridge = TRY(state_.host.find_link(place.network->bridge_name()));
    if (!port)
      return stop(Verdict::Drops, fmt::format("interface {} is missing", place.endpoint->host_interface));
    if (!bridge || port->master != bridge->index)
      return stop(Verdict::Drops, fmt::format("interface {} is no port of bridge {}", port->name,
                                              place.network->bridge_name()));
    if (!port->is_up || !bridge->is_up)
      return stop(Verdict::Drops,
                  fmt::format("interface {} is down", port->is_up ? bridge->name : port->name));
    pass(fmt::format("comes by {} to bridge {}", port->name, bridge->name));
    return {};
  }

  Result<void> routed(const Place& source, const IpAddress& to) REQUIRES(state_.mutex) {
    where_ = "host";
    if (source.network->is_bridge()) TRY(port_of_bridge(source));
    if (is_over()) return {};
    if (!source.network->is_bridge())
      return stop(Verdict::Unknown, "goes to the gateway on the parent's link");
    const auto route = TRY(host_route(to));
    if (!route) return {};
    if (route->is_local) return arrive_at_host(to);
    if (const Place target = place_of_address(to); target.endpoint != nullptr)
      return between(source, target, to);
    if (source.network->is_internal())
      return stop(Verdict::Drops,
                  fmt::format("chain forward: network '{}' is internal", source.network->name()));
    return stop(
        Verdict::Passes,
        fmt::format("leaves the host{}{}",
                    source.network->settings.masquerades ? " with its address (chain postrouting)" : "",
                    route->gateway ? ", to the gateway " + route->gateway->str() : std::string()));
  }

  Result<std::optional<kernel::RouteChoice>> host_route(const IpAddress& to) {
    MutexLock lock(state_.host_mutex);
    auto route = state_.host.route_to(to);
    if (route) return std::optional(*std::move(route));
    TRY(stop(Verdict::Drops, route.error().message()));
    return std::optional<kernel::RouteChoice>();
  }

  Result<void> between(const Place& source, const Place& target, const IpAddress& to) REQUIRES(state_.mutex) {
    if (source.network == target.network) return arrive(target);
    const NetworkSettings& settings = target.network->settings;
    const bool is_open = (to.is_v4() ? settings.mode4 : settings.mode6) == GatewayMode::NatUnprotected;
    if (is_open && !target.network->is_internal() && !source.network->is_internal()) return arrive(target);
    return stop(Verdict::Drops,
                fmt::format("chain forward: {} is of network '{}', and only its published ports are reached "
                            "from network '{}'",
                            to.str(), target.network->name(), source.network->name()));
  }

  Result<void> from_host(const IpAddress& to) REQUIRES(state_.mutex) {
    const auto route = TRY(host_route(to));
    if (!route) return {};
    if (route->is_local) return arrive_at_host(to);
    if (const Place target = place_of_address(to); target.endpoint != nullptr) return arrive(target);
    return stop(Verdict::Unknown, fmt::format("{} is not an address of a network", to.str()));
  }

  Result<void> arrive_at_host(const IpAddress& to) REQUIRES(state_.mutex) {
    for (const auto& [key, sandbox] : state_.sandboxes)
      for (const PortRule& rule : sandbox.record.rules) {
        const bool is_meant = !rule.is_routed && rule.protocol == request_.protocol &&
                              rule.port == request_.port && rule.to.is_v4() == to.is_v4() &&
                              (rule.address == to || rule.address.is_unspecified());
        if (!is_meant) continue;
        pass(fmt::format("chain published: port {} of {} leads to {} port {}", rule.port, to.str(),
                         rule.to.str(), rule.to_port));
        port_ = rule.to_port;
        return arrive(place_of_address(rule.to));
      }
    return listened(fmt::format("{} is an address of the host", to.str()));
  }

  Result<void> arrive(const Place& target) REQUIRES(state_.mutex) {
    if (target.endpoint == nullptr) return stop(Verdict::Drops, "nobody has that address");
    TRY(port_of_bridge(target));
    if (is_over()) return {};
    where_ = sandbox_called(*target.endpoint);
    const UniqueFd ns = TRY(open_sandbox_namespace(state_.netns_path(target.endpoint->key)));
    return kernel::run_in_network_namespace(
        ns.get(), [&] { return listened(fmt::format("arrives by {}", target.endpoint->interface)); });
  }

  // In the namespace of the calling thread.
  Result<void> listened(const std::string& what) {
    const std::uint16_t port = port_.value_or(request_.port);
    if (request_.protocol != Protocol::Sctp && !has_listener(request_.protocol, port))
      return stop(Verdict::Drops,
                  fmt::format("{}; nobody listens at {} port {}", what, name_of(request_.protocol), port));
    return stop(Verdict::Passes, fmt::format("{}, to who listens at port {}", what, port));
  }

  State& state_;
  const TraceRequest& request_;
  std::vector<TraceStep> steps_;
  std::string where_;
  std::optional<IpAddress> next_hop_;
  std::optional<std::uint16_t> port_;  // after a translation
};

// The tracer's state is this one, which the analysis cannot know.
Result<std::vector<TraceStep>> Networks::trace(const TraceRequest& request) const NO_THREAD_SAFETY_ANALYSIS {
  State& state = *state_;
  MutexLock lock(state.mutex);
  if (!request.from.empty()) TRY(state.sandbox(request.from));
  return State::Tracer(state, request).run();
}

}  // namespace gantry::network
