// SPDX-License-Identifier: Apache-2.0
#include "kube/policy/webhook_client.h"

#include <utility>

#include <fmt/format.h>

#include "base/base64.h"

namespace gantry::kube {
namespace {

constexpr std::size_t kToldOfAnError = 256;  // bytes of what a server says of it

const json::Tree* service_in(const json::Tree& config) {
  const json::Tree* service = config.find("service");
  return service == nullptr || service->is_null() ? nullptr : service;
}

// Of a service the path alone: where it is shows itself at each call.
Result<http::Url> url_of(const json::Tree& config) {
  const json::Tree* service = service_in(config);
  if (service == nullptr) return http::Url::parse(config.text_at("url"));
  const std::string_view path = service->text_at("path");
  return http::Url::parse(fmt::format("https://{}/{}", ServiceReference::from_tree(*service).host(),
                                      path.substr(path.starts_with('/') ? 1 : 0)));
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
  if (const json::Tree* service = service_in(config)) service_ = ServiceReference::from_tree(*service);
}

Result<std::string> WebhookClient::post(std::string review, const std::string& query, std::size_t most,
                                        const ServiceRouter& services) const {
  if (!url_) return error(Code::InvalidArgument, "{}", url_.error().message());
  http::ClientRequest request{.method = "POST", .url = *url_};
  if (!query.empty()) request.url.query = query;
  request.headers.set("Content-Type", "application/json");
  request.headers.set("Accept", "application/json");
  request.deadline = std::chrono::steady_clock::now() + timeout_;
  request.body = std::move(review);
  if (service_) TRY(services.direct(request, *service_));
  auto response = TRY(client_->send(request));
  std::string text = TRY(response.read_body(most));
  if (!response.is_success())
    return error(Code::Unavailable, "the server answered {}: {}", response.status(),
                 std::string_view(text).substr(0, kToldOfAnError));
  return text;
}

}  // namespace gantry::kube
