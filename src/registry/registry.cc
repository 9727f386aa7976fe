// SPDX-License-Identifier: Apache-2.0
#include "registry/registry.h"

#include "http/message.h"
#include "oci/image/reference.h"
#include "registry/access_log.h"
#include "registry/authenticator.h"
#include "registry/call.h"
#include "registry/metrics.h"
#include "registry/route.h"
#include "registry/uploads.h"
#include "registry/upstreams.h"

namespace gantry::registry {

using enum RegistryErrorCode;

class Registry::Impl {
 public:
  Impl(Config config, image::ImageStore& store, const Logger& log, std::unique_ptr<Authenticator> gate,
       std::unique_ptr<AccessLog> access_log, std::unique_ptr<Upstreams> upstreams)
      : config_(std::move(config)),
        store_(store),
        gate_(std::move(gate)),
        access_log_(std::move(access_log)),
        upstreams_(std::move(upstreams)),
        uploads_(store.content()),
        context_{config_, store_, store_.repositories(), *gate_, uploads_, *upstreams_, log} {}

  Result<void> handle(http::Request& request, http::ResponseWriter& response);
  void record(const http::RequestSummary& summary);
  Result<void> expire_uploads();
  Result<void> reopen_access_log() { return access_log_->reopen(); }

 private:
  Result<void> dispatch(Call& call);
  Result<void> serve_metrics(Call& call);

  const Config config_;
  image::ImageStore& store_;
  const std::unique_ptr<Authenticator> gate_;
  const std::unique_ptr<AccessLog> access_log_;
  const std::unique_ptr<Upstreams> upstreams_;
  UploadSessions uploads_;
  Metrics metrics_;
  Context context_;
};

static Result<void> challenge(Context& context, Call& call, std::string_view message,
                              std::string_view failure) {
  call.response.headers.set("WWW-Authenticate", context.gate.challenge(call.own_url(), "", failure));
  return refuse(call, Unauthorized, message);
}

Result<void> serve_base(Context& context, Call& call) {
  if (!call.is("GET") && !call.is("HEAD")) return refuse_method(call, "GET, HEAD");
  if (context.gate.may_enter(call.caller) != Verdict::Allowed)
    return challenge(context, call, "authentication required", "");
  return send_json(call, "{}");
}

Result<void> Registry::Impl::serve_metrics(Call& call) {
  if (!config_.metrics) return refuse(call, Unsupported, "metrics are turned off", 404);
  if (!call.is("GET") && !call.is("HEAD")) return refuse_method(call, "GET, HEAD");
  call.response.headers.set("Content-Type", std::string(MetricsPage::kContentType));
  return call.response.send(200, metrics_.text(uploads_.size()));
}

Result<void> Registry::Impl::dispatch(Call& call) {
  switch (call.route.endpoint) {
    case Endpoint::Unknown: return refuse(call, Unsupported, "no such endpoint", 404);
    case Endpoint::Token:  // has a notion of its own of what Authorization says
      return serve_token(context_, call);
    case Endpoint::Metrics: return serve_metrics(call);
    default: break;
  }

  call.response.headers.set("Docker-Distribution-API-Version", "registry/2.0");
  const std::string_view authorization = call.request.headers().get_or("Authorization", "");
  Result<Caller> caller = gate_->identify(authorization);
  if (!caller) return challenge(context_, call, caller.error().message(), "invalid_token");
  call.caller = std::move(*caller);

  switch (call.route.endpoint) {
    case Endpoint::Base: return serve_base(context_, call);
    case Endpoint::Catalog: return serve_catalog(context_, call);
    default: break;
  }
  if (!oci::is_repository(call.route.repository))
    return refuse(call, NameInvalid,
                  "not the name of a repository: lower-case letters, digits and . _ - / between", 400);
  switch (call.route.endpoint) {
    case Endpoint::Blob: return serve_blob(context_, call);
    case Endpoint::Uploads: return serve_uploads(context_, call);
    case Endpoint::Upload: return serve_upload(context_, call);
    case Endpoint::Manifest: return serve_manifest(context_, call);
    case Endpoint::Tags: return serve_tags(context_, call);
    case Endpoint::Referrers: return serve_referrers(context_, call);
    case Endpoint::History: return serve_history(context_, call);
    case Endpoint::Rollback: return serve_rollback(context_, call);
    default: break;
  }
  return refuse(call, Unsupported, "no such endpoint", 404);
}

Result<void> Registry::Impl::handle(http::Request& request, http::ResponseWriter& response) {
  const Result<std::string> path = http::percent_decode(request.path());
  Result<http::Query> query = http::Query::parse(request.query());
  Call call{
      request, response, path ? find_route(*path) : Route{}, query ? std::move(*query) : http::Query(), {}};
  if (!path || !query) return refuse(call, Unsupported, "the request's target is not well encoded", 400);

  Result<void> served = dispatch(call);
  if (served) return {};
  const Error& error = served.error();
  if (error.code() == Code::Internal || error.errno_value() != 0)
    context_.log.error("registry request failed",
                       {{"method", request.method()}, {"path", *path}, {"error", error.message()}});
  if (response.has_started()) return served;
  response.headers = {};
  return refuse(call, error);
}

// Whom an Authorization header names. Only for requests that were answered with anything but 401: then it was
// verified.
static std::string claimed_user(std::string_view authorization) {
  if (const auto basic = http::parse_basic(authorization)) return basic->user;
  const std::size_t space = authorization.find(' ');
  if (space == authorization.npos) return {};
  const Result<Claims> claims = peek_claims(http::trim(authorization.substr(space)));
  return claims ? claims->subject : std::string();
}

void Registry::Impl::record(const http::RequestSummary& summary) {
  const Result<std::string> path = http::percent_decode(summary.head.path());
  metrics_.count(path ? find_route(*path).endpoint : Endpoint::Unknown, summary.head.method, summary.status,
                 summary.bytes_read, summary.bytes_written, summary.duration);
  if (!access_log_->is_on()) return;
  const std::string_view authorization = summary.head.headers.get_or("Authorization", "");
  const bool is_verified = gate_->has_accounts() && summary.status != 401 && !authorization.empty();
  access_log_->write(summary, is_verified ? claimed_user(authorization) : std::string());
}

Result<void> Registry::Impl::expire_uploads() {
  uploads_.close_idle(UploadSessions::Clock::now() - std::chrono::seconds(config_.upload_timeout_seconds));
  return free_space(context_);
}

Registry::Registry(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Registry::~Registry() = default;

Result<std::unique_ptr<Registry>> Registry::open(Config config, image::ImageStore& store, const Logger& log) {
  auto gate = TRY(Authenticator::open(config.auth));
  auto access_log = TRY(AccessLog::open(config.access_log));
  auto upstreams = TRY(Upstreams::open(config.upstreams, store, log));
  return std::unique_ptr<Registry>(new Registry(std::make_unique<Impl>(
      std::move(config), store, log, std::move(gate), std::move(access_log), std::move(upstreams))));
}

Result<void> Registry::handle(http::Request& request, http::ResponseWriter& response) {
  return impl_->handle(request, response);
}
void Registry::record(const http::RequestSummary& summary) { impl_->record(summary); }
Result<void> Registry::expire_uploads() { return impl_->expire_uploads(); }
Result<void> Registry::reopen_access_log() { return impl_->reopen_access_log(); }

}  // namespace gantry::registry
