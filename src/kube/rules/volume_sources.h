// SPDX-License-Identifier: Apache-2.0
//
// Where a volume comes from: what each of the kinds of sources asks, in pods and in PersistentVolumes, and
// that a volume has one of them (core/v1 VolumeSource, PersistentVolumeSource).
#pragma once

#include <array>
#include <span>

#include "kube/rules/spot.h"

namespace gantry::kube::rules {

struct VolumeSource {
  const char* field;
  std::array<const char*, 3> required = {};  // fields that have to say something
  void (*check)(const Spot& source) = nullptr;
  // Where Kubernetes tells of its faults, and that it is one source too many, if not at the field.
  const char* faults_at = nullptr;
  const char* surplus_at = nullptr;
};

// Exactly one of `known`, which are looked for in their order.
void one_source(const Spot& volume, std::span<const VolumeSource> known);

// "volume:portal" names an interface of the initiator, which has room for so many characters.
bool is_too_long_for_initiator(std::string_view volume, const Spot& iscsi);
inline constexpr std::string_view kTooLongForInitiator =
    "Total length of <volume name>:<iscsi.targetPortal> must be under 64 characters if iscsi.initiatorName "
    "is "
    "specified.";

// What both kinds of volumes have, in the same form.
void azure_disk(const Spot& source);
void disk_partition(const Spot& source);
void fibre_channel(const Spot& source);
void flex_volume(const Spot& source);
void flocker(const Spot& source);
void host_path(const Spot& source);
void nfs_volume(const Spot& source);
void quobyte(const Spot& source);

// And in two: a secret of a pod's volume is in the pod's namespace, one of a PersistentVolume is not.
void iscsi_of_pod(const Spot& source);
void iscsi_of_persistent(const Spot& source);
void storage_os_of_pod(const Spot& source);
void storage_os_of_persistent(const Spot& source);
void secret_of_pod(const Spot& source);         // secretRef, if it is set
void secret_of_persistent(const Spot& source);  // the same

// Of the Container Storage Interface: a domain, in whatever case, that is as short as a label.
void csi_driver_name(const Spot& name);

}  // namespace gantry::kube::rules
