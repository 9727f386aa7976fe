// SPDX-License-Identifier: Apache-2.0
//
// PersistentVolume and PersistentVolumeClaim.
#include "kube/rules/persistent_volumes.h"

#include <algorithm>
#include <filesystem>

#include <fmt/format.h>

#include "kube/api/quantity.h"
#include "kube/rules/checks.h"
#include "kube/rules/kind_rules.h"
#include "kube/rules/pod_spec.h"
#include "kube/rules/volume_sources.h"

namespace gantry::kube::rules {
namespace {

using json::Tree;

constexpr std::string_view kAccessModes[] = {"ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce",
                                             "ReadWriteOncePod"};
constexpr std::string_view kReclaimPolicies[] = {"Delete", "Recycle", "Retain"};
constexpr std::string_view kVolumeModes[] = {"Block", "Filesystem"};
constexpr std::string_view kStorage[] = {"storage"};
constexpr std::string_view kResizes[] = {"ControllerResizeInProgress", "ControllerResizeInfeasible",
                                         "NodeResizeInProgress", "NodeResizeInfeasible", "NodeResizePending"};
constexpr std::string_view kNoSources[] = {"accessModes",      "capacity",
                                           "claimRef",         "mountOptions",
                                           "nodeAffinity",     "persistentVolumeReclaimPolicy",
                                           "storageClassName", "volumeAttributesClassName",
                                           "volumeMode"};

// It said what storageClassName says today.
constexpr std::string_view kClassAnnotation = "volume.beta.kubernetes.io/storage-class";

bool is_source(std::string_view field) {
  return std::ranges::find(kNoSources, field) == std::end(kNoSources);
}

void access_modes(const Spot& modes, std::string_view why_required) {
  if (modes.size() == 0) modes.required(why_required);
  bool is_exclusive = false, has_others = false;
  for (const Tree& mode : modes.value().array()) {
    if (std::ranges::find(kAccessModes, mode.as_string()) == std::end(kAccessModes))
      modes.not_supported(mode, kAccessModes);
    else if (mode.as_string() == "ReadWriteOncePod")
      is_exclusive = true;
    else
      has_others = true;
  }
  if (is_exclusive && has_others) modes.forbidden("may not use ReadWriteOncePod with other access modes");
}

void positive(const Spot& amount) {
  const auto parsed = Quantity::from_tree(amount.value());
  if (!parsed || parsed->sign() <= 0) amount.invalid("must be greater than zero");
}

// Amounts that exist already are whole numbers of bytes.
void basic_amount(const Spot& amount) {
  const auto parsed = Quantity::from_tree(amount.value());
  if (parsed && parsed->sign() < 0) amount.invalid("must be a valid resource quantity");
}

// ---- Volumes

void csi(const Spot& source) {
  csi_driver_name(source["driver"]);
  required(source["volumeHandle"]);
  for (const char* ref : {"controllerPublishSecretRef", "controllerExpandSecretRef", "nodePublishSecretRef",
                          "nodeExpandSecretRef"}) {
    if (!source[ref].is_set()) continue;
    named(source[ref]["name"], dns_subdomain_faults);
    named(source[ref]["namespace"], dns_label_faults);
  }
}

void glusterfs(const Spot& source) {
  const Spot name_space = source["endpointsNamespace"];
  if (!name_space.is_set()) return;
  if (name_space.text().empty())
    return name_space.invalid("if the endpointnamespace is set, it must be a valid namespace name");
  name_space.invalid_for(dns_label_faults(name_space.text()));
}

void azure_file(const Spot& source) {
  if (source["secretNamespace"].is_set()) required(source["secretNamespace"]);
}

void local(const Spot& source) { path_without_backsteps(source["path"]); }

// In Kubernetes' order.
constexpr VolumeSource kSources[] = {
    {.field = "hostPath", .check = host_path},
    {.field = "gcePersistentDisk",
     .required = {"pdName"},
     .check = disk_partition,
     .faults_at = "persistentDisk"},
    {.field = "awsElasticBlockStore", .required = {"volumeID"}, .check = disk_partition},
    {.field = "glusterfs", .required = {"endpoints", "path"}, .check = glusterfs},
    {.field = "flocker", .check = flocker},
    {.field = "nfs", .required = {"server", "path"}, .check = nfs_volume},
    {.field = "rbd", .required = {"monitors", "image"}},
    {.field = "quobyte", .check = quobyte},
    {.field = "cephfs", .required = {"monitors"}, .surplus_at = "cephFS"},
    {.field = "iscsi", .required = {"targetPortal"}, .check = iscsi_of_persistent},
    {.field = "cinder", .required = {"volumeID"}, .check = secret_of_persistent},
    {.field = "fc", .check = fibre_channel},
    {.field = "flexVolume", .required = {"driver"}, .check = flex_volume},
    {.field = "azureFile", .required = {"secretName", "shareName"}, .check = azure_file},
    {.field = "vsphereVolume", .required = {"volumePath"}},
    {.field = "photonPersistentDisk", .required = {"pdID"}},
    {.field = "portworxVolume", .required = {"volumeID"}},
    {.field = "azureDisk", .required = {"diskName", "diskURI"}, .check = azure_disk},
    {.field = "scaleIO", .required = {"gateway", "system", "volumeName"}},
    {.field = "local", .required = {"path"}, .check = local},
    {.field = "storageos", .check = storage_os_of_persistent},
    {.field = "csi", .check = csi},
};

void attributes_class(const Spot& spec) {
  const Spot name = spec["volumeAttributesClassName"];
  if (!name.is_set()) return;
  if (name.text().empty())
    name.required("an empty string is disallowed");
  else
    name.invalid_for(dns_subdomain_faults(name.text()));
  if (!spec["csi"].is_set()) spec["csi"].required("has to be specified when using volumeAttributesClassName");
}

void capacity(const Spot& capacity) {
  if (capacity.size() == 0) capacity.required();
  if (capacity.size() != 1 || !capacity.key("storage").is_set())
    capacity.not_supported(capacity.value(), kStorage);
  capacity.each_member([](std::string_view, const Spot& amount) {
    basic_amount(amount);
    positive(amount);
  });
}

void node_affinity(const Spot& affinity) {
  if (!affinity.is_set()) return;
  if (!affinity["required"].is_set())
    affinity["required"].required("must specify required node constraints");
  else
    node_selector(affinity["required"]);
}

void initiator(const Spot& object) {
  const Spot iscsi = object["spec"]["iscsi"];
  if (is_too_long_for_initiator(object["metadata"]["name"].text(), iscsi))
    iscsi["targetportal"].invalid(iscsi["targetPortal"].value(), kTooLongForInitiator);
}

// However it is written.
bool is_root(std::string_view path) {
  return !path.empty() && std::filesystem::path(path).lexically_normal() == "/";
}

void check_volume(const Spot& object) {
  const Spot spec = object["spec"];
  access_modes(spec["accessModes"], "");
  capacity(spec["capacity"]);
  one_of_if_set(spec["persistentVolumeReclaimPolicy"], kReclaimPolicies);
  node_affinity(spec["nodeAffinity"]);
  one_source(spec, kSources);
  initiator(object);
  if (spec["local"].is_set() && !spec["nodeAffinity"].is_set())
    spec["nodeAffinity"].required("Local volume requires node affinity");
  if (is_root(spec["hostPath"]["path"].text()) && spec["persistentVolumeReclaimPolicy"].text() == "Recycle")
    spec["persistentVolumeReclaimPolicy"].forbidden("may not be 'recycle' for a hostPath mount of '/'");
  named_if_set(spec["storageClassName"], dns_subdomain_faults);
  one_of_if_set(spec["volumeMode"], kVolumeModes);
  attributes_class(spec);
}

// Where a volume comes from; a secret for its growth may be added.
Tree sources_of(const Tree& spec) {
  Tree kept = spec;
  kept.object().erase_if([](std::string_view field, const Tree&) { return !is_source(field); });
  return kept;
}

// Labels of nodes had other keys before they were settled.
constexpr std::pair<std::string_view, std::string_view> kSettledLabels[] = {
    {"failure-domain.beta.kubernetes.io/zone", "topology.kubernetes.io/zone"},
    {"failure-domain.beta.kubernetes.io/region", "topology.kubernetes.io/region"},
    {"beta.kubernetes.io/os", "kubernetes.io/os"},
    {"beta.kubernetes.io/arch", "kubernetes.io/arch"},
    {"beta.kubernetes.io/instance-type", "node.kubernetes.io/instance-type"}};

std::string_view settled(std::string_view label) {
  const auto found = std::ranges::find(kSettledLabels, label, [](const auto& pair) { return pair.first; });
  return found == std::end(kSettledLabels) ? label : found->second;
}

Tree* list_in(Tree& object, std::string_view list) {
  Tree* found = object.object().find(list);
  return found == nullptr || found->array().empty() ? nullptr : found;
}

// `was`, with the settled keys where `now` has them.
Tree with_settled_labels(Tree was, const Tree& now) {
  Tree* required = was.object().find("required");
  Tree* terms = required == nullptr ? nullptr : list_in(*required, "nodeSelectorTerms");
  if (terms == nullptr) return was;
  Report unused;
  const Spot wanted = Spot(now, unused)["required"]["nodeSelectorTerms"];
  std::size_t index = 0;
  for (Tree& term : terms->array()) {
    const Spot expressions = wanted.at(index++)["matchExpressions"];
    std::size_t place = 0;
    if (Tree* list = list_in(term, "matchExpressions"))
      for (Tree& expression : list->array())
        if (const std::string_view key = settled(expression.text_at("key"));
            expressions.at(place++)["key"].text() == key)
          expression.object()["key"] = key;
  }
  return was;
}

void update_volume(const Spot& object, const Tree& before) {
  const Tree* old = before.find("spec");
  if (old == nullptr) return;
  const Spot spec = object["spec"];
  const Tree was = sources_of(*old);
  Tree is_now = sources_of(spec.value());
  if (was.find("csi") != nullptr && was.find("csi", "controllerExpandSecretRef") == nullptr)
    if (Tree* now = is_now.object().find("csi")) now->object().erase("controllerExpandSecretRef");
  if (!(is_now == was))
    spec["persistentvolumesource"].forbidden("spec.persistentvolumesource is immutable after creation");
  // Kubernetes says neither of them below spec.
  if (!is_same(&spec["volumeMode"].value(), old->find("volumeMode")))
    object["volumeMode"].invalid(spec["volumeMode"].value(), kImmutable);
  if (const Tree* affinity = old->find("nodeAffinity");
      affinity != nullptr &&
      !(with_settled_labels(*affinity, spec["nodeAffinity"].value()) == spec["nodeAffinity"].value()))
    object["nodeAffinity"].invalid(spec["nodeAffinity"].value(),
                                   "field is immutable, except for updating from beta label to GA");
  if (old->find("volumeAttributesClassName") != nullptr && !spec["volumeAttributesClassName"].is_set())
    spec["volumeAttributesClassName"].forbidden("update from non-nil value to nil is forbidden");
}

void prepare_volume(Tree& object, const Tree* before) {
  if (before == nullptr) object.object()["status"].object()["phase"] = "Pending";
}

// ---- Claims

// What a new volume is to be filled from.
void data_source(const Spot& source) {
  if (!source.is_set()) return;
  required(source["name"]);
  required(source["kind"]);
  const Spot group = source["apiGroup"];
  if (group.text().empty() && source["kind"].text() != "PersistentVolumeClaim")
    source.invalid(source["kind"].value(),
                   "must be 'PersistentVolumeClaim' when referencing the default apiGroup");
  named_if_set(group, dns_subdomain_faults);
  named_if_set(source["namespace"], dns_label_faults);
}

void data_sources(const Spot& spec) {
  const Spot one = spec["dataSource"];
  const Spot other = spec["dataSourceRef"];
  data_source(one);
  data_source(other);
  if (!one.is_set() || !other.is_set()) return;
  const Tree shown(one.path());
  if (!other["namespace"].text().empty())
    return spec.invalid(shown, "may not be specified when dataSourceRef.namespace is specified");
  for (const char* field : {"apiGroup", "kind", "name"})
    if (!is_same(&one[field].value(), &other[field].value()))
      return spec.invalid(shown, "must match dataSourceRef");
}

void check_claim(const Spot& object) { claim_spec(object["spec"]); }

const Tree* size_in(const Tree& object, const char* part) {
  return std::string_view(part) == "spec" ? object.find("spec", "resources", "requests", "storage")
                                          : object.find("status", "capacity", "storage");
}

// Less than was asked for may be asked for as long as there is no more than that yet.
void smaller_claim(const Spot& object, const Tree& before) {
  const Tree* old_size = size_in(before, "spec");
  const Spot wanted = object["spec"]["resources"]["requests"]["storage"];
  if (old_size == nullptr || !wanted.is_set()) return;
  const auto was = Quantity::from_tree(*old_size);
  const auto is_now = Quantity::from_tree(wanted.value());
  if (!was || !is_now || !(*is_now < *was)) return;
  const Tree* present = size_in(before, "status");
  const auto there_is = present == nullptr ? Result<Quantity>(Quantity(0)) : Quantity::from_tree(*present);
  if (there_is && !(*is_now > *there_is)) wanted.forbidden("field can not be less than status.capacity");
}

void changed_attributes(const Spot& object, const Tree& before) {
  const Spot name = object["spec"]["volumeAttributesClassName"];
  if (before.find("status", "currentVolumeAttributesClassName") == nullptr) return;
  if (is_same(&name.value(), before.find("spec", "volumeAttributesClassName"))) return;
  constexpr std::string_view kApplied =
      "is forbidden when status.currentVolumeAttributesClassName is not nil";
  if (!name.is_set())
    name.forbidden(fmt::format("update to nil {}", kApplied));
  else if (name.text().empty())
    name.forbidden(fmt::format("update to empty string {}", kApplied));
}

// A claim is what it was, but for the volume that it gets, a class where none was said, and, once it has a
// volume, more room and other attributes.
void update_claim(const Spot& object, const Tree& before) {
  const Tree* was = before.find("spec");
  if (was == nullptr) return;
  const Spot annotations = object["metadata"]["annotations"];
  immutable(annotations[kClassAnnotation], before.find("metadata", "annotations", kClassAnnotation));
  Tree same = object["spec"].value();
  const auto take_back = [](Tree& from, const Tree& old, std::string_view field) {
    if (const Tree* value = old.find(field))
      from.object()[field] = *value;
    else
      from.object().erase(field);
  };
  if (was->text_at("volumeName").empty()) take_back(same, *was, "volumeName");
  if (was->find("storageClassName") == nullptr) take_back(same, *was, "storageClassName");
  if (before.text_at("status", "phase") == "Bound") {
    take_back(same, *was, "volumeAttributesClassName");
    if (const Tree* size = size_in(before, "spec");
        size != nullptr && same.find("resources", "requests") != nullptr)
      same.object()["resources"].object()["requests"].object()["storage"] = *size;
  }
  if (!(same == *was))
    object["spec"].forbidden(
        "spec is immutable after creation except resources.requests and volumeAttributesClassName "
        "for bound claims");
  smaller_claim(object, before);
  if (!is_same(&object["spec"]["volumeMode"].value(), was->find("volumeMode")))
    object["volumeMode"].invalid(object["spec"]["volumeMode"].value(), kImmutable);
  changed_attributes(object, before);
}

// Of the resources that Kubernetes knows itself, claims are for one.
bool claim_resource(const Spot& list, std::string_view name) {
  if (const Faults faults = label_key_faults(name); !faults.empty()) {
    for (const std::string& fault : faults) list.invalid(Tree(name), fault);
    return false;
  }
  const bool is_native =
      name.find('/') == std::string_view::npos || name.find("kubernetes.io/") != std::string_view::npos;
  if (is_native && name != "storage") list.not_supported(Tree(name), kStorage);
  return !is_native || name == "storage";
}

void update_claim_status(const Spot& object, const Tree& /*before*/) {
  const Spot status = object["status"];
  status["capacity"].each_member([](std::string_view, const Spot& amount) { basic_amount(amount); });
  const Spot resizes = status["allocatedResourceStatuses"];
  for (const auto& [name, resize] : resizes.value().object()) {
    claim_resource(resizes, name);
    if (std::ranges::find(kResizes, resize.as_string()) == std::end(kResizes))
      resizes.not_supported(Tree(name), kResizes);
  }
  const Spot allocated = status["allocatedResources"];
  allocated.each_member([&](std::string_view name, const Spot& amount) {
    if (claim_resource(allocated, name)) basic_amount(amount);
  });
}

constexpr KindRules kRules[] = {
    {.group = "",
     .kind = "PersistentVolume",
     .prepare = prepare_volume,
     .check = check_volume,
     .check_update = update_volume},
    {.group = "",
     .kind = "PersistentVolumeClaim",
     .prepare = prepare_volume,
     .check = check_claim,
     .check_update = update_claim,
     .check_status = update_claim_status},
};

}  // namespace

void inline_volume_spec(const Spot& spec) {
  constexpr std::string_view kNotInline = "may not be specified in the context of inline volumes";
  for (const char* field : {"claimRef", "capacity", "nodeAffinity", "storageClassName"})
    if (spec[field].is_set()) spec[field].forbidden(kNotInline);
  if (!spec["csi"].is_set()) spec["csi"].required("has to be specified in the context of inline volumes");
  access_modes(spec["accessModes"], "");
  const Spot policy = spec["persistentVolumeReclaimPolicy"];
  if (policy.has_something() && policy.text() != "Retain")
    policy.forbidden("may only be Retain in the context of inline volumes");
  one_source(spec, kSources);
  const Spot mode = spec["volumeMode"];
  if (mode.is_set() && mode.text() != "Filesystem")
    mode.forbidden("may not specify volumeMode other than Filesystem in the context of inline volumes");
  attributes_class(spec);
}

void claim_spec(const Spot& spec) {
  access_modes(spec["accessModes"], "at least 1 access mode is required");
  label_selector(spec["selector"]);
  const Spot size = spec["resources"]["requests"]["storage"];
  const Spot shown = spec["resources"].key("storage");
  if (!size.is_set()) {
    shown.required();
  } else if (const auto amount = Quantity::from_tree(size.value()); !amount || amount->sign() <= 0) {
    shown.invalid(size.value(), "must be greater than zero");
  }
  named_if_set(spec["storageClassName"], dns_subdomain_faults);
  one_of_if_set(spec["volumeMode"], kVolumeModes);
  data_sources(spec);
  named_if_set(spec["volumeAttributesClassName"], dns_subdomain_faults);
}

std::span<const KindRules> persistent_volume_rules() { return kRules; }

}  // namespace gantry::kube::rules
