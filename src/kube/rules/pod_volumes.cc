// SPDX-License-Identifier: Apache-2.0
//
// Volumes of pods: each has a name and exactly one source.
#include <set>
#include <string>

#include <fmt/format.h>

#include "kube/api/quantity.h"
#include "kube/rules/checks.h"
#include "kube/rules/persistent_volumes.h"
#include "kube/rules/pod_projections.h"
#include "kube/rules/pod_spec.h"
#include "kube/rules/volume_sources.h"

namespace gantry::kube::rules {
namespace {

using json::Tree;

constexpr std::string_view kPullPolicies[] = {"Always", "IfNotPresent", "Never"};

void empty_dir(const Spot& source) {
  const Spot limit = source["sizeLimit"];
  if (!limit.is_set()) return;
  if (const auto size = Quantity::from_tree(limit.value()); !size || size->sign() < 0)
    limit.forbidden("SizeLimit field must be a valid resource quantity");
}

void keyed(const Spot& source) {
  file_mode(source["defaultMode"]);
  source["items"].each(key_to_path);
}

void downward(const Spot& source) {
  file_mode(source["defaultMode"]);
  source["items"].each([&](const Spot& file) { downward_file(source, file); });
}

void git_repo(const Spot& source) { relative_path(source["directory"]); }

void csi(const Spot& source) {
  csi_driver_name(source["driver"]);
  const Spot secret = source["nodePublishSecretRef"];
  if (!secret.is_set()) return;
  if (secret["name"].text().empty()) return secret["name"].required();
  // Kubernetes leaves the reference out of the path.
  source["name"].with_value_of(secret["name"]).invalid_for(dns_subdomain_faults(secret["name"].text()));
}

// Of such metadata only these two are taken over.
void template_metadata(const Spot& metadata) {
  annotations(metadata["annotations"]);
  labels(metadata["labels"]);
  metadata.each_member([&](std::string_view field, const Spot&) {
    if (field != "annotations" && field != "labels") metadata[field].forbidden("cannot be set");
  });
}

void ephemeral(const Spot& source) {
  const Spot claim = source["volumeClaimTemplate"];
  if (!claim.is_set()) return claim.required();
  template_metadata(claim["metadata"]);
  claim_spec(claim["spec"]);
}

void image(const Spot& source) { one_of(source["pullPolicy"], kPullPolicies); }

// In Kubernetes' order.
constexpr VolumeSource kSources[] = {
    {.field = "emptyDir", .check = empty_dir},
    {.field = "hostPath", .check = host_path},
    {.field = "gitRepo", .required = {"repository"}, .check = git_repo},
    {.field = "gcePersistentDisk",
     .required = {"pdName"},
     .check = disk_partition,
     .faults_at = "persistentDisk"},
    {.field = "awsElasticBlockStore", .required = {"volumeID"}, .check = disk_partition},
    {.field = "secret", .required = {"secretName"}, .check = keyed},
    {.field = "nfs", .required = {"server", "path"}, .check = nfs_volume},
    {.field = "iscsi", .required = {"targetPortal"}, .check = iscsi_of_pod},
    {.field = "glusterfs", .required = {"endpoints", "path"}},
    {.field = "flocker", .check = flocker},
    {.field = "persistentVolumeClaim", .required = {"claimName"}},
    {.field = "rbd", .required = {"monitors", "image"}},
    {.field = "cinder", .required = {"volumeID"}, .check = secret_of_pod},
    {.field = "cephfs", .required = {"monitors"}, .surplus_at = "cephFS"},
    {.field = "quobyte", .check = quobyte},
    {.field = "downwardAPI", .check = downward, .surplus_at = "downwarAPI"},
    {.field = "fc", .check = fibre_channel},
    {.field = "flexVolume", .required = {"driver"}, .check = flex_volume},
    {.field = "configMap", .required = {"name"}, .check = keyed},
    {.field = "azureFile", .required = {"secretName", "shareName"}},
    {.field = "vsphereVolume", .required = {"volumePath"}},
    {.field = "photonPersistentDisk", .required = {"pdID"}},
    {.field = "portworxVolume", .required = {"volumeID"}},
    {.field = "azureDisk", .required = {"diskName", "diskURI"}, .check = azure_disk},
    {.field = "storageos", .check = storage_os_of_pod},
    {.field = "projected", .check = projected_volume},
    {.field = "scaleIO", .required = {"gateway", "system", "volumeName"}},
    {.field = "csi", .check = csi},
    {.field = "ephemeral", .check = ephemeral},
    {.field = "image", .required = {"reference"}, .check = image},
};

// A claim is made of it, with a name of both.
void claim_name(const Spot& volume, std::string_view pod) {
  const Spot name = volume["name"];
  if (!volume["ephemeral"].is_set() || pod.empty() || name.text().empty()) return;
  const std::string claim = fmt::format("{}-{}", pod, name.text());
  for (const std::string& fault : dns_subdomain_faults(claim))
    name.invalid(fmt::format("PVC name \"{}\": {}", claim, fault));
}

void check_volume(const Spot& volume, std::string_view pod, const Volumes& others) {
  one_source(volume, kSources);
  const Spot name = volume["name"];
  if (is_too_long_for_initiator(name.text(), volume["iscsi"])) name.invalid(kTooLongForInitiator);
  claim_name(volume, pod);
  named(name, dns_label_faults);
  if (others.contains(name.text())) name.duplicate();
}

std::set<std::string> claims_made(const Spot& volumes, std::string_view pod) {
  std::set<std::string> claims;
  if (pod.empty()) return claims;
  for (const Tree& volume : volumes.value().array())
    if (volume.find("ephemeral") != nullptr) claims.insert(fmt::format("{}-{}", pod, volume.text_at("name")));
  return claims;
}

}  // namespace

Volumes volumes(const Spot& volumes, std::string_view pod) {
  const std::set<std::string> made = claims_made(volumes, pod);
  Volumes known;
  volumes.each([&](const Spot& volume) {
    Report found;
    check_volume(volume.in(found), pod, known);
    if (found.is_clean()) known.emplace(volume["name"].text(), &volume.value());
    volume.take(std::move(found));
    const Spot claim = volume["persistentVolumeClaim"]["claimName"];
    if (made.contains(std::string(claim.text())))
      claim.invalid("must not reference a PVC that gets created for an ephemeral volume");
  });
  return known;
}

}  // namespace gantry::kube::rules
