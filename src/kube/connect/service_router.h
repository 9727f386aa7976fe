// SPDX-License-Identifier: Apache-2.0
//
// Where a service is that this server calls itself: a webhook, another API server. For any thread.
//
//   const ServiceRouter router(objects, ServiceRouting::Endpoints);
//   TRY(router.direct(request, {.name_space = "web", .name = "hook"}));     // https://hook.web.svc:443
//   auto answer = client.send(request);
#pragma once

#include <cstdint>
#include <string>

#include "base/error.h"
#include "base/json_tree.h"
#include "http/client.h"
#include "kube/api/object_source.h"

namespace gantry::kube {

enum class ServiceRouting : std::uint8_t {
  Endpoints,       // one of the addresses behind it: this host need not be one that services are routed on
  ClusterAddress,  // its own
};

// As configurations of webhooks and APIServices name it.
struct ServiceReference {
  std::string name_space, name;
  std::uint16_t port = 443;

  static ServiceReference from_tree(const json::Tree& reference);
  // The name in its certificate, wherever it is.
  std::string host() const;
};

class ServiceRouter {
 public:
  // `objects` outlives it.
  ServiceRouter(const ObjectSource& objects, ServiceRouting routing) : objects_(objects), routing_(routing) {}

  // The request goes there, by https; its path and query stay. NotFound: there is no such service or port of
  // it; Unavailable: it has no address.
  Result<void> direct(http::ClientRequest& request, const ServiceReference& service) const;

 private:
  struct Place {
    std::string host;
    std::uint16_t port = 0;
  };
  Result<Place> find(const ServiceReference& service) const;

  const ObjectSource& objects_;
  const ServiceRouting routing_;
};

}  // namespace gantry::kube
