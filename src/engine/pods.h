// SPDX-License-Identifier: Apache-2.0
//
// Pods: groups of containers that share namespaces (pod_record.h). The namespaces are made when the pod is
// started, are held by bind mounts in <run>/pods/<id>, and survive this process as containers do.
//
// Towards networks and files a pod is like a container that has no process: pod_as_container() says so, and
// the functions for containers do the rest.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/error.h"
#include "container/make_spec.h"
#include "engine/container_files.h"
#include "engine/core.h"

namespace gantry::engine {

Result<std::string> create_pod(Core& core, std::string_view name, PodSettings settings);
// By the holder of the pod's changes().
Result<void> start_pod_namespaces(Core& core, Pod& pod);
Result<void> remove_pod_namespaces(Core& core, Pod& pod);
Result<void> forget_pod(Core& core, Pod& pod);  // one without containers

// After the host was started again there are no namespaces, whatever the record says.
Result<void> check_pod_namespaces(Core& core, Pod& pod);

// In order of creation.
std::vector<std::shared_ptr<Container>> containers_of_pod(Core& core, const std::string& pod);

// ---- for the containers of a pod; Conflict when it has not been started

Result<std::string> pod_network_namespace(Core& core, const std::string& pod);
Result<container::JoinedNamespaces> pod_namespaces(Core& core, const std::string& pod);
Result<std::string> pod_shared_memory(Core& core, const std::string& pod);
Result<NameFiles> pod_name_files(Core& core, const std::string& pod);

// The part of a pod that looks like a container.
ContainerRecord pod_as_container(const PodRecord& pod);

}  // namespace gantry::engine
