// SPDX-License-Identifier: Apache-2.0
#include "docker/network_views.h"

namespace gantry::docker {

using json::Presence;
using network::Network;

void fields(json::Fields& f, NetworkMember& member) {
  f("Name", member.name, Presence::Always);
  f("EndpointID", member.endpoint_id, Presence::Always);
  f("MacAddress", member.mac_address, Presence::Always);
  f("IPv4Address", member.ipv4_address, Presence::Always);
  f("IPv6Address", member.ipv6_address, Presence::Always);
}

void fields(json::Fields& f, NetworkView::ConfigFrom& from) { f("Network", from.network, Presence::Always); }

void fields(json::Fields& f, NetworkView& view) {
  f("Id", view.id, Presence::Always);
  f("Created", view.created, Presence::Always);
  f("Scope", view.scope, Presence::Always);
  fields(f, view.config);
  f("ConfigFrom", view.config_from, Presence::Always);
  f("Containers", view.containers, Presence::Always);
}

static std::string with_prefix(const std::string& address, std::int64_t length) {
  return address.empty() ? std::string() : fmt::format("{}/{}", address, length);
}

static NetworkMember member_of(const network::Endpoint& endpoint) {
  const network::EndpointSettings& settings = endpoint.settings;
  return {.name = endpoint.container_name,
          .endpoint_id = settings.endpoint_id,
          .mac_address = settings.mac_address,
          .ipv4_address = with_prefix(settings.ip_address, settings.ip_prefix_len),
          .ipv6_address = with_prefix(settings.global_ipv6_address, settings.global_ipv6_prefix_len)};
}

NetworkView view_of(const Network& network, Members members) {
  NetworkView view{.config = network.config,
                   .id = network.id,
                   .created = network.created,
                   .scope = std::string(network.scope())};
  if (members == Members::Show)
    for (const network::Endpoint& endpoint : network.endpoints)
      view.containers.emplace(endpoint.container_id, member_of(endpoint));
  return view;
}

Result<NetworkFilter> NetworkFilter::parse(std::string_view text) {
  NetworkFilter filter(
      TRY(Filters::parse(text, {"dangling", "driver", "id", "label", "name", "scope", "type"})));
  for (const std::string& type : filter.filters_.values("type"))
    if (type != "builtin" && type != "custom")
      return error(Code::InvalidArgument, "invalid filter: 'type'='{}'", type);
  if (filter.filters_.has("dangling")) filter.dangling_ = TRY(filter.filters_.flag("dangling", true));
  return filter;
}

bool NetworkFilter::accepts(const Network& network) const {
  const bool is_dangling = network.endpoints.empty() && !network.is_predefined();
  return (!dangling_ || *dangling_ == is_dangling) &&  //
         filters_.matches("driver", network.config.driver) && filters_.matches("scope", network.scope()) &&
         filters_.matches("type", network.is_predefined() ? "builtin" : "custom") &&
         filters_.matches_pattern("id", network.id) &&
         filters_.matches_pattern("name", network.config.name) &&
         filters_.matches_labels(network.config.labels);
}

}  // namespace gantry::docker
