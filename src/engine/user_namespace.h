// SPDX-License-Identifier: Apache-2.0
//
// The user namespaces of containers, where the daemon was told to give them ids of their own
// (EngineOptions::id_maps, dockerd's --userns-remap). Layers, snapshots and named volumes hold the ids that
// the container sees and are mounted through the map; binds of the host's directories keep the host's ids, as
// with Docker.
//
// The namespace is made before the container, since its network has to belong to it, and is mounted at
// <run>/userns/<id>. Who shares a network, IPC or pid namespace with another container shares its user
// namespace as well: the kernel lets only the owner of a namespace do what its users expect.
#pragma once

#include <string>
#include <vector>

#include "base/error.h"
#include "base/unique_fd.h"
#include "engine/core.h"
#include "kernel/id_map.h"
#include "oci/runtime_spec.h"

namespace gantry::engine {

kernel::IdMaps id_maps_of(const ContainerSettings& settings);
std::vector<oci::IdMapping> oci_mappings(const std::vector<IdMapping>& mappings);
inline bool has_user_namespace(const ContainerSettings& settings) { return !settings.uid_mappings.empty(); }

// At create, once names of other containers are ids: sets the maps. InvalidArgument, in Docker's words, for
// what only the host's users may have (privileged, the host's network or processes).
Result<void> choose_user_namespace(Core& core, ContainerSettings& settings);

// At start: the path of the namespace to run in; empty: the daemon's.
Result<std::string> make_user_namespace(Core& core, const ContainerRecord& container);
// It does not run any more.
void remove_user_namespace(const std::string& path);

// One with these maps at `path`, which is made.
Result<void> pin_user_namespace(const kernel::IdMaps& maps, const std::string& path);

}  // namespace gantry::engine
