// SPDX-License-Identifier: Apache-2.0
//
// CertificateSigningRequest. Who approves is another than who signs: what was approved or denied stays so,
// and is said at the subresource approval alone.
#include <algorithm>
#include <set>
#include <span>
#include <vector>

#include <fmt/format.h>

#include "base/base64.h"
#include "kube/rules/checks.h"
#include "kube/rules/kind_rules.h"
#include "kube/rules/signer_name.h"

namespace gantry::kube::rules {
namespace {

using json::Tree;

constexpr std::int64_t kShortest = 600;  // seconds that a certificate may be asked for
constexpr std::string_view kVerdicts[] = {"Approved", "Denied"};
constexpr std::string_view kFailed[] = {"Failed"};
constexpr std::string_view kTrue[] = {"True"};

constexpr std::string_view kUsages[] = {"any",
                                        "cert sign",
                                        "client auth",
                                        "code signing",
                                        "content commitment",
                                        "crl sign",
                                        "data encipherment",
                                        "decipher only",
                                        "digital signature",
                                        "email protection",
                                        "encipher only",
                                        "ipsec end system",
                                        "ipsec tunnel",
                                        "ipsec user",
                                        "key agreement",
                                        "key encipherment",
                                        "microsoft sgc",
                                        "netscape sgc",
                                        "ocsp signing",
                                        "s/mime",
                                        "server auth",
                                        "signing",
                                        "timestamping"};

void check_request(const Spot& request) {
  if (request.text().empty()) return request.required();
  const auto pem = from_base64(request.text());
  if (!pem || pem->find("-----BEGIN CERTIFICATE REQUEST-----") == std::string::npos)
    request.invalid("PEM block type must be CERTIFICATE REQUEST");
}

void usages(const Spot& usages) {
  if (usages.size() == 0) usages.required();
  std::set<std::string_view> seen;
  usages.each([&](const Spot& usage) {
    one_of(usage, kUsages);
    if (!seen.insert(usage.text()).second) usage.duplicate();
  });
}

bool is_one_of(std::span<const std::string_view> words, std::string_view word) {
  return std::ranges::find(words, word) != words.end();
}

void check_conditions(const Spot& conditions) {
  std::set<std::string_view> types;
  conditions.each([&](const Spot& condition) {
    const Spot type = condition["type"];
    if (type.text().empty()) type.required();
    // What was decided is not taken back.
    const bool is_final = is_one_of(kVerdicts, type.text()) || is_one_of(kFailed, type.text());
    one_of(condition["status"], is_final ? std::span<const std::string_view>(kTrue) : kConditionStatuses);
    if (!types.insert(type.text()).second) type.duplicate();
  });
  if (types.contains("Approved") && types.contains("Denied"))
    conditions.invalid("Approved and Denied conditions are mutually exclusive");
}

// PEM (RFC 7468): certificates and nothing else.
void check_certificate(const Spot& certificate) {
  if (!certificate.has_something()) return;
  const Tree shown("<certificate data>");
  const auto pem = from_base64(certificate.text());
  constexpr std::string_view kBegin = "-----BEGIN ", kEnd = "-----", kHeader = ": ";
  std::size_t blocks = 0;
  for (std::string_view rest = pem ? std::string_view(*pem) : "";
       (rest.find(kBegin) != std::string_view::npos); ++blocks) {
    rest.remove_prefix(rest.find(kBegin) + kBegin.size());
    const std::string_view type = rest.substr(0, rest.find(kEnd));
    if (type != "CERTIFICATE")
      return certificate.invalid(shown,
                                 fmt::format("only CERTIFICATE PEM blocks are allowed, found \"{}\"", type));
    rest.remove_prefix(std::min(type.size() + kEnd.size(), rest.size()));
    if (rest.substr(0, rest.find(kEnd)).find(kHeader) != std::string_view::npos)
      return certificate.invalid(shown, "no PEM block headers are permitted");
  }
  if (blocks == 0) certificate.invalid(shown, "must contain at least one CERTIFICATE PEM block");
}

std::vector<const Tree*> of_type(const Tree* conditions, std::string_view type) {
  std::vector<const Tree*> found;
  if (conditions != nullptr)
    for (const Tree& condition : conditions->array())
      if (condition.text_at("type") == type) found.push_back(&condition);
  return found;
}

// `may_come`: at this subresource, never to go again.
void update_conditions(const Spot& object, const Tree& before, std::span<const std::string_view> may_come) {
  const Spot conditions = object["status"]["conditions"];
  for (const std::string_view type : {"Approved", "Denied", "Failed"}) {
    const auto was = of_type(before.find("status", "conditions"), type);
    const auto is = of_type(&conditions.value(), type);
    const char* verb = nullptr;
    if (is.size() < was.size())
      verb = "remove";
    else if (is.size() > was.size())
      verb = is_one_of(may_come, type) ? nullptr : "add";
    else if (!std::ranges::equal(is, was, [](const Tree* a, const Tree* b) { return *a == *b; }))
      verb = "modify";
    if (verb != nullptr)
      conditions.forbidden(fmt::format("updates may not {} a condition of type \"{}\"", verb, type));
  }
}

void check_signing_request(const Spot& object) {
  const Spot spec = object["spec"];
  check_request(spec["request"]);
  usages(spec["usages"]);
  signer_name(spec["signerName"]);
  if (spec["signerName"].text() == "kubernetes.io/legacy-unknown")
    spec["signerName"].invalid("the legacy signerName is not allowed via this API version");
  if (const Spot seconds = spec["expirationSeconds"]; seconds.is_set() && seconds.number() < kShortest)
    seconds.invalid("may not specify a duration less than 600 seconds (10 minutes)");
  check_conditions(object["status"]["conditions"]);
}

void update_part(std::string_view subresource, const Spot& object, const Tree& before) {
  if (subresource == "approval") update_conditions(object, before, kVerdicts);
}

void update_status(const Spot& object, const Tree& before) {
  check_conditions(object["status"]["conditions"]);
  update_conditions(object, before, kFailed);
  const Spot certificate = object["status"]["certificate"];
  const Tree* was = before.find("status", "certificate");
  if (was == nullptr || was->as_string().empty())
    check_certificate(certificate);
  else if (!is_same(&certificate.value(), was))
    certificate.forbidden("updates may not modify existing certificate content");
}

// What was asked for stays: another certificate is another request's.
void prepare_request(Tree& object, const Tree* before) {
  const Tree* spec = before == nullptr ? nullptr : before->find("spec");
  if (spec != nullptr) object.object()["spec"] = *spec;
}

constexpr KindRules kRules[] = {{.group = "certificates.k8s.io",
                                 .kind = "CertificateSigningRequest",
                                 .name_faults = path_segment_faults,
                                 .prepare = prepare_request,
                                 .check = check_signing_request,
                                 .check_part = update_part,
                                 .check_status = update_status}};

}  // namespace

std::span<const KindRules> certificate_rules() { return kRules; }

}  // namespace gantry::kube::rules
