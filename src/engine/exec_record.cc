// SPDX-License-Identifier: Apache-2.0
#include "engine/exec_record.h"

namespace gantry::engine {

void fields(json::Fields& f, ExecConfig& config) {
  f("User", config.user);
  f("Privileged", config.privileged);
  f("Tty", config.tty);
  f("AttachStdin", config.attach_stdin);
  f("AttachStdout", config.attach_stdout);
  f("AttachStderr", config.attach_stderr);
  f("DetachKeys", config.detach_keys);
  f("Env", config.env);
  f("WorkingDir", config.working_dir);
  f("Cmd", config.cmd);
  f("ConsoleSize", config.console_size);
}

}  // namespace gantry::engine
