// SPDX-License-Identifier: Apache-2.0
//
// The command line of gantry-runtime, compatible with runc's: global options,
// a command, its options. Each command is one function and one row in command.cc.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/options.h"
#include "runtime/log.h"

namespace gantry::runtime::cli {

struct Globals {
  std::string root;
  bool systemd_cgroup = false;
  std::string criu;  // the program, by path or by name
  const Log& log;
};

using Arguments = std::vector<std::string>;

// The exit status.
using Run = Result<int> (*)(const Globals&, const Arguments&);

// Whether the command puts a process of this program into a container, where it can be reached.
enum class Enters : bool { No, Container };

struct Command {
  std::string_view name;
  std::string_view operands;  // for the usage line: "<container-id>"
  std::string_view summary;
  Run run;
  Enters enters = Enters::No;
  int failure = 1;  // exit status when it fails; runc's `exec` has 255, so that it cannot be the program's
};

// For a command's own arguments: parses them, and answers --help by printing and returning nothing.
// `least` and `most` are bounds for the number of operands.
struct Operation {
  std::string_view name;
  std::size_t least = 0;
  std::size_t most = 0;
  Operands operands = Operands::Anywhere;
};
Result<std::vector<std::string>> parse(const Operation& operation, std::span<const Option> options,
                                       const Arguments& arguments);

// Writes to standard output.
Result<void> print(std::string_view text);

// create.cc
Result<int> create(const Globals&, const Arguments&);
Result<int> run(const Globals&, const Arguments&);
Result<int> start(const Globals&, const Arguments&);
// exec.cc
Result<int> exec(const Globals&, const Arguments&);
// checkpoint.cc
Result<int> checkpoint(const Globals&, const Arguments&);
Result<int> restore(const Globals&, const Arguments&);
// change.cc
Result<int> kill(const Globals&, const Arguments&);
Result<int> remove(const Globals&, const Arguments&);
Result<int> pause(const Globals&, const Arguments&);
Result<int> resume(const Globals&, const Arguments&);
Result<int> update(const Globals&, const Arguments&);
// events.cc
Result<int> events(const Globals&, const Arguments&);
// show.cc
Result<int> state(const Globals&, const Arguments&);
Result<int> list(const Globals&, const Arguments&);
Result<int> ps(const Globals&, const Arguments&);
Result<int> spec(const Globals&, const Arguments&);
Result<int> features(const Globals&, const Arguments&);

}  // namespace gantry::runtime::cli

namespace gantry::runtime {

// main() of gantry-runtime.
int runtime_main(int argc, char** argv);

}  // namespace gantry::runtime
