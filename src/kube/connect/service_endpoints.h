// SPDX-License-Identifier: Apache-2.0
//
// From a service to one of the addresses behind it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/json_tree.h"
#include "kube/api/object_source.h"

namespace gantry::kube {

struct ServiceEndpoint {
  std::string address;
  std::uint16_t port = 0;
};

// Those that are ready, by the service's Endpoints or, where there is no such object, its EndpointSlices.
// `port_name`: of the service's port.
std::vector<ServiceEndpoint> service_endpoints(const ObjectSource& objects, std::string_view name_space,
                                               std::string_view service, std::string_view port_name);

// One of them, at random; there must be some.
const ServiceEndpoint& any_of(const std::vector<ServiceEndpoint>& endpoints);

// The name of the port that has this number or this name; null: the service has none.
const json::Tree* find_service_port(const json::Tree& service, std::string_view port);

// Whether a proxy may go there: no loopback, link-local, multicast or unspecified address, and no name.
bool is_proxyable(const std::string& address);

}  // namespace gantry::kube
