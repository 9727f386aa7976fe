// SPDX-License-Identifier: Apache-2.0
//
// CertificateSigningRequest. Who approves is another than who signs: what was approved or denied stays so,
// and is said at the subresource approval alone.
#include <algorithm>
#include <vector>

#include <fmt/format.h>

#include "base/base64.h"
#include "kube/rules/checks.h"
#include "kube/rules/kind_rules.h"

namespace gantry::kube::rules {
namespace {

using json::Tree;

constexpr std::int64_t kShortest = 600;  // seconds that a certificate may be asked for
constexpr std::string_view kVerdicts[] = {"Approved", "Denied"};
constexpr std::string_view kFailed[] = {"Failed"};
constexpr std::string_view kTrue[] = {"True"};

void check_request(const Spot& request) {
  if (request.text().empty()) return request.required();
  const auto pem = from_base64(request.text());
  if (!pem || pem->find("-----BEGIN CERTIFICATE REQUEST-----") == std::string::npos)
    request.invalid("PEM block type must be CERTIFICATE REQUEST");
}

// "example.com/signer".
void check_signer(const Spot& signer) {
  if (signer.text().empty()) return signer.required();
  const std::string_view name = signer.text();
  const std::size_t slash = name.find('/');
  const bool is_path = slash != std::string_view::npos && slash + 1 < name.size();
  if (!is_path || name.substr(0, slash).find('.') == std::string_view::npos)
    return signer.invalid("must be a fully qualified domain and path of the form 'example.com/signer-name'");
  signer.invalid_for(dns_subdomain_faults(name.substr(0, slash)));
}

bool is_one_of(std::span<const std::string_view> words, std::string_view word) {
  return std::ranges::find(words, word) != words.end();
}

void check_conditions(const Spot& conditions) {
  bool is_approved = false, is_denied = false;
  conditions.each([&](const Spot& condition) {
    const std::string_view type = condition["type"].text();
    if (type.empty()) condition["type"].required();
    if (is_one_of(kVerdicts, type) || is_one_of(kFailed, type)) one_of(condition["status"], kTrue);
    is_approved |= type == "Approved";
    is_denied |= type == "Denied";
    if ((type == "Approved" && is_denied) || (type == "Denied" && is_approved))
      condition["type"].invalid("Approved and Denied conditions are mutually exclusive");
  });
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
  check_signer(spec["signerName"]);
  if (spec["usages"].size() == 0) spec["usages"].required();
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
  if (const Tree* certificate = before.find("status", "certificate"))
    immutable(object["status"]["certificate"], certificate);
}

constexpr KindRules kRules[] = {{.group = "certificates.k8s.io",
                                 .kind = "CertificateSigningRequest",
                                 .name_faults = path_segment_faults,
                                 .check = check_signing_request,
                                 .check_part = update_part,
                                 .check_status = update_status}};

}  // namespace

std::span<const KindRules> certificate_rules() { return kRules; }

}  // namespace gantry::kube::rules
