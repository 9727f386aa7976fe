// SPDX-License-Identifier: Apache-2.0
#include "kube/control_plane/bootstrap.h"

#include <array>
#include <utility>

#include <fmt/format.h>

#include "kube/access/stock_roles.h"
#include "kube/control_plane/self.h"
#include "kube/fairness/stock_flows.h"
#include "kube/schema/catalog.h"

namespace gantry::kube {
namespace {

constexpr std::array<const char*, 4> kNamespaces = {"default", "kube-system", "kube-public",
                                                    "kube-node-lease"};

const Resource& resource_of(const json::Tree& object) {
  const std::string_view version = object.text_at("apiVersion");
  const std::size_t slash = version.find('/');
  const bool has_group = slash != std::string_view::npos;
  return *Catalog::built_in().find_kind(has_group ? version.substr(0, slash) : std::string_view(),
                                        has_group ? version.substr(slash + 1) : version,
                                        object.text_at("kind"));
}

ApiRequest request_for(Verb verb, const json::Tree& object) {
  return {.user = self(),
          .verb = verb,
          .resource = resource_of(object),
          .name_space = std::string(object.text_at("metadata", "namespace")),
          .name = verb == Verb::Create ? std::string() : std::string(object.text_at("metadata", "name")),
          .body = object,
          .user_agent = "gantry"};
}

// Another server may be at it, too.
Answer<void> create_if_missing(const Verbs& verbs, const ObjectSource& objects, const json::Tree& object) {
  const Resource& resource = resource_of(object);
  if (objects.get(resource.stored_as, object.text_at("metadata", "namespace"),
                  object.text_at("metadata", "name")))
    return {};
  auto created = verbs.run(request_for(Verb::Create, object));
  if (!created && created.error()->reason != "AlreadyExists") return std::move(created).error();
  return {};
}

json::Tree named(std::string_view version, std::string_view kind, std::string_view name) {
  json::Tree object;
  object.object()["apiVersion"] = version;
  object.object()["kind"] = kind;
  object.object()["metadata"].object()["name"] = name;
  return object;
}

json::Tree priority_class(std::string_view name, int value, std::string_view description) {
  json::Tree object = named("scheduling.k8s.io/v1", "PriorityClass", name);
  object.object()["value"] = value;
  object.object()["description"] = description;
  return object;
}

json::Tree port_of(std::uint16_t port) {
  json::TreeObject entry;
  entry["name"] = "https";
  entry["port"] = port;
  entry["protocol"] = "TCP";
  return entry;
}

json::Tree in_default(json::Tree object) {
  object.object()["metadata"].object()["namespace"] = "default";
  return object;
}

json::Tree labelled(json::Tree object, std::string_view label, std::string_view value) {
  object.object()["metadata"].object()["labels"].object()[label] = value;
  return object;
}

json::Tree kubernetes_service(const Endpoint& server) {
  json::Tree service = in_default(named("v1", "Service", "kubernetes"));
  json::TreeObject& spec = service.object()["spec"].object();
  json::Tree port = port_of(443);
  port.object()["targetPort"] = server.port;
  spec["clusterIP"] = server.service_address;
  spec["ports"].array().push_back(std::move(port));
  return labelled(labelled(std::move(service), "component", "apiserver"), "provider", "kubernetes");
}

json::Tree kubernetes_endpoints(const Endpoint& server) {
  json::Tree endpoints = in_default(named("v1", "Endpoints", "kubernetes"));
  json::TreeObject subset;
  json::TreeObject address;
  address["ip"] = server.address;
  subset["addresses"].array().emplace_back(std::move(address));
  subset["ports"].array().push_back(port_of(server.port));
  endpoints.object()["subsets"].array().emplace_back(std::move(subset));
  return labelled(std::move(endpoints), "endpointslice.kubernetes.io/skip-mirror", "true");
}

json::Tree kubernetes_slice(const Endpoint& server) {
  json::Tree slice = in_default(named("discovery.k8s.io/v1", "EndpointSlice", "kubernetes"));
  json::TreeObject endpoint;
  endpoint["addresses"].array().emplace_back(server.address);
  endpoint["conditions"].object()["ready"] = true;
  slice.object()["addressType"] = server.address.find(':') == std::string::npos ? "IPv4" : "IPv6";
  slice.object()["endpoints"].array().emplace_back(std::move(endpoint));
  slice.object()["ports"].array().push_back(port_of(server.port));
  return labelled(std::move(slice), "kubernetes.io/service-name", "kubernetes");
}

Answer<void> write_stock(const Verbs& verbs, const json::Tree& object) {
  const bool is_there = !object.text_at("metadata", "resourceVersion").empty();
  auto written = verbs.run(request_for(is_there ? Verb::Update : Verb::Create, object));
  // Another server was faster: it has written the same.
  if (!written && written.error()->code != 409) return std::move(written).error();
  return {};
}

}  // namespace

Answer<void> bootstrap(const Verbs& verbs, const ObjectSource& objects, const Endpoint& server) {
  for (const char* name : kNamespaces) TRY(create_if_missing(verbs, objects, named("v1", "Namespace", name)));
  TRY(create_if_missing(verbs, objects,
                        priority_class("system-cluster-critical", 2'000'000'000,
                                       "For pods that the cluster needs; they may move to another node.")));
  TRY(create_if_missing(verbs, objects,
                        priority_class("system-node-critical", 2'000'001'000,
                                       "For pods that their node needs, on that node.")));
  for (const StockObject& role : missing_stock_roles(objects)) TRY(write_stock(verbs, role.object));
  for (const StockObject& flow : missing_stock_flows(objects)) TRY(write_stock(verbs, flow.object));
  TRY(create_if_missing(verbs, objects, kubernetes_service(server)));
  // Of no use to pods, and no address that endpoints may have.
  const bool is_alone = server.address.starts_with("127.") || server.address == "::1";
  if (is_alone) return {};
  TRY(create_if_missing(verbs, objects, kubernetes_endpoints(server)));
  return create_if_missing(verbs, objects, kubernetes_slice(server));
}

Answer<void> update_quota(const Verbs& verbs, json::Tree quota) {
  quota.object()["apiVersion"] = "v1";
  quota.object()["kind"] = "ResourceQuota";
  ApiRequest request = request_for(Verb::Update, quota);
  request.subresource = "status";
  TRY(verbs.run(request));
  return {};
}

}  // namespace gantry::kube
