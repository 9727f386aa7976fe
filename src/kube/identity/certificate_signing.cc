// SPDX-License-Identifier: Apache-2.0
#include "kube/identity/certificate_signing.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/base64.h"
#include "base/timestamp.h"
#include "kube/api/tree_lists.h"

namespace gantry::kube {
namespace {

constexpr std::int64_t kSkew = 300;  // seconds that a client's clock may be behind
constexpr std::int64_t kShortest = 600;
constexpr std::string_view kNodePrefix = "system:node:";

using Words = std::vector<std::string>;

bool has(const Words& words, std::string_view word) { return std::ranges::find(words, word) != words.end(); }

bool has_condition(const json::Tree& request, std::string_view type) {
  const json::Tree* conditions = request.find("status", "conditions");
  return conditions != nullptr && std::ranges::any_of(conditions->array(), [&](const json::Tree& condition) {
           return condition.text_at("type") == type;
         });
}

bool is_decided(const json::Tree& request) {
  return has_condition(request, "Approved") || has_condition(request, "Denied") ||
         has_condition(request, "Failed");
}

void add_condition(json::Tree& request, const char* type, const char* reason, std::string message,
                   std::int64_t now) {
  const std::string time = fmt::format("{}Z", format_timestamp({.tv_sec = now}).substr(0, 19));
  json::TreeObject condition;
  condition["type"] = type;
  condition["status"] = "True";
  condition["reason"] = reason;
  condition["message"] = std::move(message);
  condition["lastUpdateTime"] = time;
  condition["lastTransitionTime"] = time;
  request.object()["status"].object()["conditions"].array().emplace_back(std::move(condition));
}

// Exactly these, where "key encipherment" may be left out (keys that are not RSA do not need it).
bool has_usages(const Words& usages, std::string_view of_side) {
  const bool enciphers = has(usages, "key encipherment");
  return has(usages, "digital signature") && has(usages, of_side) && usages.size() == (enciphers ? 3u : 2u);
}

std::string fault_of_node(const SigningRequest& wanted) {
  if (wanted.organizations != Words{"system:nodes"}) return "subject organization is not system:nodes";
  if (!wanted.common_name.starts_with(kNodePrefix))
    return "subject common name does not begin with system:node:";
  if (!wanted.names.emails.empty()) return "email subjectAltNames are not allowed";
  if (!wanted.names.uris.empty()) return "URI subjectAltNames are not allowed";
  return {};
}

// Why it must not be signed by that signer; empty: it may.
std::string fault_of(std::string_view signer, const SigningRequest& wanted, const Words& usages) {
  if (signer == kClientSigner) {
    for (const std::string& usage : usages)
      if (usage != "client auth" && usage != "digital signature" && usage != "key encipherment")
        return fmt::format("usage '{}' is not for clients", usage);
    return has(usages, "client auth") ? "" : "usages have no client auth";
  }
  if (std::string fault = fault_of_node(wanted); !fault.empty()) return fault;
  if (signer == kNodeServingSigner) {
    if (wanted.names.dns.empty() && wanted.names.addresses.empty())
      return "DNS or IP subjectAltName is required";
    return has_usages(usages, "server auth") ? "" : "usages are not those of a server";
  }
  if (!wanted.names.empty()) return "subjectAltNames are not allowed";
  return has_usages(usages, "client auth") ? "" : "usages are not those of a client";
}

Result<SigningRequest> wanted_by(const json::Tree& request) {
  const auto pem = from_base64(request.text_at("spec", "request"));
  if (!pem) return error(Code::InvalidArgument, "spec.request is not base64");
  return read_signing_request(*pem);
}

bool is_for_us(std::string_view signer) {
  return signer == kClientSigner || signer == kNodeClientSigner || signer == kNodeServingSigner;
}

Result<std::string> issue(const Authority& authority, const json::Tree& request, const SigningRequest& wanted,
                          std::int64_t now, std::int64_t longest) {
  const bool is_for_servers = request.text_at("spec", "signerName") == kNodeServingSigner;
  std::int64_t seconds = longest;
  if (const json::Tree* asked = request.find("spec", "expirationSeconds"))
    seconds = std::clamp(asked->as_int64().value_or(longest), kShortest, std::max(kShortest, longest));
  return authority.issue({.common_name = wanted.common_name,
                          .organizations = wanted.organizations,
                          .names = wanted.names,
                          .for_servers = is_for_servers,
                          .for_clients = !is_for_servers,
                          .not_before = now - kSkew,
                          .not_after = now + seconds},
                         wanted.key);
}

}  // namespace

Result<std::optional<json::Tree>> sign(const Authority& authority, const json::Tree& request,
                                       std::int64_t now, std::chrono::seconds longest) {
  const std::string_view signer = request.text_at("spec", "signerName");
  const bool is_done = !request.text_at("status", "certificate").empty() || has_condition(request, "Failed");
  if (!is_for_us(signer) || is_done || !has_condition(request, "Approved") ||
      has_condition(request, "Denied"))
    return std::optional<json::Tree>();
  json::Tree signed_request = request;
  const auto wanted = wanted_by(request);
  const std::string fault =
      wanted ? fault_of(signer, *wanted, words_of(request.find("spec", "usages"))) : wanted.error().message();
  if (!fault.empty()) {
    add_condition(signed_request, "Failed", "SignerValidationFailure", fault, now);
    return std::optional(std::move(signed_request));
  }
  const std::string pem = TRY_DURING(issue(authority, request, *wanted, now, longest.count()),
                                     "sign request '{}'", request.text_at("metadata", "name"));
  signed_request.object()["status"].object()["certificate"] = to_base64(pem);
  return std::optional(std::move(signed_request));
}

std::optional<json::Tree> approve(const Authorizer& authorizer, const json::Tree& request, std::int64_t now) {
  if (request.text_at("spec", "signerName") != kNodeClientSigner || is_decided(request)) return std::nullopt;
  const auto wanted = wanted_by(request);
  if (!wanted || !fault_of(kNodeClientSigner, *wanted, words_of(request.find("spec", "usages"))).empty())
    return std::nullopt;
  User user{.name = std::string(request.text_at("spec", "username")),
            .uid = std::string(request.text_at("spec", "uid")),
            .groups = words_of(request.find("spec", "groups"))};
  if (const json::Tree* extra = request.find("spec", "extra"))
    for (const auto& [key, values] : extra->object()) user.extra[key] = words_of(&values);
  const auto may_create = [&](const char* subresource) {
    return authorizer
        .decide({.user = user,
                 .verb = "create",
                 .group = "certificates.k8s.io",
                 .version = "v1",
                 .resource = "certificatesigningrequests",
                 .subresource = subresource})
        .is_allowed();
  };
  const bool is_own = user.name == wanted->common_name;
  if (!(is_own && may_create("selfnodeclient")) && !may_create("nodeclient")) return std::nullopt;
  json::Tree approved = request;
  add_condition(approved, "Approved", "AutoApproved",
                is_own ? "Auto approving self kubelet client certificate after SubjectAccessReview."
                       : "Auto approving kubelet client certificate after SubjectAccessReview.",
                now);
  return approved;
}

}  // namespace gantry::kube
