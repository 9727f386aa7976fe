// SPDX-License-Identifier: Apache-2.0
//
// One run of the criu program (criu(8)), which takes the processes of a
// container apart and puts them together again.
//
//   Criu criu("criu", "dump", work_dir);
//   criu.add("--tree", std::to_string(pid));
//   TRY(criu.run());
//
// When CRIU fails, the error has all that it complained of: on standard error
// and in its log, which is <work_dir>/<action>.log.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/process.h"
#include "base/unique_fd.h"
#include "runtime/channel.h"

namespace gantry::runtime {

class Criu {
 public:
  // `program` is a path, or a name to be looked for in PATH. `action`: "dump", "pre-dump", "restore".
  Criu(std::string program, std::string action, std::string work_dir);

  void add(std::string word) { words_.push_back(std::move(word)); }
  void add(std::string option, std::string value);
  void add_if(bool wanted, std::string_view option);
  // A descriptor for CRIU to take for what `key` names in the images.
  void inherit(UniqueFd fd, std::string_view key);

  // Runs it to its end.
  Result<void> run() {
    return run(-1, [](pid_t) -> Result<void> { return {}; }, [] { return Result<void>(); });
  }
  // Starts the process in that cgroup v2 directory (-1: the caller's); `around(pid)` then has the chance to
  // put it elsewhere, and at last `inside()` runs in it, before it becomes CRIU.
  template <class Around, class Inside>
  Result<void> run(int cgroup, Around around, Inside inside) {
    Process process = TRY(start(cgroup));
    if (!process.child) become_criu(process, may_go(process, inside));
    auto placed = around(process.child->pid());
    if (placed) placed = process.channel.send(Signal::Go);
    return finish(std::move(process), std::move(placed));
  }

 private:
  struct Process {
    std::optional<ChildProcess> child;  // none: this is it
    Channel channel;                    // to the other one
    UniqueFd output;                    // a file in memory
  };

  Result<Process> start(int cgroup);
  template <class Inside>
  static Result<void> may_go(const Process& process, Inside inside) {
    TRY(process.channel.expect(Signal::Go));
    return inside();
  }
  [[noreturn]] void become_criu(const Process& process, Result<void> prepared);
  Result<void> finish(Process process, Result<void> placed);
  // What it said, in one line.
  std::string complaints(int output) const;

  std::string program_;
  std::string action_;
  std::string log_path_;
  std::vector<std::string> words_;
  std::vector<UniqueFd> inherited_;
};

// One line for all errors of CRIU: what it wrote to standard error, then the errors of its log that are not
// among that. Every line is said once, without its time.
std::string criu_complaints(std::string_view standard_error, std::string_view log);

}  // namespace gantry::runtime
