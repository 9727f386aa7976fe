// SPDX-License-Identifier: Apache-2.0
//
// Pods: groups of containers that share namespaces (pod_record.h). The namespaces and the control group are
// made when the pod is started, and survive this process as containers do.
//
// Towards networks and files a pod is like a container that has no process: pod_as_container() says so, and
// the functions for containers do the rest.
//
// Where processes are shared, the first container of those that there are is the leader: its pid namespace is
// the pod's. It is started before any other; when it ends, the kernel ends the others, and their restart
// policies start it again before them, unless somebody stopped it by hand.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/error.h"
#include "container/make_spec.h"
#include "engine/container_files.h"
#include "engine/core.h"

namespace gantry::engine {

Result<CreateResult> create_pod(Core& core, std::string_view name, PodSettings settings);
// By the holder of the pod's changes(). The answers of the first two: warnings; whether it was started
// before.
Result<void> start_pod_namespaces(Core& core, Pod& pod);
Result<void> stop_pod_namespaces(Core& core, Pod& pod);
Result<void> forget_pod(Core& core, Pod& pod);  // one without containers

// When an engine begins: after the host was started again there are no namespaces, whatever the record says,
// and of a start or stop that was killed there may be some. Then the pod is stopped.
Result<void> check_pod_namespaces(Core& core, Pod& pod);

// In order of creation.
std::vector<std::shared_ptr<Container>> containers_of_pod(Core& core, const std::string& pod);
// What a container that is made in the pod gets from it.
void join_pod(const Core& core, const PodRecord& pod, ContainerSettings& settings);

// ---- for the containers of a pod; Conflict when it has not been started

Result<std::string> pod_user_namespace(Core& core, const std::string& pod);  // path; empty: the daemon's
Result<std::string> pod_network_namespace(Core& core, const std::string& pod);
// IPC and UTS, and where processes are shared the leader's pid namespace, for everyone but the leader.
Result<container::JoinedNamespaces> pod_namespaces(Core& core, const ContainerRecord& container);
Result<std::string> pod_shared_memory(Core& core, const std::string& pod);
Result<NameFiles> pod_name_files(Core& core, const std::string& pod);
// Before the start of a container, whose changes() are held: its leader runs, or is started, or Conflict.
Result<void> start_pod_leader(Core& core, const ContainerRecord& container);

// The part of a pod that looks like a container.
ContainerRecord pod_as_container(const PodRecord& pod);

}  // namespace gantry::engine
