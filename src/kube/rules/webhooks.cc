// SPDX-License-Identifier: Apache-2.0
#include "kube/rules/webhooks.h"

#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "base/lower_case.h"
#include "base/split.h"
#include "kube/rules/checks.h"
#include "kube/rules/kind_rules.h"
#include "kube/rules/match_rules.h"

namespace gantry::kube::rules {
namespace {

using json::Tree;

constexpr std::string_view kSideEffects[] = {"None", "NoneOnDryRun"};
constexpr std::string_view kReviewVersions[] = {"v1", "v1beta1"};

// What a URL of a webhook may have; elsewhere it is only taken apart to be used.
void webhook_url(const Spot& url) {
  constexpr std::string_view kForm = "; desired format: https://host[/path]";
  const std::string_view text = url.text();
  const std::size_t colon = text.find("://");
  const std::string_view scheme = text.substr(0, colon == std::string_view::npos ? 0 : colon);
  if (in_lower_case(scheme) != "https")
    url.invalid(Tree(scheme), fmt::format("'https' is the only allowed URL scheme{}", kForm));
  std::string_view rest = colon == std::string_view::npos ? text : text.substr(colon + 3);
  const std::string_view authority = rest.substr(0, rest.find_first_of("/?#"));
  const std::size_t at = authority.rfind('@');
  if (authority.substr(at == std::string_view::npos ? 0 : at + 1).empty())
    url.invalid(Tree(""), fmt::format("host must be specified{}", kForm));
  if (at != std::string_view::npos)
    url.invalid(Tree(authority.substr(0, at)), "user information is not permitted in the URL");
  if (const std::size_t hash = rest.find('#'); hash != std::string_view::npos) {
    if (hash + 1 < rest.size())
      url.invalid(Tree(rest.substr(hash + 1)), "fragments are not permitted in the URL");
    rest = rest.substr(0, hash);
  }
  if (const std::size_t query = rest.find('?'); query != std::string_view::npos && query + 1 < rest.size())
    url.invalid(Tree(rest.substr(query + 1)), "query parameters are not permitted in the URL");
}

void webhook_path(const Spot& path) {
  std::string_view text = path.text();
  if (text.empty() || text == "/") return;
  if (text == "//") return path.invalid("segment[0] may not be empty");
  if (!text.starts_with('/')) path.invalid("must start with a '/'");
  text.remove_prefix(1);
  if (text.ends_with('/')) text.remove_suffix(1);
  std::size_t index = 0;
  for (const std::string_view step : split(text, '/')) {
    if (step.empty())
      path.invalid(fmt::format("segment[{}] may not be empty", index));
    else
      for (const std::string& fault : dns_subdomain_faults(step))
        path.invalid(fmt::format("segment[{}]: {}", index, fault));
    ++index;
  }
}

void known_review_version(const Spot& versions) {
  const auto is_known = [](const Tree& version) {
    return std::ranges::find(kReviewVersions, version.as_string()) != std::end(kReviewVersions);
  };
  if (std::ranges::none_of(versions.value().array(), is_known))
    versions.invalid("must include at least one of v1, v1beta1");
}

void webhook_name(const Spot& name, std::set<std::string_view>& names) {
  if (name.text().empty()) return name.required();
  if (const Faults faults = dns_subdomain_faults(name.text()); !faults.empty())
    name.invalid(fmt::format("{}", fmt::join(faults, ",")));
  else if (std::ranges::count(name.text(), '.') < 2)
    name.invalid("should be a domain with at least three segments separated by dots");
  if (!names.insert(name.text()).second) name.duplicate();
}

void check_webhooks(const Spot& object) {
  std::set<std::string_view> names;
  object["webhooks"].each([&](const Spot& webhook) {
    webhook_name(webhook["name"], names);
    webhook["rules"].each(rule_with_operations);
    failure_policy(webhook["failurePolicy"]);
    match_policy(webhook["matchPolicy"]);
    if (!webhook["sideEffects"].is_set())
      webhook["sideEffects"].required("must specify one of None, NoneOnDryRun");
    else
      one_of_if_set(webhook["sideEffects"], kSideEffects);
    if (const Spot timeout = webhook["timeoutSeconds"];
        timeout.is_set() && (timeout.number() < 1 || timeout.number() > 30))
      timeout.invalid("the timeout value must be between 1 and 30 seconds");
    label_selector(webhook["namespaceSelector"]);
    label_selector(webhook["objectSelector"]);
    reinvocation_policy(webhook["reinvocationPolicy"]);
    client_config(webhook["clientConfig"]);
    match_conditions(webhook["matchConditions"]);
    review_versions(webhook["admissionReviewVersions"], "must specify one of v1, v1beta1");
  });
}

constexpr KindRules kRules[] = {
    {.group = "admissionregistration.k8s.io",
     .kind = "MutatingWebhookConfiguration",
     .counts_generations = true,
     .check = check_webhooks},
    {.group = "admissionregistration.k8s.io",
     .kind = "ValidatingWebhookConfiguration",
     .counts_generations = true,
     .check = check_webhooks},
};

}  // namespace

void client_config(const Spot& config) {
  const Spot url = config["url"];
  const Spot service = config["service"];
  if (url.is_set() == service.is_set()) return config.required("exactly one of url or service is required");
  if (url.is_set()) return webhook_url(url);
  required(service["name"]);
  required(service["namespace"]);
  service_port(service["port"]);
  webhook_path(service["path"]);
}

void service_port(const Spot& port) {
  if (port.is_set() && (port.number() < 1 || port.number() > 65535))
    port.invalid(fmt::format("port is not valid: {}", range_fault(1, 65535)));
}

void review_versions(const Spot& versions, std::string_view why_required) {
  if (versions.size() == 0) return versions.required(why_required);
  std::set<std::string_view> seen;
  versions.each([&](const Spot& version) {
    if (!seen.insert(version.text()).second) return version.invalid("duplicate version");
    version.invalid_for(dns_1035_label_faults(version.text()));
  });
  known_review_version(versions);
}

std::span<const KindRules> webhook_rules() { return kRules; }

}  // namespace gantry::kube::rules
