// SPDX-License-Identifier: Apache-2.0
#include "kube/policy/webhook.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/base64.h"
#include "base/random.h"

namespace gantry::kube::admission {
namespace {

constexpr std::size_t kAnswerBytes = 8 << 20;

const json::Tree& member(const json::Tree& tree, std::string_view key) {
  static const json::Tree kNone;
  const json::Tree* found = tree.find(key);
  return found == nullptr ? kNone : *found;
}

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

std::unique_ptr<http::Client> client_for(const json::Tree& config) {
  http::ClientOptions options;
  options.user_agent = "kube-apiserver-admission";
  if (const std::string_view bundle = config.text_at("caBundle"); !bundle.empty()) {
    options.tls.trust_system = false;
    // What is no base64 trusts nobody: calls then fail and say so.
    options.tls.ca_certificates = from_base64(bundle).value_or(std::string(bundle));
  }
  return std::make_unique<http::Client>(std::move(options));
}

std::string first_known_version(const json::Tree& versions) {
  for (const json::Tree& version : versions.array())
    if (version.as_string() == "v1" || version.as_string() == "v1beta1")
      return std::string(version.as_string());
  return "";
}

}  // namespace

Webhook::Webhook(std::string configuration, const json::Tree& webhook)
    : configuration_(std::move(configuration)),
      name_(webhook.text_at("name")),
      match_(RequestMatch::from_tree(webhook, "rules")),
      conditions_(webhook.find("matchConditions"), false),
      fails_closed_(webhook.text_at("failurePolicy") != "Ignore"),
      is_reinvoked_(webhook.text_at("reinvocationPolicy") == "IfNeeded"),
      supports_dry_run_(webhook.text_at("sideEffects") == "None" ||
                        webhook.text_at("sideEffects") == "NoneOnDryRun"),
      timeout_(std::clamp<std::int64_t>(member(webhook, "timeoutSeconds").as_int64().value_or(10), 1, 30)),
      version_(first_known_version(member(webhook, "admissionReviewVersions"))),
      url_(url_of(member(webhook, "clientConfig"))),
      client_(client_for(member(webhook, "clientConfig"))) {
  if (const json::Tree* service = webhook.find("clientConfig", "service");
      service != nullptr && !service->is_null())
    service_ = Service{std::string(service->text_at("namespace")), std::string(service->text_at("name"))};
}

Answer<const Resource*> Webhook::wants(const AdmissionRequest& request, const ObjectSource& objects,
                                       const cel::Authorizer& authorizer) const {
  if (!match_) return internal_error(match_.error()->message);
  const Resource* as = TRY(match_->find(request, objects));
  if (as == nullptr || conditions_.is_empty()) return as;
  const RequestView view(request, *as);
  RequestValues values(view, objects, authorizer, nullptr, false);
  const auto holds = conditions_.hold(values);
  if (holds) return *holds ? as : nullptr;
  if (fails_closed_) return request.forbidden(holds.error().message());
  return nullptr;
}

Result<ReviewAnswer> Webhook::call(const RequestView& view, const ObjectSource& objects,
                                   bool may_patch) const {
  if (version_.empty())
    return error(Code::Unsupported, "webhook does not accept known AdmissionReview versions (v1, v1beta1)");
  const std::string uid = random_uuid();
  http::ClientRequest request = TRY_DURING(request_to(objects), "failed to call webhook");
  request.body = review_of(view, uid, version_);
  auto response = TRY_DURING(client_->send(request), "failed to call webhook");
  std::string text = TRY_DURING(response.read_body(kAnswerBytes), "failed to call webhook");
  if (!response.is_success())
    return error(Code::Unavailable, "failed to call webhook: the server answered {}: {}", response.status(),
                 std::string_view(text).substr(0, 256));
  return TRY_DURING(read_answer(std::move(text), uid, version_, may_patch),
                    "received invalid webhook response");
}

Result<http::ClientRequest> Webhook::request_to(const ObjectSource& objects) const {
  if (!url_) return error(Code::InvalidArgument, "{}", url_.error().message());
  http::ClientRequest request{.method = "POST", .url = *url_};
  request.url.query = fmt::format("timeout={}s", timeout_.count());
  request.headers.set("Content-Type", "application/json");
  request.headers.set("Accept", "application/json");
  request.deadline = std::chrono::steady_clock::now() + timeout_;
  if (service_) request.connect_host = TRY(host_of(*service_, request.url.effective_port(), objects));
  return request;
}

// The service's address: this host need not know the cluster's names.
Result<std::string> Webhook::host_of(const Service& service, std::uint16_t port,
                                     const ObjectSource& objects) const {
  const auto found = objects.get("services", service.name_space, service.name);
  if (!found) return error(Code::NotFound, "service \"{}\" not found", service.name);
  if (found->text_at("spec", "type") == "ExternalName")
    return std::string(found->text_at("spec", "externalName"));
  const bool has_port = std::ranges::any_of(
      member(member(*found, "spec"), "ports").array(),
      [&](const json::Tree& one) { return member(one, "port").as_int64() == std::int64_t{port}; });
  if (!has_port)
    return error(Code::NotFound, "no service port {} found for service \"{}\"", port, service.name);
  const std::string_view address = found->text_at("spec", "clusterIP");
  if (address.empty() || address == "None")
    return error(Code::Unavailable, "service \"{}\" has no address", service.name);
  return std::string(address);
}

}  // namespace gantry::kube::admission
