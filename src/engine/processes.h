// SPDX-License-Identifier: Apache-2.0
//
// The processes of a container, as `docker top` lists them. Docker runs the host's ps(1) and so do we, except
// for what nearly everybody asks: `-ef` is read from /proc, and needs no ps. No program of the container is
// run, and nothing is looked up in files of its own.
#pragma once

#include <sys/types.h>

#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/json_codec.h"

namespace gantry::engine {

// ContainerTopResponse.
struct ProcessTable {
  std::vector<std::string> titles;
  std::vector<std::vector<std::string>> processes;
};
void fields(json::Fields& f, ProcessTable& table);

// `pids` are those in the container's control group. `ps_args` is the text a client sends: words between
// spaces; empty: "-ef". InvalidArgument when the columns asked for have no PID, Unavailable where there is no
// ps.
Result<ProcessTable> list_processes(const std::vector<pid_t>& pids, std::string_view ps_args);

// All in the control group that is `cgroup_path` below each hierarchy, and in groups below it.
Result<std::vector<pid_t>> processes_in(const std::string& cgroup_path);

}  // namespace gantry::engine
