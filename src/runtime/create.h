// SPDX-License-Identifier: Apache-2.0
//
// From a bundle to a container whose first process waits for `start`, or, for
// `run`, goes on at once. Whatever fails takes back all that was made before.
#pragma once

#include <optional>
#include <string>

#include "base/error.h"
#include "base/unique_fd.h"
#include "runtime/channel.h"
#include "runtime/container.h"
#include "runtime/log.h"

namespace gantry::runtime {

struct CreateOptions {
  std::string root;  // where containers are recorded
  std::string id;
  std::string bundle = ".";
  std::string pid_file;
  UniqueFd console_socket;     // connected; needed when process.terminal is set
  bool wait_for_start = true;  // false: `run`
  bool no_pivot = false;
  bool new_keyring = true;
  bool systemd_cgroup = false;
  int preserve_fds = 0;
};

struct CreatedContainer {
  Container container;
  oci::Spec spec;
  // For `run`: ends when the program is running, or says why it is not.
  Channel init;
};

// Reads <bundle>/config.json.
Result<std::pair<std::string, oci::Spec>> load_bundle(const std::string& bundle);

Result<CreatedContainer> create_container(CreateOptions options, const std::string& config_json,
                                          oci::Spec spec, const Log& log);

// The hooks that follow when the container is no more. Failures are logged.
void run_poststop(const Container& container, const Log& log);

// The hooks that follow once the user's program runs.
Result<void> run_poststart_hooks(const Container& container);

}  // namespace gantry::runtime
