// SPDX-License-Identifier: Apache-2.0
#include "kube/rules/downward_fields.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/lower_case.h"
#include "kube/api/quantity.h"
#include "kube/rules/checks.h"

namespace gantry::kube::rules {
namespace {

using json::Tree;

constexpr std::string_view kFields[] = {"metadata.annotations", "metadata.labels",
                                        "metadata.name",        "metadata.namespace",
                                        "metadata.uid",         "spec.host",
                                        "spec.nodeName",        "spec.restartPolicy",
                                        "spec.schedulerName",   "spec.serviceAccountName",
                                        "status.hostIP",        "status.hostIPs",
                                        "status.phase",         "status.podIP",
                                        "status.podIPs"};
constexpr std::string_view kResources[] = {"limits.cpu",   "limits.ephemeral-storage",   "limits.memory",
                                           "requests.cpu", "requests.ephemeral-storage", "requests.memory"};
constexpr std::string_view kOfProcessors[] = {"1", "1m"};
constexpr std::string_view kOfBytes[] = {"1",   "1k",  "1M",  "1G",  "1T",  "1P", "1E",
                                         "1Ki", "1Mi", "1Gi", "1Ti", "1Pi", "1Ei"};

bool is_in(std::span<const std::string_view> words, std::string_view word) {
  return std::ranges::find(words, word) != words.end();
}

// "metadata.labels['app']".
struct FieldPath {
  std::string_view field;
  std::string_view key;
  bool has_key = false;
};

FieldPath parse(std::string_view path) {
  const std::size_t bracket = path.find("['");
  if (!path.ends_with("']") || bracket == std::string_view::npos || bracket == 0) return {path, {}, false};
  const std::size_t key = bracket + 2;
  if (key + 2 > path.size()) return {path, {}, false};
  return {path.substr(0, bracket), path.substr(key, path.size() - 2 - key), true};
}

bool has_keys(std::string_view field) {
  return field == "metadata.annotations" || field == "metadata.labels";
}

// Annotations may be written in whatever case.
void one_of_many(const Spot& reference, const FieldPath& path) {
  const std::string key =
      path.field == "metadata.annotations" ? in_lower_case(path.key) : std::string(path.key);
  for (const std::string& fault : label_key_faults(key)) reference.invalid(Tree(key), fault);
}

bool is_huge_page_field(std::string_view resource) {
  return resource.starts_with("limits.hugepages-") || resource.starts_with("requests.hugepages-");
}

// What the message calls it.
std::string_view measured(std::string_view resource) {
  if (is_huge_page_field(resource)) return "hugepages";
  if (resource.ends_with(".memory")) return "memory";
  return resource.ends_with(".ephemeral-storage") ? "local ephemeral storage" : "";
}

void divisor(const Spot& divisor, std::string_view resource) {
  const auto amount = Quantity::from_tree(divisor.value());
  if (!divisor.is_set() || !amount || amount->sign() == 0) return;
  if (resource.ends_with(".cpu")) {
    if (!is_in(kOfProcessors, amount->text()))
      divisor.invalid(Tree(resource), "only divisor's values 1m and 1 are supported with the cpu resource");
  } else if (const std::string_view what = measured(resource);
             !what.empty() && !is_in(kOfBytes, amount->text())) {
    divisor.invalid(Tree(resource), fmt::format("only divisor's values {} are supported with the {} resource",
                                                fmt::join(kOfBytes, ", "), what));
  }
}

}  // namespace

void field_reference(const Spot& reference, std::span<const std::string_view> fields) {
  const Spot version = reference["apiVersion"];
  const Spot path = reference["fieldPath"];
  const auto not_converted = [&](std::string_view why) {
    path.invalid(fmt::format("error converting fieldPath: {}", why));
  };
  if (path.text().empty()) return path.required();
  if (version.has_something() && version.text() != "v1")
    return not_converted(fmt::format("unsupported pod version: {}", version.text()));
  const FieldPath parsed = parse(path.text());
  if (parsed.has_key && has_keys(parsed.field)) return one_of_many(reference, parsed);
  if (parsed.has_key)
    return not_converted(fmt::format("field label does not support subscript: {}", path.text()));
  if (!is_in(kFields, path.text()))
    return not_converted(fmt::format("field label not supported: {}", path.text()));
  const std::string_view field = path.text() == "spec.host" ? "spec.nodeName" : path.text();
  if (!is_in(fields, field)) path.not_supported(Tree(field), fields);
}

void resource_reference(const Spot& reference, bool names_container) {
  const Spot resource = reference["resource"];
  if (names_container && reference["containerName"].text().empty())
    reference["containerName"].required();
  else if (resource.text().empty())
    resource.required();
  else if (!is_in(kResources, resource.text()) && !is_huge_page_field(resource.text()))
    resource.not_supported(kResources);
  divisor(reference["divisor"], resource.text());
}

}  // namespace gantry::kube::rules
