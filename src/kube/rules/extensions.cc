// SPDX-License-Identifier: Apache-2.0
//
// What extends the server: the names of CustomResourceDefinitions, APIServices.
#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "base/lower_case.h"
#include "kube/rules/checks.h"
#include "kube/rules/kind_rules.h"
#include "kube/rules/webhooks.h"

namespace gantry::kube::rules {
namespace {

using json::Tree;

constexpr std::string_view kDefinitionScopes[] = {"Cluster", "Namespaced"};
constexpr std::string_view kConditionStatuses[] = {"True", "False", "Unknown"};
constexpr std::string_view kConversions[] = {"None", "Webhook"};

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
  review_versions(versions, "");
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

std::string joined(const Faults& faults) { return fmt::format("{}", fmt::join(faults, ",")); }

// Those that are there; what others have taken is not accepted, and may be missing from the status.
void definition_names(const Spot& names) {
  const auto check = [](const Spot& name) {
    if (const Faults faults = dns_1035_label_faults(name.text()); !faults.empty())
      name.invalid(joined(faults));
  };
  for (const char* field : {"plural", "singular"})
    if (names[field].has_something()) check(names[field]);
  for (const char* field : {"kind", "listKind"})
    if (const Faults faults = dns_1035_label_faults(in_lower_case(names[field].text()));
        names[field].has_something() && !faults.empty())
      names[field].invalid("may have mixed case, but should otherwise match: " + joined(faults));
  names["shortNames"].each(check);
  if (names["kind"].has_something() && names["kind"].text() == names["listKind"].text())
    names["listKind"].invalid("kind and listKind may not be the same");
  names["categories"].each(check);
}

void check_definition(const Spot& object) {
  const Spot spec = object["spec"];
  const Spot names = spec["names"];
  const std::string wanted = fmt::format("{}.{}", names["plural"].text(), spec["group"].text());
  if (object["metadata"]["name"].text() != wanted)
    object["metadata"]["name"].invalid("must be spec.names.plural+\".\"+spec.group");
  const Spot group = spec["group"];
  if (group.text().empty())
    group.required();
  else if (const Faults faults = dns_subdomain_faults(group.text()); !faults.empty())
    group.invalid(joined(faults));
  else if (group.text().find('.') == std::string_view::npos)
    group.invalid("should be a domain with at least one dot");
  one_of(spec["scope"], kDefinitionScopes);
  const Spot versions = spec["versions"];
  std::set<std::string_view> seen;
  std::size_t stored = 0;
  versions.each([&](const Spot& version) {
    if (const Faults faults = dns_1035_label_faults(version["name"].text()); !faults.empty())
      version["name"].invalid(joined(faults));
    seen.insert(version["name"].text());
    stored += version["storage"].flag();
  });
  if (seen.size() != versions.size()) versions.invalid("must contain unique version names");
  if (stored != 1) versions.invalid("must have exactly one version marked as storage version");
  for (const char* field : {"plural", "singular", "kind", "listKind"}) required(names[field]);
  definition_names(names);
  check_conversion(spec["conversion"]);
  check_stored_versions(object);
}

bool is_established(const Tree& definition) {
  const Tree* conditions = definition.find("status", "conditions");
  return conditions != nullptr && std::ranges::any_of(conditions->array(), [](const Tree& condition) {
           return condition.text_at("type") == "Established" && condition.text_at("status") == "True";
         });
}

// Groups of the community are for kinds that it has agreed to.
bool is_protected(std::string_view group) {
  return group == "k8s.io" || group.ends_with(".k8s.io") || group == "kubernetes.io" ||
         group.ends_with(".kubernetes.io");
}

enum class Approval : std::uint8_t { Missing, Bypassed, Given, Wrong };

Approval approval_of(std::string_view annotation) {
  if (annotation.empty()) return Approval::Missing;
  if (annotation.starts_with("unapproved")) return Approval::Bypassed;
  const std::size_t colon = annotation.find("://");
  const bool is_url = colon != std::string_view::npos && colon > 0 && colon + 3 < annotation.size() &&
                      annotation[colon + 3] != '/';
  return is_url ? Approval::Given : Approval::Wrong;
}

constexpr const char* kApproved = "api-approved.kubernetes.io";

void approval(const Spot& object, const Tree* before) {
  if (!is_protected(object["spec"]["group"].text())) return;
  const Spot annotation = object["metadata"]["annotations"].key(kApproved);
  const Approval now = approval_of(annotation.text());
  if (before != nullptr && approval_of(before->text_at("metadata", "annotations", kApproved)) == now) return;
  constexpr std::string_view kSee = "see https://github.com/kubernetes/enhancements/pull/1111";
  if (now == Approval::Missing)
    annotation.required(
        fmt::format("protected groups must have approval annotation \"{}\", {}", kApproved, kSee));
  if (now == Approval::Wrong)
    annotation.invalid(
        fmt::format("protected groups must have approval annotation \"{}\" with either a URL or "
                    "a reason starting with \"unapproved\", {}",
                    kApproved, kSee));
}

void create_definition(const Spot& object) { approval(object, nullptr); }

// Objects may be there as soon as it is established.
void update_definition(const Spot& object, const Tree& before) {
  const Spot spec = object["spec"];
  if (is_established(before)) {
    immutable(spec["scope"], before.find("spec", "scope"));
    immutable(spec["names"]["kind"], before.find("spec", "names", "kind"));
  }
  immutable(spec["group"], before.find("spec", "group"));
  immutable(spec["names"]["plural"], before.find("spec", "names", "plural"));
  approval(object, &before);
}

void update_definition_status(const Spot& object, const Tree& /*before*/) {
  definition_names(object["status"]["acceptedNames"]);
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
  named_if_set(spec["group"], dns_subdomain_faults);
  if (spec["group"].text().empty() && spec["version"].text() != "v1")
    spec["group"].required("only v1 may have an empty group and it better be legacy kube");
  spec["version"].invalid_for(dns_1035_label_faults(spec["version"].text()));
  below(spec["groupPriorityMinimum"], 20'000, "must be positive and less than 20000");
  below(spec["versionPriority"], 1000, "must be positive and less than 1000");
  const Spot service = spec["service"];
  const bool has_bundle = spec["caBundle"].has_something(),
             is_insecure = spec["insecureSkipTLSVerify"].flag();
  if (!service.is_set()) {
    if (has_bundle)
      spec["caBundle"].invalid(Tree(fmt::format("{} bytes", decoded_size(spec["caBundle"].text()))),
                               "local APIServices may not have a caBundle");
    if (is_insecure)
      spec["insecureSkipTLSVerify"].invalid("local APIServices may not have insecureSkipTLSVerify");
    return;
  }
  required(service["namespace"]);
  required(service["name"]);
  service_port(service["port"]);
  if (has_bundle && is_insecure)
    spec["insecureSkipTLSVerify"].invalid("may not be true if caBundle is present");
}

void update_api_service_status(const Spot& object, const Tree& /*before*/) {
  object["status"]["conditions"].each([](const Spot& condition) {
    const Spot status = condition["status"];
    if (std::ranges::find(kConditionStatuses, status.text()) == std::end(kConditionStatuses))
      status.not_supported(kConditionStatuses);
  });
}

constexpr KindRules kRules[] = {
    {.group = "apiextensions.k8s.io",
     .kind = "CustomResourceDefinition",
     .counts_generations = true,
     .prepare = note_storage_version,
     .check = check_definition,
     .check_create = create_definition,
     .check_update = update_definition,
     .check_status = update_definition_status},
    {.group = "apiregistration.k8s.io",
     .kind = "APIService",
     .name_faults = path_segment_faults,
     .check = check_api_service,
     .check_status = update_api_service_status},
};

}  // namespace

std::span<const KindRules> extension_rules() { return kRules; }

}  // namespace gantry::kube::rules
