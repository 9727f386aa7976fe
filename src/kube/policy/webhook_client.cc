// SPDX-License-Identifier: Apache-2.0
#include "kube/policy/webhook_client.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "base/base64.h"

namespace gantry::kube {
namespace {

constexpr std::size_t kToldOfAnError = 256;  // bytes of what a server says of it

// https://service.namespace.svc:443/path, whatever its address is: that is the name in its certificate.
Result<http::Url> url_of(const json::Tree& config) {
  const json::Tree* service = config.find("service");
  if (service == nullptr || service->is_null()) return http::Url::parse(config.text_at("url"));
  const json::Tree* port = service->find("port");
  return http::Url::parse(
      fmt::format("https://{}.{}.svc:{}/{}", service->text_at("name"), service->text_at("namespace"),
                  port == nullptr ? 443 : port->as_int64().value_or(443),
                  service->text_at("path").substr(service->text_at("path").starts_with('/') ? 1 : 0)));
}

std::unique_ptr<http::Client> client_for(const json::Tree& config, std::string user_agent) {
  http::ClientOptions options;
  options.user_agent = std::move(user_agent);
  if (const std::string_view bundle = config.text_at("caBundle"); !bundle.empty()) {
    options.tls.trust_system = false;
    // What is no base64 trusts nobody: calls then fail and say so.
    options.tls.ca_certificates = from_base64(bundle).value_or(std::string(bundle));
  }
  return std::make_unique<http::Client>(std::move(options));
}

}  // namespace

WebhookClient::WebhookClient(const json::Tree& config, std::chrono::seconds timeout, std::string user_agent)
    : timeout_(timeout), url_(url_of(config)), client_(client_for(config, std::move(user_agent))) {
  if (const json::Tree* service = config.find("service"); service != nullptr && !service->is_null())
    service_ = Service{std::string(service->text_at("namespace")), std::string(service->text_at("name"))};
}

Result<std::string> WebhookClient::post(std::string review, const std::string& query, std::size_t most,
                                        const ObjectSource& objects) const {
  if (!url_) return error(Code::InvalidArgument, "{}", url_.error().message());
  http::ClientRequest request{.method = "POST", .url = *url_};
  if (!query.empty()) request.url.query = query;
  request.headers.set("Content-Type", "application/json");
  request.headers.set("Accept", "application/json");
  request.deadline = std::chrono::steady_clock::now() + timeout_;
  request.body = std::move(review);
  if (service_) request.connect_host = TRY(host_of(*service_, request.url.effective_port(), objects));
  auto response = TRY(client_->send(request));
  std::string text = TRY(response.read_body(most));
  if (!response.is_success())
    return error(Code::Unavailable, "the server answered {}: {}", response.status(),
                 std::string_view(text).substr(0, kToldOfAnError));
  return text;
}

// The service's address: this host need not know the cluster's names.
Result<std::string> WebhookClient::host_of(const Service& service, std::uint16_t port,
                                           const ObjectSource& objects) const {
  const auto found = objects.get("services", service.name_space, service.name);
  if (!found) return error(Code::NotFound, "service \"{}\" not found", service.name);
  if (found->text_at("spec", "type") == "ExternalName")
    return std::string(found->text_at("spec", "externalName"));
  const json::Tree* ports = found->find("spec", "ports");
  const bool has_port = ports != nullptr && std::ranges::any_of(ports->array(), [&](const json::Tree& one) {
                          const json::Tree* number = one.find("port");
                          return number != nullptr && number->as_int64() == std::int64_t{port};
                        });
  if (!has_port)
    return error(Code::NotFound, "no service port {} found for service \"{}\"", port, service.name);
  const std::string_view address = found->text_at("spec", "clusterIP");
  if (address.empty() || address == "None")
    return error(Code::Unavailable, "service \"{}\" has no address", service.name);
  return std::string(address);
}

}  // namespace gantry::kube
