// SPDX-License-Identifier: Apache-2.0
#include "kube/connect/connector.h"

#include <charconv>
#include <chrono>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "base/trim.h"
#include "http/forward.h"
#include "http/relay.h"
#include "http/websocket_handshake.h"
#include "kube/api/stored_kinds.h"
#include "kube/api/tree_lists.h"
#include "kube/connect/pod_streams.h"
#include "kube/connect/proxied_headers.h"
#include "kube/connect/proxied_pages.h"
#include "kube/connect/query_flag.h"
#include "kube/connect/service_endpoints.h"

namespace gantry::kube {
namespace {

constexpr std::chrono::seconds kConnectTimeout{10};  // to pods and services
constexpr std::size_t kWords = 50'000;               // bytes of an agent's words about what went wrong

std::shared_ptr<http::Client> client_for_anywhere() {
  http::ClientOptions options;
  options.user_agent = "kube-apiserver";
  options.connect_timeout = kConnectTimeout;
  options.tls.trust_system = false;
  options.tls.verify = false;
  return std::make_shared<http::Client>(std::move(options));
}

std::optional<std::uint16_t> port_number(std::string_view text) {
  std::uint16_t port = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (failed != std::errc{} || end != text.data() + text.size() || port == 0) return std::nullopt;
  return port;
}

Status cannot_dial(const Error& failure) {
  return internal_error(fmt::format("error dialing backend: {}", failure.message()));
}

// What an agent says instead of a log.
Status refusal_of(http::ClientResponse& answer, std::string_view pod) {
  auto read = answer.read_body(kWords);
  const std::string words(trimmed(read ? *read : read.error().message()));
  switch (answer.status()) {
    case 400: return bad_request(words);
    case 500: return internal_error(words);
    case 404: {
      Status status = not_found({"", "pods/log"}, pod);
      status->message =
          fmt::format("the server could not find the requested resource ( pods/log {}): {}", pod, words);
      return status;
    }
    default: break;
  }
  Status status = internal_error(fmt::format("the node's agent answered {}: {}", answer.status(), words));
  status->code = answer.status() < 400 ? 502 : answer.status();
  return status;
}

std::string pod_address(const json::Tree& pod) {
  const json::Tree* status = pod.find("status");
  if (status == nullptr) return {};
  const json::TreeArray& all = list_of(*status, "podIPs");
  return std::string(all.empty() ? status->text_at("podIP") : all.front().text_at("ip"));
}

// The first port that one of its containers declares.
std::string declared_port(const json::Tree& pod) {
  const json::Tree* spec = pod.find("spec");
  if (spec == nullptr) return {};
  for (const json::Tree& container : list_of(*spec, "containers"))
    for (const json::Tree& port : list_of(container, "ports"))
      if (const json::Tree* number = port.find("containerPort"); number != nullptr)
        return std::to_string(number->as_int64().value_or(0));
  return {};
}

}  // namespace

Connector::Connector(const Parts& parts) : parts_(parts), anywhere_(client_for_anywhere()) {}

bool Connector::is_session(std::string_view subresource) {
  return subresource == "exec" || subresource == "attach" || subresource == "portforward";
}

bool Connector::leads_out(std::string_view resource, std::string_view subresource) {
  if (resource == "pods" && (subresource == "log" || is_session(subresource))) return true;
  return subresource == "proxy" && (resource == "pods" || resource == "services" || resource == "nodes");
}

Answer<int> Connector::connect(const ConnectRequest& request) const {
  if (request.subresource == "proxy") return proxy(request);
  const auto pod = parts_.objects.get(stored::kPods, request.name_space, request.name);
  if (!pod) return not_found({"", "pods"}, request.name);
  return request.subresource == "log" ? show_log(request, *pod) : open_session(request, *pod);
}

// ---- Logs and sessions

Answer<int> Connector::show_log(const ConnectRequest& request, const json::Tree& pod) const {
  const AgentTarget target = TRY(agent_target(pod, "log", request.query));
  request.response.headers.set("Content-Type", "text/plain");
  const std::string_view node = pod.text_at("spec", "nodeName");
  if (node.empty()) {
    TRY(request.response.send(200));  // nothing has run yet, so nothing was said
    return 200;
  }
  const NodeAgent agent = TRY(parts_.agents.find(node));
  const auto client = parts_.agents.client(is_true(request.query, "insecureSkipTLSVerifyBackend")
                                               ? NodeAgents::Check::Nothing
                                               : NodeAgents::Check::AsConfigured);
  auto answer = client->send({.url = agent.url(target.path, target.query)});
  if (!answer) return internal_error(answer.error().message());
  if (!answer->is_success()) return refusal_of(*answer, request.name);
  TRY(http::pass_on_body(std::move(*answer), request.request, request.response, parts_.loop));
  return 200;
}

Answer<int> Connector::open_session(const ConnectRequest& request, const json::Tree& pod) const {
  AgentTarget target = TRY(agent_target(pod, request.subresource, request.query));
  const std::string_view node = pod.text_at("spec", "nodeName");
  if (node.empty()) return bad_request(fmt::format("pod {} does not have a host assigned", request.name));
  const NodeAgent agent = TRY(parts_.agents.find(node));
  if (http::wanted_upgrade(request.request.headers()).empty()) return bad_request("Upgrade request required");
  auto bridge = agent.takes_tunnels
                    ? std::nullopt
                    : spdy_bridge(request.request.headers(), request.subresource, target.query);
  http::ClientRequest forwarded =
      http::forwarded_request(request.request, agent.url(std::move(target.path), target.query));
  remove_credentials(forwarded.headers);
  const auto client = parts_.agents.client(NodeAgents::Check::AsConfigured);
  if (bridge) return open_bridge(request, *std::move(bridge), std::move(forwarded), *client);
  auto answer = client->send(forwarded);
  if (!answer) return cannot_dial(answer.error());
  const int status = answer->status();
  TRY(http::pass_on(std::move(*answer), request.request, request.response, parts_.loop));
  return status;
}

// The client's WebSocket ends here.
Answer<int> Connector::open_bridge(const ConnectRequest& request, SpdyBridge bridge,
                                   http::ClientRequest forwarded, http::Client& client) const {
  const auto acceptance = TRY(http::accept_websocket(request.request.head(), {bridge.socket_protocol}));
  ask_for_spdy(forwarded, bridge.stream_protocol);
  auto answer = client.send(forwarded);
  if (!answer) return cannot_dial(answer.error());
  const int status = answer->status();
  if (status != 101) {
    TRY(http::pass_on(std::move(*answer), request.request, request.response, parts_.loop));
    return status;
  }
  http::Stream agent = TRY(std::move(*answer).take_stream());
  for (const http::Header& header : acceptance.headers)
    request.response.headers.set(header.name, header.value);
  http::Stream stream = TRY(request.response.hijack(101));
  TRY(http::relay(parts_.loop, std::move(stream), std::move(agent), std::move(bridge.interpreter)));
  return status;
}

// ---- Proxies

Answer<int> Connector::proxy(const ConnectRequest& request) const {
  const http::RequestHead& head = request.request.head();
  if (request.rest.empty()) {
    // So that relative links of what is behind it lead to where they should.
    const std::string query = head.query().empty() ? "" : fmt::format("?{}", head.query());
    request.response.headers.set("Location", fmt::format("{}/{}", head.path(), query));
    TRY(request.response.send(301));
    return 301;
  }
  Place place = TRY(place_of(request));
  place.url.path = request.rest;
  if (!head.query().empty()) place.url.query = head.query();
  http::ClientRequest forwarded = http::forwarded_request(request.request, std::move(place.url));
  remove_credentials(forwarded.headers);
  add_forwarded(forwarded.headers, request.request);
  if (wants_pages(forwarded.headers)) forwarded.headers.set("Accept-Encoding", "identity");
  auto answer = place.client->send(forwarded);
  if (!answer) return unavailable(fmt::format("error trying to reach service: {}", answer.error().message()));
  const int status = answer->status();
  TRY(pass_on_proxied(request, forwarded.url, std::move(*answer)));
  return status;
}

Result<void> Connector::pass_on_proxied(const ConnectRequest& request, const http::Url& asked,
                                        http::ClientResponse answer) const {
  http::HeaderMap& headers = request.response.headers;
  http::pass_on_fields(answer, request.response);
  remove_permissions_of_origins(headers);
  const std::string_view path = request.request.path();
  const ProxiedLinks links{.prefix = std::string(path.substr(0, path.size() - request.rest.size())),
                           .asked = asked,
                           .host = std::string(request.request.headers().get_or("Host", ""))};
  if (std::string location = links.change(headers.get_or("Location", "")); !location.empty())
    headers.set("Location", std::move(location));
  if (!is_page(answer) || request.request.method() == "HEAD")
    return http::pass_on_rest(std::move(answer), request.request, request.response, parts_.loop);
  headers.remove("Content-Encoding");
  const int status = answer.status();
  return request.response.stream(status, page_frames(parts_.loop, std::move(answer), links));
}

Answer<Connector::Place> Connector::place_of(const ConnectRequest& request) const {
  if (request.resource == "pods") return place_of_pod(request, TRY(TargetName::parse(request.name, "pod")));
  if (request.resource == "nodes")
    return place_of_node(request, TRY(TargetName::parse(request.name, "node")));
  return place_of_service(request, TRY(TargetName::parse(request.name, "service")));
}

Connector::Place Connector::place_at(const TargetName& target, std::string host,
                                     std::string_view port) const {
  http::Url url{.scheme = target.scheme.empty() ? "http" : target.scheme, .host = std::move(host)};
  url.port = port_number(port);
  return {std::move(url), anywhere_};
}

Answer<Connector::Place> Connector::place_of_pod(const ConnectRequest& request,
                                                 const TargetName& target) const {
  const auto pod = parts_.objects.get(stored::kPods, request.name_space, target.name);
  if (!pod) return not_found({"", "pods"}, target.name);
  std::string address = pod_address(*pod);
  if (!is_proxyable(address)) return bad_request("address not allowed");
  const std::string port = target.port.empty() ? declared_port(*pod) : target.port;
  if (!port.empty() && !port_number(port)) return bad_request(fmt::format("\"{}\" is no port", port));
  return place_at(target, std::move(address), port);
}

Answer<Connector::Place> Connector::place_of_service(const ConnectRequest& request,
                                                     const TargetName& target) const {
  const auto service = parts_.objects.get(stored::kServices, request.name_space, target.name);
  if (!service) return not_found({"", "services"}, target.name);
  const json::Tree* port = find_service_port(*service, target.port);
  const std::string_view port_name = port == nullptr ? std::string_view(target.port) : port->text_at("name");
  const auto endpoints = service_endpoints(parts_.objects, request.name_space, target.name, port_name);
  if (endpoints.empty())
    return unavailable(fmt::format("no endpoints available for service \"{}\"", target.name));
  const ServiceEndpoint& endpoint = any_of(endpoints);
  if (!is_proxyable(endpoint.address)) return bad_request("address not allowed");
  return place_at(target, endpoint.address, std::to_string(endpoint.port));
}

Answer<Connector::Place> Connector::place_of_node(const ConnectRequest& request,
                                                  const TargetName& target) const {
  (void)request;
  const NodeAgent agent = TRY(parts_.agents.find(target.name));
  if (target.port.empty() || target.port == std::to_string(agent.port))
    return Place{agent.url("/", {}), parts_.agents.client(NodeAgents::Check::AsConfigured)};
  if (!port_number(target.port)) return bad_request(fmt::format("\"{}\" is no port", target.port));
  if (!is_proxyable(agent.host)) return bad_request("address not allowed");
  return place_at(target, agent.host, target.port);
}

}  // namespace gantry::kube
