// SPDX-License-Identifier: Apache-2.0
//
// What extends the server: webhooks' configurations, the names of CustomResourceDefinitions, APIServices.
#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "kube/rules/checks.h"
#include "kube/rules/kind_rules.h"

namespace gantry::kube::rules {
namespace {

using json::Tree;

constexpr std::string_view kFailurePolicies[] = {"Fail", "Ignore"};
constexpr std::string_view kMatchPolicies[] = {"Equivalent", "Exact"};
constexpr std::string_view kSideEffects[] = {"None", "NoneOnDryRun"};
constexpr std::string_view kReinvocation[] = {"IfNeeded", "Never"};
constexpr std::string_view kScopes[] = {"*", "Cluster", "Namespaced"};
constexpr std::string_view kOperations[] = {"*", "CONNECT", "CREATE", "DELETE", "UPDATE"};
constexpr std::string_view kReviewVersions[] = {"v1", "v1beta1"};
constexpr std::string_view kDefinitionScopes[] = {"Cluster", "Namespaced"};
constexpr std::string_view kConversions[] = {"None", "Webhook"};

// A list that says "*" says nothing else.
void all_or_some(const Spot& list, bool may_be_empty_text) {
  if (list.size() == 0) list.required();
  list.each([&](const Spot& one) {
    if (one.text().empty() && !may_be_empty_text) one.required();
    if (one.text() == "*" && list.size() > 1)
      list.invalid("if '*' is present, must not specify other values");
  });
}

void webhook_rule(const Spot& rule) {
  all_or_some(rule["operations"], false);
  rule["operations"].each([](const Spot& operation) { one_of_if_set(operation, kOperations); });
  all_or_some(rule["apiGroups"], true);
  all_or_some(rule["apiVersions"], false);
  if (rule["resources"].size() == 0) rule["resources"].required();
  one_of_if_set(rule["scope"], kScopes);
}

void client_config(const Spot& config) {
  const Spot url = config["url"];
  const Spot service = config["service"];
  if (url.is_set() == service.is_set()) return config.required("exactly one of url or service is required");
  if (url.is_set() && !url.text().starts_with("https://"))
    url.invalid("'https' is the only allowed URL scheme");
  if (!service.is_set()) return;
  required(service["name"], "service name is required");
  required(service["namespace"], "service namespace is required");
  if (service["port"].is_set()) port_number(service["port"]);
  if (service["path"].has_something() && !service["path"].text().starts_with('/'))
    service["path"].invalid("must start with a '/'");
}

void known_review_version(const Spot& versions) {
  const auto is_known = [](const Tree& version) {
    return std::ranges::find(kReviewVersions, version.as_string()) != std::end(kReviewVersions);
  };
  if (std::ranges::none_of(versions.value().array(), is_known))
    versions.invalid("must include at least one of v1, v1beta1");
}

void review_versions(const Spot& versions) {
  if (versions.size() == 0) return versions.required("must specify one of v1, v1beta1");
  known_review_version(versions);
}

void check_webhooks(const Spot& object) {
  std::set<std::string_view> names;
  object["webhooks"].each([&](const Spot& webhook) {
    const Spot name = webhook["name"];
    named(name, dns_subdomain_faults);
    if (std::ranges::count(name.text(), '.') < 2)
      name.invalid("should be a domain with at least three segments separated by dots");
    if (!names.insert(name.text()).second) name.duplicate();
    review_versions(webhook["admissionReviewVersions"]);
    webhook["rules"].each(webhook_rule);
    one_of_if_set(webhook["failurePolicy"], kFailurePolicies);
    one_of_if_set(webhook["matchPolicy"], kMatchPolicies);
    one_of_if_set(webhook["reinvocationPolicy"], kReinvocation);
    if (!webhook["sideEffects"].is_set())
      webhook["sideEffects"].required("must specify one of None, NoneOnDryRun");
    else
      one_of_if_set(webhook["sideEffects"], kSideEffects);
    if (const Spot timeout = webhook["timeoutSeconds"];
        timeout.is_set() && (timeout.number() < 1 || timeout.number() > 30))
      timeout.invalid("the timeout value must be between 1 and 30 seconds");
    label_selector(webhook["namespaceSelector"]);
    label_selector(webhook["objectSelector"]);
    client_config(webhook["clientConfig"]);
  });
}

void conversion_review_versions(const Spot& versions) {
  if (versions.size() == 0) return versions.required();
  std::set<std::string_view> seen;
  versions.each([&](const Spot& version) {
    if (!seen.insert(version.text()).second) return version.invalid("duplicate version");
    version.invalid_for(dns_1035_label_faults(version.text()));
  });
  known_review_version(versions);
}

// Kubernetes names these fields as its internal version has them, and so do the messages that people search.
void check_conversion(const Spot& conversion) {
  if (!conversion.is_set()) return;
  one_of(conversion["strategy"], kConversions);
  const Spot config = conversion["webhook"]["clientConfig"];
  const Spot versions = conversion["webhook"]["conversionReviewVersions"];
  if (conversion["strategy"].text() != "Webhook") {
    constexpr std::string_view kWhy = "should not be set when strategy is not set to Webhook";
    if (config.is_set()) conversion["webhookClientConfig"].forbidden(kWhy);
    if (versions.size() != 0) conversion["conversionReviewVersions"].forbidden(kWhy);
    return;
  }
  if (config.is_set())
    client_config(config);
  else
    conversion["webhookClientConfig"].required("required when strategy is set to Webhook");
  conversion_review_versions(versions);
}

std::string_view storage_version(const Tree& definition) {
  if (const Tree* versions = definition.find("spec", "versions"))
    for (const Tree& version : versions->array())
      if (const Tree* storage = version.find("storage"); storage != nullptr && storage->as_bool())
        return version.text_at("name");
  return {};
}

// Objects may still be in a version that was stored once.
void check_stored_versions(const Spot& object) {
  if (!object["status"].is_set()) return;
  const Spot stored = object["status"]["storedVersions"];
  if (stored.size() == 0) return stored.invalid("must have at least one stored version");
  std::set<std::string_view> known;
  for (const Tree& version : object["spec"]["versions"].value().array())
    known.insert(version.text_at("name"));
  const std::string_view storage = storage_version(object.value());
  if (std::ranges::none_of(stored.value().array(),
                           [&](const Tree& version) { return version.as_string() == storage; }))
    stored.invalid(fmt::format("must have the storage version {}", storage));
  stored.each([&](const Spot& version) {
    if (!known.contains(version.text()))
      version.invalid(fmt::format(
          "missing from spec.versions; {0} was previously a storage version, and must remain in "
          "spec.versions until a storage migration ensures no data remains persisted in {0} and removes "
          "{0} from status.storedVersions",
          version.text()));
  });
}

// Before the first object is stored in it.
void note_storage_version(Tree& definition, const Tree* /*before*/) {
  const Tree storage(storage_version(definition));
  json::TreeArray& stored = definition.object()["status"].object()["storedVersions"].array();
  if (std::ranges::find(stored, storage) == stored.end()) stored.push_back(storage);
}

void check_definition(const Spot& object) {
  const Spot spec = object["spec"];
  const Spot names = spec["names"];
  const std::string wanted = fmt::format("{}.{}", names["plural"].text(), spec["group"].text());
  if (object["metadata"]["name"].text() != wanted)
    object["metadata"]["name"].invalid("must be spec.names.plural+\".\"+spec.group");
  const Spot group = spec["group"];
  named(group, dns_subdomain_faults);
  if (group.has_something() && group.text().find('.') == std::string_view::npos)
    group.invalid("should be a domain with at least one dot");
  one_of(spec["scope"], kDefinitionScopes);
  for (const char* field : {"plural", "singular"}) named(names[field], dns_1035_label_faults);
  for (const char* field : {"kind", "listKind"}) {
    std::string lower(names[field].text());
    std::ranges::transform(lower, lower.begin(), [](char c) {
      return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
    });
    if (lower.empty())
      names[field].required();
    else
      names[field].invalid_for(dns_1035_label_faults(lower));
  }
  if (names["kind"].has_something() && names["kind"].text() == names["listKind"].text())
    names["listKind"].invalid("kind and listKind may not be the same");
  names["shortNames"].each([](const Spot& name) { name.invalid_for(dns_1035_label_faults(name.text())); });
  const Spot versions = spec["versions"];
  std::set<std::string_view> seen;
  std::size_t stored = 0;
  versions.each([&](const Spot& version) {
    named(version["name"], dns_1035_label_faults);
    if (!seen.insert(version["name"].text()).second) versions.invalid("must contain unique version names");
    stored += version["storage"].flag();
  });
  if (stored != 1) versions.invalid("must have exactly one version marked as storage version");
  check_conversion(spec["conversion"]);
  check_stored_versions(object);
}

void update_definition(const Spot& object, const Tree& before) {
  for (const char* field : {"group", "scope"}) immutable(object["spec"][field], before.find("spec", field));
  for (const char* field : {"kind", "plural"})
    immutable(object["spec"]["names"][field], before.find("spec", "names", field));
}

void below(const Spot& priority, std::int64_t most, std::string_view why) {
  if (priority.number() < 1 || priority.number() > most) priority.invalid(why);
}

void check_api_service(const Spot& object) {
  const Spot spec = object["spec"];
  const std::string wanted = fmt::format("{}.{}", spec["version"].text(), spec["group"].text());
  if (object["metadata"]["name"].text() != wanted)
    object["metadata"]["name"].invalid(
        fmt::format("must be `spec.version+\".\"+spec.group`: \"{}\"", wanted));
  // The core group has no name.
  if (spec["group"].has_something() || spec["version"].text() != "v1")
    named(spec["group"], dns_subdomain_faults);
  named(spec["version"], dns_1035_label_faults);
  below(spec["groupPriorityMinimum"], 20'000, "must be positive and less than 20000");
  below(spec["versionPriority"], 1000, "must be positive and less than 1000");
  const Spot service = spec["service"];
  const bool has_bundle = spec["caBundle"].has_something(),
             is_insecure = spec["insecureSkipTLSVerify"].flag();
  if (!service.is_set()) {
    if (has_bundle) spec["caBundle"].invalid("local APIServices may not have a caBundle");
    if (is_insecure)
      spec["insecureSkipTLSVerify"].invalid("local APIServices may not have insecureSkipTLSVerify");
    return;
  }
  required(service["namespace"]);
  required(service["name"]);
  if (service["port"].is_set()) port_number(service["port"]);
  if (has_bundle && is_insecure)
    spec["insecureSkipTLSVerify"].invalid("may not be true if caBundle is present");
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
    {.group = "apiextensions.k8s.io",
     .kind = "CustomResourceDefinition",
     .counts_generations = true,
     .prepare = note_storage_version,
     .check = check_definition,
     .check_update = update_definition},
    {.group = "apiregistration.k8s.io",
     .kind = "APIService",
     .name_faults = path_segment_faults,
     .check = check_api_service},
};

}  // namespace

std::span<const KindRules> extension_rules() { return kRules; }

}  // namespace gantry::kube::rules
