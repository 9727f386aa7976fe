// SPDX-License-Identifier: Apache-2.0
#include "runtime/hooks.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>

#include "base/file.h"
#include "base/process.h"

namespace gantry::runtime {
namespace {

constexpr std::size_t kMostOutput = 4096;  // of standard error, for the error message

// A file in memory: unlike a pipe it takes any amount without a reader, and its reader sees its end.
Result<UniqueFd> memory_file(std::string_view content) {
  UniqueFd fd(::memfd_create("hook", MFD_CLOEXEC));
  if (!fd) return sys_error("make memory file");
  TRY(write_all(fd.get(), content, "hook"));
  if (::lseek(fd.get(), 0, SEEK_SET) < 0) return sys_error("rewind memory file");
  return fd;
}

std::string text_of(int output) {
  std::string text(kMostOutput, '\0');
  const ssize_t n = ::pread(output, text.data(), text.size(), 0);
  text.resize(static_cast<std::size_t>(std::max<ssize_t>(n, 0)));
  while (!text.empty() && text.back() == '\n') text.pop_back();
  return text;
}

Result<WaitStatus> wait_for(ChildProcess& child, const oci::Hook& hook) {
  if (!hook.timeout) return child.wait();
  // More than a million seconds may be asked for, and no clock can count that far.
  const std::chrono::seconds limit(std::min<std::int64_t>(*hook.timeout, 1 << 20));
  const auto status = TRY(child.wait_for(limit));
  if (!status) return error(Code::TimedOut, "'{}' timed out after {} s", hook.path, *hook.timeout);
  return *status;
}

Result<void> run_hook(const oci::Hook& hook, std::string_view state) {
  const UniqueFd input = TRY(memory_file(state));
  const UniqueFd output = TRY(memory_file(""));
  Command command{.program = hook.path,
                  .arguments = hook.args.empty() ? std::vector{hook.path} : hook.args,
                  .in = input.get(),
                  .out = kDevNull,
                  .err = output.get(),
                  // A hook that goes on after `delete --force` would work for a container that is no more.
                  .dies_with_caller = true};
  if (!hook.env.empty()) command.environment = hook.env;
  ChildProcess child = TRY(spawn(command));
  const WaitStatus status = TRY(wait_for(child, hook));
  if (status.is_success()) return {};
  const std::string words = text_of(output.get());
  if (status.signal() != 0)
    return error(Code::Internal, "'{}' was killed by signal {}, stderr: {}", hook.path, status.signal(),
                 words);
  return error(Code::Internal, "'{}': {}, stderr: {}", hook.path, status.describe(), words);
}

}  // namespace

Result<void> run_hooks(std::string_view kind, const std::vector<oci::Hook>& hooks, const oci::State& state) {
  if (hooks.empty()) return {};
  const std::string text = oci::to_json(state);
  for (std::size_t i = 0; i < hooks.size(); ++i)
    TRY_DURING(run_hook(hooks[i], text), "hooks.{}[{}]", kind, i);
  return {};
}

}  // namespace gantry::runtime
