// SPDX-License-Identifier: Apache-2.0
//
// A further process in a running container (`docker exec`): what was asked for, and how it went. Persisted
// until its container ends, so that its exit code outlives the daemon.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/json_codec.h"

namespace gantry::engine {

// The body of POST /containers/{id}/exec, with Docker's keys.
struct ExecConfig {
  std::string user;  // "uid:gid" or names; empty: the container's
  bool privileged = false;
  bool tty = false;
  bool attach_stdin = false;
  bool attach_stdout = false;
  bool attach_stderr = false;
  std::string detach_keys;
  std::vector<std::string> env;  // "NAME=value", on top of the container's
  std::string working_dir;       // empty: the container's
  std::vector<std::string> cmd;
  std::vector<std::uint16_t> console_size;  // rows, columns; or empty
};
void fields(json::Fields& f, ExecConfig& config);

enum class ExecStatus : std::uint8_t { Created, Running, Exited };

struct ExecRecord {
  std::string id;         // 64 hexadecimal digits
  std::string container;  // id
  std::shared_ptr<const ExecConfig> config;
  ExecStatus status = ExecStatus::Created;
  std::uint32_t session = 0;  // of the shim, once it was started
  pid_t pid = 0;
  std::optional<std::int64_t> exit_code;
  std::string error;  // why it could not be started
};
using ExecRef = std::shared_ptr<const ExecRecord>;

}  // namespace gantry::engine
