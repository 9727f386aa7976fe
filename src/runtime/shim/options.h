// SPDX-License-Identifier: Apache-2.0
//
// What a shim is told on its command line.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/error.h"
#include "runtime/shim/log_writer.h"
#include "runtime/shim/protocol.h"

namespace gantry::shim {

struct Options {
  std::string id;
  std::string bundle;
  std::string runtime;
  std::string runtime_root;  // empty: the runtime's own default
  std::string state_dir;
  LogWriter::Options log;  // no path: output goes to attached clients alone
  bool terminal = false;
  bool open_stdin = false;  // otherwise standard input is /dev/null
  bool systemd_cgroup = false;
  WindowSize size;                       // of the terminal; 0 rows: as the kernel makes it
  std::vector<std::string> create_args;  // passed to the runtime's create as they are
  int sync_fd = 1;
  bool help = false;  // show usage(); nothing else was checked
};

// The arguments without the program's name.
Result<Options> parse_command_line(const std::vector<std::string>& arguments);

// The text of --help.
std::string usage();

}  // namespace gantry::shim
