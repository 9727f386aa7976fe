// SPDX-License-Identifier: Apache-2.0
//
// The OCI runtime as this shim calls it: one short-lived child a call. The
// caller waits for it, in its own way, and asks outcome() what its end meant.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/process.h"
#include "runtime/shim/options.h"

namespace gantry::shim {

// Descriptors the runtime gets as 0, 1 and 2, borrowed; -1: /dev/null.
struct ChildStdio {
  int in = -1;
  int out = -1;
  int err = -1;
};

class RuntimeCall {
 public:
  ChildProcess& process() { return process_; }

  // What the runtime itself said went wrong, from its log or else from its standard error.
  Result<void> outcome(WaitStatus status, std::string_view standard_error) const;

 private:
  friend class RuntimeCommand;
  RuntimeCall(ChildProcess process, std::string verb, std::string log)
      : process_(std::move(process)), verb_(std::move(verb)), log_(std::move(log)) {}
  ChildProcess process_;
  std::string verb_;
  std::string log_;  // the path of this call's own log, which outcome() removes
};

class RuntimeCommand {
 public:
  explicit RuntimeCommand(const Options& options) : options_(options) {}

  // `<runtime> <global options> <verb> <arguments> <id> <trailing>`.
  Result<RuntimeCall> spawn(const std::string& verb, std::vector<std::string> arguments,
                            const ChildStdio& stdio, std::vector<std::string> trailing = {});

 private:
  const Options& options_;
  unsigned calls_ = 0;
};

}  // namespace gantry::shim
