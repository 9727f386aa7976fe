// SPDX-License-Identifier: Apache-2.0
#include "kube/connect/service_router.h"

#include <utility>
#include <vector>

#include <fmt/format.h>

#include "kube/api/stored_kinds.h"
#include "kube/connect/service_endpoints.h"

namespace gantry::kube {

ServiceReference ServiceReference::from_tree(const json::Tree& reference) {
  ServiceReference service{.name_space = std::string(reference.text_at("namespace")),
                           .name = std::string(reference.text_at("name"))};
  if (const json::Tree* port = reference.find("port"))
    service.port = static_cast<std::uint16_t>(port->as_int64().value_or(service.port));
  return service;
}

std::string ServiceReference::host() const { return fmt::format("{}.{}.svc", name, name_space); }

Result<ServiceRouter::Place> ServiceRouter::find(const ServiceReference& service) const {
  const auto found = objects_.get(stored::kServices, service.name_space, service.name);
  if (!found) return error(Code::NotFound, "service \"{}\" not found", service.name);
  if (found->text_at("spec", "type") == "ExternalName")
    return Place{std::string(found->text_at("spec", "externalName")), service.port};
  const json::Tree* port = find_service_port(*found, std::to_string(service.port));
  if (port == nullptr)
    return error(Code::NotFound, "no service port {} found for service \"{}\"", service.port, service.name);
  if (routing_ == ServiceRouting::ClusterAddress) {
    const std::string_view address = found->text_at("spec", "clusterIP");
    if (address.empty() || address == "None")
      return error(Code::Unavailable, "service \"{}\" has no address", service.name);
    return Place{std::string(address), service.port};
  }
  const std::vector<ServiceEndpoint> endpoints =
      service_endpoints(objects_, service.name_space, service.name, port->text_at("name"));
  if (endpoints.empty())
    return error(Code::Unavailable, "no endpoints available for service \"{}\"", service.name);
  const ServiceEndpoint& endpoint = any_of(endpoints);
  return Place{endpoint.address, endpoint.port};
}

Result<void> ServiceRouter::direct(http::ClientRequest& request, const ServiceReference& service) const {
  Place place = TRY(find(service));
  request.url.scheme = "https";
  request.url.host = service.host();
  request.url.port = place.port;
  request.connect_host = std::move(place.host);
  return {};
}

}  // namespace gantry::kube
