// SPDX-License-Identifier: Apache-2.0
#include "runtime/shim/runtime_command.h"

#include <unistd.h>

#include <fmt/format.h>

#include "base/file.h"
#include "base/printable.h"
#include "runtime/shim/runtime_log.h"

namespace gantry::shim {
namespace {

constexpr std::size_t kMaxRuntimeLog = 1 << 20;  // bytes

}  // namespace

Result<RuntimeCall> RuntimeCommand::spawn(const std::string& verb, std::vector<std::string> arguments,
                                          const ChildStdio& stdio, std::vector<std::string> trailing) {
  const std::string log = fmt::format("{}/call-{}.log", options_.state_dir, calls_++);
  std::vector<std::string> command = {options_.runtime};
  if (!options_.runtime_root.empty()) command.insert(command.end(), {"--root", options_.runtime_root});
  command.insert(command.end(), {"--log", log, "--log-format", "json"});
  if (options_.systemd_cgroup) command.emplace_back("--systemd-cgroup");
  command.push_back(verb);
  command.insert(command.end(), arguments.begin(), arguments.end());
  command.push_back(options_.id);
  command.insert(command.end(), trailing.begin(), trailing.end());
  ChildProcess runtime = TRY_DURING(gantry::spawn({.program = options_.runtime,
                                                   .arguments = std::move(command),
                                                   .in = stdio.in,
                                                   .out = stdio.out,
                                                   .err = stdio.err}),
                                    "start the runtime");
  return RuntimeCall(std::move(runtime), verb, log);
}

Result<void> RuntimeCall::outcome(WaitStatus status, std::string_view standard_error) const {
  const auto log = read_file(log_, kMaxRuntimeLog);
  (void)::unlink(log_.c_str());  // a runtime that had nothing to say need not make one
  if (status.is_success()) return {};
  const std::string message = log ? last_error_in(*log) : std::string();
  if (!message.empty()) return error(Code::Internal, "OCI runtime {} failed: {}", verb_, message);
  if (standard_error.empty())
    return error(Code::Internal, "OCI runtime {} failed: {}", verb_, status.describe());
  return error(Code::Internal, "OCI runtime {} failed: {}: '{}'", verb_, status.describe(),
               printable(standard_error, 512));
}

}  // namespace gantry::shim
