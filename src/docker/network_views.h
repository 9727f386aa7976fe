// SPDX-License-Identifier: Apache-2.0
//
// A network as the Docker API shows it: NetworkSummary, and with its containers NetworkInspect.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "base/json_codec.h"
#include "docker/filters.h"
#include "network/networks.h"

namespace gantry::docker {

// EndpointResource.
struct NetworkMember {
  std::string name;
  std::string endpoint_id;
  std::string mac_address;
  std::string ipv4_address;  // with its prefix length, as the next
  std::string ipv6_address;
};
void fields(json::Fields& f, NetworkMember& member);

struct NetworkView {
  struct ConfigFrom {
    std::string network;
  };
  network::NetworkConfig config;
  std::string id;
  std::string created;  // RFC 3339
  std::string scope;
  ConfigFrom config_from;
  std::map<std::string, NetworkMember> containers;  // by id
};
void fields(json::Fields& f, NetworkView::ConfigFrom& from);
void fields(json::Fields& f, NetworkView& view);

enum class Members : std::uint8_t { Hide, Show };
NetworkView view_of(const network::Network& network, Members members);

// The filters of GET /networks.
class NetworkFilter {
 public:
  static Result<NetworkFilter> parse(std::string_view text);
  bool accepts(const network::Network& network) const;

 private:
  explicit NetworkFilter(Filters filters) : filters_(std::move(filters)) {}
  Filters filters_;
  std::optional<bool> dangling_;
};

}  // namespace gantry::docker
