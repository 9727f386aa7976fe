// SPDX-License-Identifier: Apache-2.0
#include "kube/aggregation/foreign_server.h"

#include <chrono>
#include <utility>

#include <fmt/format.h>

#include "base/base64.h"
#include "http/message.h"
#include "kube/aggregation/foreign_discovery.h"
#include "kube/api/stored_kinds.h"
#include "kube/connect/service_endpoints.h"

namespace gantry::kube {
namespace {

constexpr std::chrono::seconds kPatience{5};     // of a look
constexpr std::size_t kMostResources = 4 << 20;  // bytes of a list of them
constexpr std::size_t kMostIndex = 1 << 20;      // bytes
constexpr std::size_t kMostOpenApi = 16 << 20;   // bytes

http::ClientOptions client_options(const json::Tree& spec, const http::TlsIdentity& identity) {
  http::ClientOptions options;
  options.user_agent = "kube-aggregator";
  options.tls.identity = identity;
  const json::Tree* insecure = spec.find("insecureSkipTLSVerify");
  options.tls.verify = insecure == nullptr || !insecure->as_bool();
  if (const std::string_view bundle = spec.text_at("caBundle"); !bundle.empty()) {
    options.tls.trust_system = false;
    // What is no base64 trusts nobody: looks then fail and say so.
    options.tls.ca_certificates = from_base64(bundle).value_or(std::string(bundle));
  }
  return options;
}

const json::Tree& spec_of(const json::Tree& api_service) {
  static const json::Tree kNone;
  const json::Tree* spec = api_service.find("spec");
  return spec == nullptr ? kNone : *spec;
}

bool is_external(const json::Tree& service) { return service.text_at("spec", "type") == "ExternalName"; }

}  // namespace

ForeignServer::ForeignServer(const json::Tree& api_service, const http::TlsIdentity& identity)
    : group_(api_service.text_at("spec", "group")),
      version_(api_service.text_at("spec", "version")),
      service_(ServiceReference::from_tree(*api_service.find("spec", "service"))),
      client_(client_options(spec_of(api_service), identity)) {}

Availability ForeignServer::check_service(const ObjectSource& objects) const {
  const auto& [name_space, name, number] = service_;
  const auto service = objects.get(stored::kServices, name_space, name);
  if (!service)
    return {false, "ServiceNotFound", fmt::format("service/{} in \"{}\" is not present", name, name_space)};
  if (is_external(*service)) return {true, {}, {}};
  const json::Tree* port = find_service_port(*service, std::to_string(number));
  if (port == nullptr)
    return {false, "ServicePortError",
            fmt::format("service/{} in \"{}\" is not listening on port {}", name, name_space, number)};
  const std::string_view port_name = port->text_at("name");
  if (service_endpoints(objects, name_space, name, port_name).empty())
    return {false, "MissingEndpoints",
            fmt::format("endpoints for service/{} in \"{}\" have no addresses with port name \"{}\"", name,
                        name_space, port_name)};
  return {true, {}, {}};
}

Result<http::ClientResponse> ForeignServer::send(http::ClientRequest request,
                                                 const ServiceRouter& services) const {
  TRY(services.direct(request, service_));
  return client_.send(request);
}

Result<http::ClientResponse> ForeignServer::get(const ServiceRouter& services, std::string path,
                                                std::string_view tag, http::Stream::Time deadline) const {
  http::ClientRequest request{.url = {.path = std::move(path)}};
  request.headers.set("Accept", "application/json");
  request.headers.set("X-Remote-User", "system:kube-aggregator");
  request.headers.set("X-Remote-Group", "system:masters");
  if (!tag.empty()) request.headers.set("If-None-Match", std::string(tag));
  request.deadline = deadline;
  return send(std::move(request), services);
}

Result<std::string> ForeignServer::read(const ServiceRouter& services, std::string path, std::size_t most,
                                        http::Stream::Time deadline) const {
  auto answer = TRY(get(services, std::move(path), {}, deadline));
  if (!answer.is_success())
    return error(http::code_of_status(answer.status()), "bad status: {}", answer.status());
  return answer.read_body(most);
}

// It describes all that it has, so that it is long: it is sent again only when it is another one. What cannot
// be read stays as it was.
void ForeignServer::ask_openapi_v2(Answer& answer, const Answer& before, const ServiceRouter& services,
                                   http::Stream::Time deadline) const {
  answer.openapi_v2 = before.openapi_v2;
  answer.openapi_v2_tag = before.openapi_v2_tag;
  auto said = get(services, "/openapi/v2", before.openapi_v2_tag, deadline);
  if (!said || said->status() == 304) return;
  if (said->status() == 404) answer.openapi_v2 = nullptr;
  if (!said->is_success()) return;
  auto text = said->read_body(kMostOpenApi);
  if (!text) return;
  answer.openapi_v2_tag = std::string(said->headers().get("ETag").value_or(""));
  if (before.openapi_v2 == nullptr || *before.openapi_v2 != *text)
    answer.openapi_v2 = std::make_shared<const std::string>(*std::move(text));
}

ForeignServer::Answer ForeignServer::ask(const ObjectSource& objects, const ServiceRouter& services,
                                         const Answer& before) const {
  Answer answer{.availability = check_service(objects)};
  if (!answer.availability.is_available) return answer;
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  const std::string path = fmt::format("/apis/{}/{}", group_, version_);
  const auto fail = [&](const Error& failure) {
    answer.availability = {false, "FailedDiscoveryCheck",
                           fmt::format("failing or missing response from https://{}:{}{}: {}",
                                       service_.host(), service_.port, path, failure.message())};
    return answer;
  };
  auto list = read(services, path, kMostResources, deadline);
  if (!list) return fail(list.error());
  auto resources = resources_of(*std::move(list), group_, version_);
  if (!resources) return fail(resources.error());
  answer.resources = *std::move(resources);
  if (auto index = read(services, "/openapi/v3", kMostIndex, deadline))
    answer.openapi_hash = openapi_hash(*std::move(index), group_, version_);
  ask_openapi_v2(answer, before, services, deadline);
  answer.availability = {true, "Passed", "all checks passed"};
  return answer;
}

}  // namespace gantry::kube
