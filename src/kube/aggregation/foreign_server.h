// SPDX-License-Identifier: Apache-2.0
//
// The server of one APIService: where it is, whether it can be reached, what it serves. For any thread.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/json_tree.h"
#include "http/client.h"
#include "kube/api/object_source.h"
#include "kube/connect/service_router.h"

namespace gantry::kube {

// The condition Available.
struct Availability {
  bool is_available = false;
  std::string reason, message;
  friend bool operator==(const Availability&, const Availability&) = default;
};

class ForeignServer {
 public:
  // Of an APIService that names a service. `identity`: with which this server says who asks.
  ForeignServer(const json::Tree& api_service, const http::TlsIdentity& identity);

  const std::string& group() const { return group_; }
  const std::string& version() const { return version_; }

  // Whether its service is there with an address behind it. Asks nobody.
  Availability check_service(const ObjectSource& objects) const;

  struct Answer {
    Availability availability;
    std::string resources;                          // as views::ForeignVersion has them
    std::string openapi_hash;                       // of its OpenAPI 3; empty: it has none
    std::shared_ptr<const std::string> openapi_v2;  // null: it has none
    std::string openapi_v2_tag;  // by which it knows whether that is another one; may be empty
  };
  // What it says of its group and version; blocks for some seconds at most. `before`: what it said last.
  Answer ask(const ObjectSource& objects, const ServiceRouter& services, const Answer& before) const;

  // `request` goes to where it is now; its path and query stay.
  Result<http::ClientResponse> send(http::ClientRequest request, const ServiceRouter& services) const;

 private:
  void ask_openapi_v2(Answer& answer, const Answer& before, const ServiceRouter& services,
                      http::Stream::Time deadline) const;
  Result<http::ClientResponse> get(const ServiceRouter& services, std::string path, std::string_view tag,
                                   http::Stream::Time deadline) const;
  Result<std::string> read(const ServiceRouter& services, std::string path, std::size_t most,
                           http::Stream::Time deadline) const;

  std::string group_, version_;
  ServiceReference service_;
  mutable http::Client client_;
};

}  // namespace gantry::kube
