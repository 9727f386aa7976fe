// SPDX-License-Identifier: Apache-2.0
//
// From a bundle to a created container: starts a gantry-shim and waits for its report. From then on the
// shim is nobody's child, and is spoken to through its socket (shim_client.h).
//
//   pid_t pid = TRY(launch_shim({.program = "/usr/bin/gantry-shim", .id = id, .bundle = ..., ...}));
//   TRY(TRY(BlockingShimClient::connect(shim_socket(state_dir))).start());
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "base/error.h"
#include "runtime/shim/protocol.h"

namespace gantry::container {

struct ShimLaunch {
  std::string program;  // gantry-shim; paths are absolute
  std::string id;
  std::string bundle;
  std::string runtime;              // gantry-runtime, or another OCI runtime
  std::string runtime_root;         // its --root
  std::string state_dir;            // made if it is missing
  std::string log_path;             // empty: no log
  std::uint64_t log_max_bytes = 0;  // 0: never rotated
  unsigned log_max_files = 1;
  bool terminal = false;
  shim::WindowSize size;    // of the terminal; 0 rows: as the kernel makes it
  bool open_stdin = false;  // else /dev/null
  bool systemd_cgroup = false;
  std::vector<std::string> create_args;  // for the runtime's create
};

// The pid of the container's first process, which is created and not started. Blocks for as long as the
// runtime's create takes, hooks included. An error carries the runtime's own words (InvalidArgument when it
// is about the program to run, else Internal); nothing is left but the state directory. If the shim is killed
// before it reported: Unavailable, and `runtime delete --force` is due.
Result<pid_t> launch_shim(const ShimLaunch& launch);

// The socket in a state directory.
std::string shim_socket(const std::string& state_dir);

// What a shell, and Docker's clients, call a start that failed: 127 when the program is not there, 126 when
// it may not or cannot be executed, else kNotStarted.
constexpr int kNotStarted = 128;
int status_of_failed_start(const Error& error);

}  // namespace gantry::container
