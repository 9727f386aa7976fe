// SPDX-License-Identifier: Apache-2.0
//
// What happens to a container that exists: start, kill, pause, resume, delete.
#pragma once

#include <string>
#include <vector>

#include "base/error.h"
#include "runtime/container.h"
#include "runtime/log.h"

namespace gantry::runtime {

// Lets the first process go on to the user's program; fails with its reason when it could not.
// Then runs the poststart hooks; when one of them fails, the container is killed.
Result<void> start_container(const Container& container);

// To the first process, or to every process of the container.
Result<void> kill_container(const Container& container, int signal, bool all);

Result<void> pause_container(const Container& container);
Result<void> resume_container(const Container& container);

// Changes limits; what is not mentioned stays as it is.
Result<void> update_container(const Container& container, const oci::Resources& resources, const Log& log);

// Host pids of all its processes.
Result<std::vector<pid_t>> processes_of(const Container& container);

// Ends what still runs (with `force`; otherwise a running container is a Conflict), and takes away
// groups and record; then the poststop hooks run, whose failures are logged only.
Result<void> delete_container(const std::string& root, const std::string& id, bool force, const Log& log);

}  // namespace gantry::runtime
