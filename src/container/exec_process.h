// SPDX-License-Identifier: Apache-2.0
//
// One more process in a running container: the process.json of an exec session.
#pragma once

#include <string>
#include <vector>

#include "base/error.h"
#include "container/user.h"
#include "oci/runtime_spec.h"

namespace gantry::container {

struct ExecRequest {
  std::vector<std::string> cmd;
  std::vector<std::string> env;  // over the container's
  std::string user;              // empty: the container's
  std::string working_dir;       // empty: the container's
  bool tty = false;
  bool privileged = false;                       // every capability, no confinement by AppArmor or SELinux
  std::vector<std::uint32_t> console_size = {};  // {rows, columns}
};

// `container` is the process of the container's own spec, which the session is like but for what is asked
// for; `root` is the container's root as it is now (/proc/PID/root), for names of users.
Result<oci::Process> make_exec_process(const oci::Process& container, const ExecRequest& request,
                                       const kernel::RootDir& root);

}  // namespace gantry::container
