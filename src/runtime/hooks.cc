// SPDX-License-Identifier: Apache-2.0
#include "runtime/hooks.h"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <ctime>

#include "base/file.h"
#include "kernel/pidfd.h"

namespace gantry::runtime {
namespace {

constexpr std::size_t kMostOutput = 4096;  // of standard error, for the error message

std::vector<char*> as_pointers(const std::vector<std::string>& words) {
  std::vector<char*> pointers;
  for (const std::string& word : words) pointers.push_back(const_cast<char*>(word.c_str()));
  pointers.push_back(nullptr);
  return pointers;
}

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

Result<pid_t> spawn(const oci::Hook& hook, int input, int output) {
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, input, 0);
  posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, output, 2);
  const std::vector<std::string> words = hook.args.empty() ? std::vector{hook.path} : hook.args;
  std::vector<char*> arguments = as_pointers(words);
  std::vector<char*> environment = as_pointers(hook.env);
  pid_t pid = 0;
  const int failed = ::posix_spawn(&pid, hook.path.c_str(), &actions, nullptr, arguments.data(),
                                   hook.env.empty() ? environ : environment.data());
  posix_spawn_file_actions_destroy(&actions);
  if (failed != 0) return sys_error_of(failed, "run '{}'", hook.path);
  return pid;
}

Result<int> wait_for(pid_t pid, const oci::Hook& hook) {
  if (hook.timeout) {
    UniqueFd process = TRY(kernel::open_pidfd(pid));
    const auto limit = std::min<std::int64_t>(*hook.timeout, 1 << 20) * 1000;
    if (!kernel::wait_for_end(process.get(), static_cast<int>(limit))) {
      (void)kernel::send_signal(process.get(), SIGKILL);  // it may end by itself just now
      (void)::waitpid(pid, nullptr, 0);
      return error(Code::TimedOut, "'{}' timed out after {} s", hook.path, *hook.timeout);
    }
  }
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0)
    if (errno != EINTR) return sys_error("wait for '{}'", hook.path);
  return status;
}

Result<void> run_hook(const oci::Hook& hook, std::string_view state) {
  UniqueFd input = TRY(memory_file(state));
  UniqueFd output = TRY(memory_file(""));
  const pid_t pid = TRY(spawn(hook, input.get(), output.get()));
  const int status = TRY(wait_for(pid, hook));
  if (status == 0) return {};
  const std::string words = text_of(output.get());
  if (WIFSIGNALED(status))
    return error(Code::Internal, "'{}' was killed by signal {}, stderr: {}", hook.path, WTERMSIG(status),
                 words);
  return error(Code::Internal, "'{}': exit status {}, stderr: {}", hook.path, WEXITSTATUS(status), words);
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
