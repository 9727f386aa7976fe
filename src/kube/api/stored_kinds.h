// SPDX-License-Identifier: Apache-2.0
//
// The kinds that the server itself looks at, by where they are stored (Resource::stored_as): group and
// plural, of the core group the plural alone.
#pragma once

namespace gantry::kube::stored {

inline constexpr const char* kApiServices = "apiregistration.k8s.io/apiservices";
inline constexpr const char* kEndpoints = "endpoints";
inline constexpr const char* kEndpointSlices = "discovery.k8s.io/endpointslices";
inline constexpr const char* kNodes = "nodes";
inline constexpr const char* kPersistentVolumes = "persistentvolumes";
inline constexpr const char* kPods = "pods";
inline constexpr const char* kSecrets = "secrets";
inline constexpr const char* kServiceAccounts = "serviceaccounts";
inline constexpr const char* kClusterRoleBindings = "rbac.authorization.k8s.io/clusterrolebindings";
inline constexpr const char* kClusterRoles = "rbac.authorization.k8s.io/clusterroles";
inline constexpr const char* kRoleBindings = "rbac.authorization.k8s.io/rolebindings";
inline constexpr const char* kRoles = "rbac.authorization.k8s.io/roles";
inline constexpr const char* kServices = "services";
inline constexpr const char* kVolumeAttachments = "storage.k8s.io/volumeattachments";
inline constexpr const char* kFlowSchemas = "flowcontrol.apiserver.k8s.io/flowschemas";
inline constexpr const char* kPriorityLevels = "flowcontrol.apiserver.k8s.io/prioritylevelconfigurations";

}  // namespace gantry::kube::stored
