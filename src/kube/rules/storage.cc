// SPDX-License-Identifier: Apache-2.0
//
// What drivers of volumes and those who set them up say: StorageClass, VolumeAttributesClass, CSIDriver,
// CSINode, CSIStorageCapacity, VolumeAttachment.
#include <algorithm>
#include <map>
#include <set>

#include <fmt/format.h>

#include "base/lower_case.h"
#include "kube/rules/checks.h"
#include "kube/rules/kind_rules.h"
#include "kube/rules/persistent_volumes.h"

namespace gantry::kube::rules {
namespace {

using json::Tree;

constexpr std::size_t kParameters = 512;
constexpr std::size_t kParametersSize = 256 << 10;  // bytes of keys and values
constexpr std::size_t kAttachmentSize = 256 << 10;  // the same
constexpr std::size_t kErrorSize = 1024;
constexpr std::size_t kNodeIdSize = 256;
constexpr std::int64_t kShortestToken = 600;        // seconds
constexpr std::int64_t kLongestToken = 1LL << 32;   // seconds
constexpr std::int64_t kShortestUpdatePeriod = 10;  // seconds
constexpr std::string_view kReclaimPolicies[] = {"Delete", "Retain"};
constexpr std::string_view kBindingModes[] = {"Immediate", "WaitForFirstConsumer"};
constexpr std::string_view kGroupPolicies[] = {"File", "None", "ReadWriteOnceWithFSType"};
constexpr std::string_view kLifecycles[] = {"Persistent", "Ephemeral"};

void driver_name(const Spot& name) {
  if (name.text().empty()) return name.required();
  name.invalid_for(label_key_faults(in_lower_case(name.text())));
}

std::size_t size_of(const Spot& texts) {
  std::size_t size = 0;
  for (const auto& [key, value] : texts.value().object()) size += key.size() + value.as_string().size();
  return size;
}

void parameters(const Spot& parameters) {
  if (parameters.size() > kParameters) return parameters.too_long(kParameters);
  if (parameters.value().find("") != nullptr) parameters.invalid(Tree(""), "field can not be empty.");
  if (size_of(parameters) > kParametersSize) parameters.too_long(kParametersSize);
}

void unchanged(const Spot& object, const Tree& before, const char* field) {
  if (!is_same(&object[field].value(), before.find(field)))
    object[field].forbidden(fmt::format("updates to {} are forbidden.", field));
}

// ---- Classes

void topology_term(const Spot& term) {
  std::set<std::string_view> keys;
  term["matchLabelExpressions"].each([&](const Spot& expression) {
    const Spot key = expression["key"];
    key.invalid_for(label_key_faults(key.text()));
    const Spot values = expression["values"];
    if (values.size() == 0) values.required();
    std::set<std::string_view> seen;
    values.each([&](const Spot& value) {
      if (!seen.insert(value.text()).second) value.duplicate();
    });
    if (!keys.insert(key.text()).second) key.duplicate(Tree(""));
  });
}

void check_storage_class(const Spot& object) {
  driver_name(object["provisioner"]);
  parameters(object["parameters"]);
  one_of_if_set(object["reclaimPolicy"], kReclaimPolicies);
  required(object["volumeBindingMode"]);
  one_of_if_set(object["volumeBindingMode"], kBindingModes);
  object["allowedTopologies"].each(topology_term);
}

void update_storage_class(const Spot& object, const Tree& before) {
  for (const char* field : {"parameters", "provisioner", "reclaimPolicy"}) unchanged(object, before, field);
  immutable(object["volumeBindingMode"], before.find("volumeBindingMode"));
}

void check_attributes_class(const Spot& object) {
  driver_name(object["driverName"]);
  parameters(object["parameters"]);
  if (object["parameters"].size() == 0)
    object["parameters"].required("must contain at least one key/value pair");
}

void update_attributes_class(const Spot& object, const Tree& before) {
  for (const char* field : {"driverName", "parameters"}) unchanged(object, before, field);
}

// ---- Drivers

void tokens(const Spot& requests) {
  std::set<std::string_view> audiences;
  requests.each([&](const Spot& request) {
    if (!audiences.insert(request["audience"].text()).second) return request["audience"].duplicate();
    const Spot seconds = request["expirationSeconds"];
    if (!seconds.is_set()) return;
    if (seconds.number() < kShortestToken) seconds.invalid("may not specify a duration less than 10 minutes");
    if (seconds.number() > kLongestToken)
      seconds.invalid("may not specify a duration larger than 2^32 seconds");
  });
}

void check_driver(const Spot& object) {
  const Spot spec = object["spec"];
  // Kubernetes calls it so.
  if (!spec["attachRequired"].is_set()) spec["attachedRequired"].required();
  for (const char* field : {"podInfoOnMount", "storageCapacity"})
    if (!spec[field].is_set()) spec[field].required();
  one_of_if_set(spec["fsGroupPolicy"], kGroupPolicies);
  tokens(spec["tokenRequests"]);
  const Spot modes = spec["volumeLifecycleModes"];
  for (const Tree& mode : modes.value().array())
    if (std::ranges::find(kLifecycles, mode.as_string()) == std::end(kLifecycles))
      modes.not_supported(mode, kLifecycles);
  if (!spec["seLinuxMount"].is_set()) spec["seLinuxMount"].required();
  const Spot period = spec["nodeAllocatableUpdatePeriodSeconds"];
  if (period.is_set() && period.number() < kShortestUpdatePeriod)
    period.invalid(fmt::format("must be greater than or equal to {} seconds", kShortestUpdatePeriod));
}

void update_driver(const Spot& object, const Tree& before) {
  const Spot spec = object["spec"];
  if (!is_same(&spec["attachRequired"].value(), before.find("spec", "attachRequired")))
    spec["attachedRequired"].invalid(spec["attachRequired"].value(), kImmutable);
  immutable(spec["volumeLifecycleModes"], before.find("spec", "volumeLifecycleModes"));
}

void node_driver(const Spot& driver, std::set<std::string_view>& names) {
  const Spot name = driver["name"];
  name.invalid_for(dns_subdomain_faults(name.text()));
  const Spot id = driver["nodeID"];
  required(id);
  if (id.text().size() > kNodeIdSize) id.invalid(fmt::format("must be {} characters or less", kNodeIdSize));
  non_negative(driver["allocatable"]["count"]);
  if (!names.insert(name.text()).second) name.duplicate();
  std::set<std::string_view> keys;
  for (const Tree& key : driver["topologyKeys"].value().array()) {
    if (key.as_string().empty()) driver.required();
    if (!keys.insert(key.as_string()).second) driver.duplicate(key);
    for (const std::string& fault : label_key_faults(key.as_string())) driver.invalid(key, fault);
  }
}

void check_node(const Spot& object) {
  std::set<std::string_view> names;
  object["spec"]["drivers"].each([&](const Spot& driver) { node_driver(driver, names); });
}

// A driver that stays is what it was, but for how many volumes it takes.
void update_node(const Spot& object, const Tree& before) {
  const Tree* drivers = before.find("spec", "drivers");
  if (drivers == nullptr) return;
  std::map<std::string_view, const Tree*> old;
  for (const Tree& driver : drivers->array()) old.emplace(driver.text_at("name"), &driver);
  const Spot list = object["spec"]["drivers"];
  for (const Tree& driver : list.value().array()) {
    const auto was = old.find(driver.text_at("name"));
    if (was == old.end()) continue;
    Tree is_now = driver, was_then = *was->second;
    for (Tree* one : {&is_now, &was_then}) one->object().erase("allocatable");
    if (!is_same(&is_now, &was_then)) list.invalid(is_now, kImmutable);
  }
}

void check_capacity(const Spot& object) {
  label_selector(object["nodeTopology"]);
  object["storageClassName"].invalid_for(dns_subdomain_faults(object["storageClassName"].text()));
  if (object["capacity"].is_set()) quantity_non_negative(object["capacity"]);
}

void update_capacity(const Spot& object, const Tree& before) {
  for (const char* field : {"nodeTopology", "storageClassName"}) immutable(object[field], before.find(field));
}

// ---- Attachments

void attached_source(const Spot& source) {
  constexpr std::string_view kOne = "must specify exactly one of inlineVolumeSpec and persistentVolumeName";
  const Spot name = source["persistentVolumeName"];
  const Spot inline_spec = source["inlineVolumeSpec"];
  if (!name.is_set() && !inline_spec.is_set()) return source.required(kOne);
  if (name.is_set() && inline_spec.is_set()) return source.forbidden(kOne);
  if (inline_spec.is_set()) return inline_volume_spec(inline_spec);
  if (name.text().empty()) return name.required("must specify non empty persistentVolumeName");
  name.invalid_for(dns_subdomain_faults(name.text()));
}

void volume_error(const Spot& failure) {
  if (failure["message"].text().size() > kErrorSize) failure["message"].too_long(kErrorSize);
  if (failure["errorCode"].number() < 0) failure["errorCode"].invalid(range_fault(0, INT32_MAX));
}

void check_attachment(const Spot& object) {
  const Spot spec = object["spec"];
  named(spec["attacher"], dns_subdomain_faults);
  attached_source(spec["source"]);
  spec["nodeName"].invalid_for(dns_subdomain_faults(spec["nodeName"].text()));
  const Spot status = object["status"];
  if (size_of(status["attachmentMetadata"]) > kAttachmentSize)
    status["attachmentMetadata"].too_long(kAttachmentSize);
  volume_error(status["attachError"]);
  volume_error(status["detachError"]);
}

void update_attachment(const Spot& object, const Tree& before) {
  immutable(object["spec"], before.find("spec"));
}

void check_attachment_status(const Spot& object, const Tree& /*before*/) { check_attachment(object); }

constexpr std::string_view kGroup = "storage.k8s.io";
constexpr KindRules kRules[] = {
    {.group = kGroup, .kind = "CSIDriver", .check = check_driver, .check_update = update_driver},
    {.group = kGroup, .kind = "CSINode", .check = check_node, .check_update = update_node},
    {.group = kGroup, .kind = "CSIStorageCapacity", .check = check_capacity, .check_update = update_capacity},
    {.group = kGroup,
     .kind = "StorageClass",
     .check = check_storage_class,
     .check_update = update_storage_class},
    {.group = kGroup,
     .kind = "VolumeAttachment",
     .check = check_attachment,
     .check_update = update_attachment,
     .check_status = check_attachment_status},
    {.group = kGroup,
     .kind = "VolumeAttributesClass",
     .check = check_attributes_class,
     .check_update = update_attributes_class},
};

}  // namespace

std::span<const KindRules> storage_rules() { return kRules; }

}  // namespace gantry::kube::rules
