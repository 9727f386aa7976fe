// SPDX-License-Identifier: Apache-2.0
//
// GET /token with Basic credentials (https://distribution.github.io/distribution/spec/auth/token/) and
// POST /token with a form (.../auth/oauth/).
#include <algorithm>
#include <iterator>

#include "http/message.h"
#include "registry/call.h"

namespace gantry::registry {

using enum RegistryErrorCode;

static Result<void> add_scopes(const http::Query& parameters, TokenRequest& wanted) {
  for (const std::string_view text : parameters.all("scope")) {
    std::vector<oci::Scope> scopes = TRY(oci::parse_scopes(text));
    std::ranges::move(scopes, std::back_inserter(wanted.scopes));
  }
  return {};
}

static Result<TokenRequest> read_get(Call& call) {
  TokenRequest wanted{.service = std::string(call.query.get("service").value_or(""))};
  TRY(add_scopes(call.query, wanted));
  wanted.wants_refresh_token = call.query.get("offline_token") == "true";
  const std::string_view authorization = call.request.headers().get_or("Authorization", "");
  if (authorization.empty()) return wanted;
  auto credentials = http::parse_basic(authorization);
  if (!credentials) return error(Code::PermissionDenied, "only Basic credentials are taken for tokens");
  wanted.user = std::move(credentials->user);
  wanted.password = std::move(credentials->password);
  return wanted;
}

static Result<TokenRequest> read_form(Call& call) {
  const std::string body = TRY(call.request.read_body(64 << 10));
  const http::Query form = TRY(http::Query::parse(body));
  const auto text = [&](std::string_view name) { return std::string(form.get(name).value_or("")); };
  TokenRequest wanted{.service = text("service")};
  TRY(add_scopes(form, wanted));
  wanted.wants_refresh_token = form.get("access_type") == "offline";
  const auto grant = form.get("grant_type");
  if (grant == "refresh_token") {
    wanted.refresh_token = text("refresh_token");
    if (wanted.refresh_token.empty()) return error(Code::InvalidArgument, "'refresh_token' is missing");
  } else if (grant == "password") {
    wanted.user = text("username");
    wanted.password = text("password");
  } else {
    return error(Code::InvalidArgument, "'grant_type' is neither 'password' nor 'refresh_token'");
  }
  return wanted;
}

static Result<oci::TokenResponse> answer(Context& context, Call& call) {
  const TokenRequest wanted = TRY(call.is("POST") ? read_form(call) : read_get(call));
  return context.gate.issue(wanted);
}

Result<void> serve_token(Context& context, Call& call) {
  if (!context.gate.has_token_service())
    return refuse(call, Unsupported, "there is no token service here", 404);
  if (!call.is("POST") && !call.is("GET")) return refuse_method(call, "GET, POST");
  const Result<oci::TokenResponse> response = answer(context, call);
  if (!response && response.error().code() == Code::PermissionDenied) {
    call.response.headers.set("WWW-Authenticate", "Basic realm=\"token\"");
    return refuse(call, Unauthorized, response.error().message());
  }
  if (!response) return refuse(call, response.error());
  call.response.headers.set("Cache-Control", "no-store");
  return send_json(call, oci::to_json(*response));
}

}  // namespace gantry::registry
