// SPDX-License-Identifier: Apache-2.0
//
// The namespaces of a pod that are not its network's: user, UTS and IPC, and the /dev/shm that belongs to the
// last. Files below <run>/pods/<id> with the namespaces mounted on them hold them; that they are there is
// what is left of a pod when the engine is killed.
#pragma once

#include <string>

#include "base/error.h"
#include "engine/engine.h"

namespace gantry::engine {

struct PodPaths {
  std::string directory;       // <run>/pods/<id>
  std::string user, ipc, uts;  // files that the namespaces are mounted on
  std::string shared_memory;
};
PodPaths pod_paths(const EngineOptions& options, const std::string& id);

// What of it the settings ask for. After a failure remove_pod_namespaces() takes back what there is.
Result<void> make_pod_namespaces(const EngineOptions& options, const PodRecord& pod);
// What is not there is fine.
void remove_pod_namespaces(const PodPaths& paths);
// False after the host was started again.
bool are_pod_namespaces_there(const PodPaths& paths);

std::string hostname_of(const PodRecord& pod);

}  // namespace gantry::engine
