// SPDX-License-Identifier: Apache-2.0
//
// Requests on subresources that lead out of the API server: pods/log, exec, attach, portforward and proxy,
// services/proxy, nodes/proxy
// (https://kubernetes.io/docs/concepts/architecture/control-plane-node-communication/). Whether the user may
// was decided before. For any thread.
//
//   if (Connector::leads_out(resource, subresource)) return connector.connect({...});
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "http/client.h"
#include "http/server.h"
#include "http/stream_loop.h"
#include "kube/api/object_source.h"
#include "kube/api/status.h"
#include "kube/connect/node_agents.h"
#include "kube/connect/spdy_bridge.h"
#include "kube/connect/target_name.h"

namespace gantry::kube {

struct ConnectRequest {
  http::Request& request;
  http::ResponseWriter& response;
  const http::Query& query;
  std::string_view resource, subresource, name_space, name;
  std::string_view rest;  // of the path, behind "proxy", as it was sent: "", "/", "/a%2Fb"
};

class Connector {
 public:
  // All of them outlive it.
  struct Parts {
    const ObjectSource& objects;
    const NodeAgents& agents;
    http::StreamLoop& loop;
  };
  explicit Connector(const Parts& parts);

  // Of the core group.
  static bool leads_out(std::string_view resource, std::string_view subresource);
  // Of those, the ones that change what runs although a WebSocket is asked for by GET: who wants one must be
  // allowed to create it, too.
  static bool is_session(std::string_view subresource);

  // The answer's status, once its head is sent. A stream goes on when this returns.
  Answer<int> connect(const ConnectRequest& request) const;

 private:
  struct Place {
    http::Url url;
    std::shared_ptr<http::Client> client;
  };

  Answer<int> show_log(const ConnectRequest& request, const json::Tree& pod) const;
  Answer<int> open_session(const ConnectRequest& request, const json::Tree& pod) const;
  Answer<int> open_bridge(const ConnectRequest& request, SpdyBridge bridge, http::ClientRequest forwarded,
                          http::Client& client) const;

  Answer<int> proxy(const ConnectRequest& request) const;
  Result<void> pass_on_proxied(const ConnectRequest& request, const http::Url& asked,
                               http::ClientResponse answer) const;
  Answer<Place> place_of(const ConnectRequest& request) const;
  Answer<Place> place_of_pod(const ConnectRequest& request, const TargetName& target) const;
  Answer<Place> place_of_service(const ConnectRequest& request, const TargetName& target) const;
  Answer<Place> place_of_node(const ConnectRequest& request, const TargetName& target) const;
  Place place_at(const TargetName& target, std::string host, std::string_view port) const;

  const Parts parts_;
  const std::shared_ptr<http::Client> anywhere_;  // pods and services: nobody vouches for their certificates
};

}  // namespace gantry::kube
