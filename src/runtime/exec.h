// SPDX-License-Identifier: Apache-2.0
//
// One more process in a running container: in its namespaces and groups, under
// its seccomp filter.
#pragma once

#include <string>
#include <vector>

#include "base/error.h"
#include "base/unique_fd.h"
#include "runtime/container.h"
#include "runtime/log.h"

namespace gantry::runtime {

struct ExecOptions {
  std::string pid_file;
  // Groups below the container's own: "[controller,...:]path"; without controllers, in every hierarchy.
  std::vector<std::string> sub_cgroups;
  UniqueFd console_socket;  // connected; needed when process.terminal is set
  bool ignore_paused = false;
  bool new_keyring = true;
  int preserve_fds = 0;
};

// The pid of the process, a child of the caller, which runs the program already.
Result<pid_t> exec_in_container(const Container& container, const oci::Process& process,
                                const oci::Spec& spec, ExecOptions options, const Log& log);

}  // namespace gantry::runtime
