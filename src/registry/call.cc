// SPDX-License-Identifier: Apache-2.0
#include "registry/call.h"

#include <algorithm>

#include "registry/upstreams.h"

namespace gantry::registry {

std::string Call::own_url() const {
  // Behind a proxy that ends TLS, only it knows how the client came.
  const std::string_view forwarded = request.headers().get_or("X-Forwarded-Proto", "");
  const bool is_tls = request.peer().is_tls || http::equals_ignoring_case(forwarded, "https");
  return fmt::format("{}://{}", is_tls ? "https" : "http", request.headers().get_or("Host", "localhost"));
}

Result<void> refuse(Call& call, RegistryErrorCode code, std::string_view message, int status,
                    std::string_view detail) {
  call.response.headers.set("Content-Type", "application/json");
  return call.response.send(status != 0 ? status : oci::http_status(code),
                            oci::error_document(code, message, detail));
}

Result<void> refuse(Call& call, const Error& error) {
  struct Answer {
    RegistryErrorCode code;
    int status;
  };
  const Answer answer = [&]() -> Answer {
    using enum RegistryErrorCode;
    switch (error.code()) {
      case Code::NotFound: return {NameUnknown, 404};
      case Code::InvalidArgument:
      case Code::DataLoss:  // of a body; of the store's own data it is Internal by then
        return {Unsupported, 400};
      case Code::AlreadyExists:
      case Code::Conflict: return {Denied, 409};
      case Code::PermissionDenied: return {Denied, 403};
      case Code::Unsupported: return {Unsupported, 400};
      case Code::TimedOut: return {Unknown, 408};
      case Code::Unavailable: return {Unavailable, 503};
      case Code::ResourceExhausted: return {Unknown, 507};
      case Code::Internal: break;
    }
    return {Unknown, 500};
  }();
  return refuse(call, answer.code, error.message(), answer.status);
}

Result<void> refuse_upstream(Call& call, const Error& error, RegistryErrorCode unknown) {
  if (error.code() == Code::NotFound) return refuse(call, unknown, error.message(), 404);
  return refuse(call, RegistryErrorCode::Unavailable, error.message(), 502);
}

Result<void> refuse_method(Call& call, std::string_view allowed) {
  call.response.headers.set("Allow", std::string(allowed));
  return refuse(call, RegistryErrorCode::Unsupported,
                fmt::format("{} is not a method of this endpoint", call.request.method()), 405);
}

Result<bool> authorize(Context& context, Call& call, Action action) {
  const Verdict verdict = context.gate.may(call.caller, call.route.repository, action);
  if (verdict == Verdict::Allowed) return true;
  const std::string_view word = word_of(action);
  if (verdict == Verdict::Denied) {
    TRY(refuse(call, RegistryErrorCode::Denied,
               fmt::format("'{}' may not {} in '{}'", call.caller.user, word, call.route.repository)));
    return false;
  }
  // Who pushes also looks; asking for both at once saves the client a second round.
  const std::string scope = fmt::format("repository:{}:{}", call.route.repository,
                                        action == Action::Push ? std::string_view("pull,push") : word);
  call.response.headers.set(
      "WWW-Authenticate",
      context.gate.challenge(call.own_url(), scope, call.caller.granted ? "insufficient_scope" : ""));
  TRY(refuse(
      call, RegistryErrorCode::Unauthorized, "authentication required", 0,
      fmt::format(R"([{{"Type":"repository","Name":"{}","Action":"{}"}}])", call.route.repository, word)));
  return false;
}

Result<bool> authorize_change(Context& context, Call& call, Action action) {
  if (!TRY(authorize(context, call, action))) return false;
  std::string_view reason;
  if (context.config.read_only) reason = "the registry is read-only";
  if (action == Action::Push && context.upstreams.covers(call.route.repository))
    reason = "the repository is a cache of another registry";
  if (action == Action::Delete && !context.config.allow_delete) reason = "nothing can be deleted here";
  if (reason.empty()) return true;
  TRY(refuse(call, RegistryErrorCode::Unsupported, reason, 405));
  return false;
}

Result<void> send_json(Call& call, std::string_view json) {
  call.response.headers.set("Content-Type", "application/json");
  return call.response.send(200, json);
}

std::string blob_location(std::string_view repository, std::string_view digest) {
  return fmt::format("/v2/{}/blobs/{}", repository, digest);
}

Result<void> free_space(Context& context) {
  const std::chrono::seconds timeout(context.config.upload_timeout_seconds);
  TRY(context.store.collect({.pending_blobs = timeout, .saved_ingests = timeout}));
  return {};
}

std::optional<std::uint64_t> quota_of(const Config& config, std::string_view repository) {
  std::optional<std::uint64_t> least;
  for (const QuotaConfig& quota : config.quotas) {
    const auto covers = [&](const std::string& pattern) { return matches(pattern, repository); };
    if (std::ranges::any_of(quota.repositories, covers))
      least = std::min(least.value_or(UINT64_MAX), quota.bytes);
  }
  return least;
}

}  // namespace gantry::registry
