// SPDX-License-Identifier: Apache-2.0
#include "kube/identity/authenticate.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/base64.h"
#include "base/lower_case.h"
#include "base/split.h"
#include "http/url.h"
#include "kube/api/socket_token.h"
#include "kube/identity/service_account_tokens.h"

namespace gantry::kube {
namespace {

constexpr std::string_view kServiceAccount = "system:serviceaccount:";

bool has(const std::vector<std::string>& words, std::string_view word) {
  return std::ranges::find(words, word) != words.end();
}

bool starts_with_ignoring_case(std::string_view text, std::string_view prefix) {
  return text.size() >= prefix.size() && http::equals_ignoring_case(text.substr(0, prefix.size()), prefix);
}

User with_group(User user, const char* group) {
  if (!has(user.groups, group)) user.groups.emplace_back(group);
  return user;
}

bool is_for_health(std::string_view path) {
  return std::ranges::any_of(
      std::initializer_list<std::string_view>{"/healthz", "/livez", "/readyz"}, [&](std::string_view each) {
        return path.starts_with(each) && (path.size() == each.size() || path[each.size()] == '/');
      });
}

std::string bearer_of(const http::HeaderMap& headers) {
  const std::string_view value = http::trim(headers.get_or("Authorization", ""));
  constexpr std::string_view kScheme = "Bearer ";
  if (starts_with_ignoring_case(value, kScheme)) return std::string(http::trim(value.substr(kScheme.size())));
  // Browsers cannot send the header with a WebSocket, but protocols that they offer.
  for (const std::string_view list : headers.all("Sec-WebSocket-Protocol"))
    for (const std::string_view protocol : split(list, ','))
      if (const std::string_view word = http::trim(protocol); word.starts_with(kSocketToken))
        return from_jose_base64(word.substr(kSocketToken.size())).value_or(std::string());
  return {};
}

// What is in headers "PREFIXkey: value"; keys are percent-encoded, and of any case.
std::map<std::string, std::vector<std::string>> extra_of(const http::HeaderMap& headers,
                                                         std::string_view prefix) {
  std::map<std::string, std::vector<std::string>> extra;
  for (const http::Header& header : headers) {
    if (!starts_with_ignoring_case(header.name, prefix)) continue;
    const std::string key = in_lower_case(std::string_view(header.name).substr(prefix.size()));
    extra[http::percent_decode(key).value_or(key)].push_back(header.value);
  }
  return extra;
}

// The first of these headers that is there.
std::string first_of(const http::HeaderMap& headers, const std::vector<std::string>& names) {
  for (const std::string& name : names)
    if (const auto value = headers.get(name); value && !value->empty()) return std::string(*value);
  return {};
}

Result<void> check_certificate(const http::PeerCertificate& certificate, std::int64_t now) {
  if (!certificate.problem.empty())
    return error(Code::PermissionDenied, "client certificate '{}': {}", certificate.subject,
                 certificate.problem);
  if (now > certificate.not_after)
    return error(Code::PermissionDenied, "client certificate '{}': it has expired", certificate.subject);
  return {};
}

}  // namespace

Answer<Identity> Authenticator::authenticate(const http::HeaderMap& headers, const http::Peer& peer,
                                             std::string_view path, std::int64_t now) const {
  std::string why;
  // Whether that way has led to a user. Who shows several things is believed the first that is right.
  const auto is_found = [&](Result<std::optional<User>>& by) {
    if (by) return by->has_value();
    if (why.empty()) why = by.error().message();
    return false;
  };
  if (peer.certificate != nullptr) {
    if (auto user = by_front_proxy(headers, *peer.certificate, now); is_found(user))
      return Identity{.user = with_group(std::move(**user), kAuthenticatedGroup)};
    if (auto user = by_certificate(*peer.certificate, now); is_found(user))
      return Identity{.user = with_group(std::move(**user), kAuthenticatedGroup)};
  }
  if (auto user = by_token(headers, now); is_found(user))
    return Identity{.user = with_group(std::move(**user), kAuthenticatedGroup)};
  const bool may_be_anonymous = options_.anonymous == Anonymous::Everywhere ||
                                (options_.anonymous == Anonymous::ForHealth && is_for_health(path));
  if (why.empty() && may_be_anonymous)
    return Identity{.user = {.name = kAnonymous, .groups = {kUnauthenticatedGroup}}};
  if (options_.on_refused) options_.on_refused(why.empty() ? "no credentials were shown" : why);
  return unauthorized();
}

Result<std::optional<User>> Authenticator::by_front_proxy(const http::HeaderMap& headers,
                                                          const http::PeerCertificate& certificate,
                                                          std::int64_t now) const {
  const FrontProxyOptions& proxy = options_.front_proxy;
  const std::string name = first_of(headers, proxy.username_headers);
  if (name.empty() || !proxy.authorities.contains(certificate.authority)) return std::optional<User>();
  TRY(check_certificate(certificate, now));
  if (!proxy.allowed_names.empty() && !proxy.allowed_names.contains(certificate.common_name))
    return error(Code::PermissionDenied, "front proxy '{}': not one of the allowed names",
                 certificate.common_name);
  User user{.name = name, .uid = first_of(headers, proxy.uid_headers)};
  for (const std::string& header : proxy.group_headers)
    for (const std::string_view group : headers.all(header)) user.groups.emplace_back(group);
  for (const std::string& prefix : proxy.extra_prefixes) user.extra.merge(extra_of(headers, prefix));
  return std::optional(std::move(user));
}

Result<std::optional<User>> Authenticator::by_certificate(const http::PeerCertificate& certificate,
                                                          std::int64_t now) const {
  TRY(check_certificate(certificate, now));
  if (!options_.client_authorities.contains(certificate.authority))
    return error(Code::PermissionDenied, "client certificate '{}': its authority is not one of clients",
                 certificate.subject);
  if (certificate.common_name.empty())
    return error(Code::PermissionDenied, "client certificate '{}': it has no common name",
                 certificate.subject);
  User user{.name = certificate.common_name, .groups = certificate.organizations};
  user.extra["authentication.kubernetes.io/credential-id"].push_back(
      fmt::format("X509SHA256={}", certificate.fingerprint));
  return std::optional(std::move(user));
}

Result<std::optional<User>> Authenticator::by_token(const http::HeaderMap& headers, std::int64_t now) const {
  const std::string token = bearer_of(headers);
  if (token.empty()) return std::optional<User>();
  std::optional<TokenIdentity> identity;
  if (options_.tokens != nullptr) identity = TRY(options_.tokens->identify(token, options_.audiences, now));
  if (!identity) return error(Code::PermissionDenied, "bearer token: nobody knows it");
  return std::optional(std::move(identity->user));
}

// ---- Impersonation

namespace {

// Whether `who` may impersonate that.
Answer<void> check(const Authorizer& authorizer, const User& who, AccessRequest what) {
  what.user = who;
  what.verb = "impersonate";
  what.version = "v1";
  const Decision decision = authorizer.decide(what);
  if (!decision.is_allowed()) return denied(what, decision.reason);
  return {};
}

// Namespace and name of a service account.
std::optional<std::pair<std::string, std::string>> account_in(std::string_view user) {
  if (!user.starts_with(kServiceAccount)) return std::nullopt;
  const std::vector<std::string_view> parts = split(user.substr(kServiceAccount.size()), ':');
  if (parts.size() != 2 || parts[0].empty() || parts[1].empty()) return std::nullopt;
  return std::pair(std::string(parts[0]), std::string(parts[1]));
}

User wanted_user(const http::HeaderMap& headers) {
  User user{.name = std::string(headers.get_or("Impersonate-User", "")),
            .uid = std::string(headers.get_or("Impersonate-Uid", "")),
            .extra = extra_of(headers, "Impersonate-Extra-")};
  for (const std::string_view group : headers.all("Impersonate-Group")) user.groups.emplace_back(group);
  return user;
}

Answer<void> check_all(const Authorizer& authorizer, const User& who, const User& wanted) {
  constexpr const char* kGroup = "authentication.k8s.io";
  if (const auto account = account_in(wanted.name))
    TRY(check(authorizer, who,
              {.resource = "serviceaccounts", .name_space = account->first, .name = account->second}));
  else
    TRY(check(authorizer, who, {.resource = "users", .name = wanted.name}));
  for (const std::string& group : wanted.groups)
    TRY(check(authorizer, who, {.resource = "groups", .name = group}));
  if (!wanted.uid.empty())
    TRY(check(authorizer, who, {.group = kGroup, .resource = "uids", .name = wanted.uid}));
  for (const auto& [key, values] : wanted.extra)
    for (const std::string& value : values)
      TRY(check(authorizer, who,
                {.group = kGroup, .resource = "userextras", .subresource = key, .name = value}));
  return {};
}

// The groups that such a user has without saying so.
User with_own_groups(User user) {
  if (user.name == kAnonymous) return with_group(std::move(user), kUnauthenticatedGroup);
  if (const auto account = account_in(user.name); account && user.groups.empty())
    user.groups = service_account_user(account->first, account->second, "").groups;
  if (has(user.groups, kUnauthenticatedGroup)) return user;
  return with_group(std::move(user), kAuthenticatedGroup);
}

}  // namespace

Answer<Identity> impersonate(const Authorizer& authorizer, Identity identity,
                             const http::HeaderMap& headers) {
  User wanted = wanted_user(headers);
  if (wanted.name.empty()) {
    if (!wanted.groups.empty() || !wanted.uid.empty() || !wanted.extra.empty())
      return bad_request("a group, uid or extra value to impersonate, without Impersonate-User");
    return identity;
  }
  TRY(check_all(authorizer, identity.user, wanted));
  return Identity{.user = with_own_groups(std::move(wanted)), .impersonator = std::move(identity.user)};
}

}  // namespace gantry::kube
