// SPDX-License-Identifier: Apache-2.0
#include "container/run_once.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <vector>

#include <fmt/format.h>

#include "base/file.h"
#include "base/unique_fd.h"
#include "runtime/shim/runtime_log.h"

namespace gantry::container {
namespace {

constexpr std::size_t kMaxLog = 1 << 20;  // bytes

std::vector<std::string> runtime_command(const std::string& runtime, const std::string& root) {
  std::vector<std::string> words = {runtime};
  if (!root.empty()) words.insert(words.end(), {"--root", root});
  return words;
}

// What a runtime has to say besides how it ended. Gone with its owner.
class RuntimeLog {
 public:
  explicit RuntimeLog(std::string path) : path_(std::move(path)) { remove(); }
  RuntimeLog(const RuntimeLog&) = delete;
  RuntimeLog& operator=(const RuntimeLog&) = delete;
  ~RuntimeLog() { remove(); }

  std::vector<std::string> options() const { return {"--log", path_, "--log-format", "json"}; }
  // Empty if there was none.
  std::string last_error() const {
    const auto text = read_file(path_, kMaxLog);
    return text ? shim::last_error_in(*text) : std::string();
  }

 private:
  void remove() const { (void)::unlink(path_.c_str()); }  // a runtime with nothing to say need not make one
  std::string path_;
};

Result<void> call_delete(const std::string& runtime, const std::string& root, const std::string& id) {
  const UniqueFd said(::memfd_create("runtime-log", MFD_CLOEXEC));
  if (!said) return sys_error("make a file in memory");
  std::vector<std::string> words = runtime_command(runtime, root);
  words.insert(words.end(), {"--log-format", "json", "delete", "--force", id});
  ChildProcess child = TRY(spawn({.program = runtime,
                                  .arguments = std::move(words),
                                  .in = kDevNull,
                                  .out = kDevNull,
                                  .err = said.get()}));
  const WaitStatus status = TRY(child.wait());
  if (status.is_success()) return {};
  (void)::lseek(said.get(), 0, SEEK_SET);  // it is a file
  const std::string why = shim::last_error_in(TRY(read_all(said.get(), "the runtime's log", kMaxLog)));
  return error(Code::Internal, "delete container '{}': {}", id, why.empty() ? status.describe() : why);
}

// True when the child has ended, false when it is to be stopped. What waits for us to reap it is still a
// child.
Result<bool> wait_for_end_or(const ChildProcess& child, int cancel_fd) {
  const UniqueFd pidfd(static_cast<int>(::syscall(SYS_pidfd_open, child.pid(), 0)));
  if (!pidfd) return sys_error("open process {}", child.pid());
  pollfd fds[] = {{.fd = pidfd.get(), .events = POLLIN}, {.fd = cancel_fd, .events = POLLIN}};
  for (;;) {
    if (::poll(fds, std::size(fds), -1) < 0) {
      if (errno == EINTR) continue;
      return sys_error("wait for the runtime");
    }
    if (fds[0].revents != 0) return true;
    if (fds[1].revents != 0) return false;
  }
}

}  // namespace

Result<WaitStatus> run_once(const RunOnce& run) {
  const RuntimeLog log(fmt::format("{}/{}.log", run.bundle, run.id));
  std::vector<std::string> words = runtime_command(run.runtime, run.runtime_root);
  for (std::string& word : log.options()) words.push_back(std::move(word));
  words.insert(words.end(), {"run", "--bundle", run.bundle, run.id});

  std::optional<WaitStatus> status;
  {
    ChildProcess runtime = TRY_DURING(spawn({.program = run.runtime,
                                             .arguments = std::move(words),
                                             .in = run.in,
                                             .out = run.out,
                                             .err = run.err,
                                             .dies_with_caller = true}),
                                      "start the runtime");
    if (TRY(wait_for_end_or(runtime, run.cancel_fd))) status = TRY(runtime.wait());
  }  // one that still runs is killed here: nothing of its making goes on behind our back
  const bool was_killed = !status || status->signal() != 0;
  const std::string why = log.last_error();
  if (was_killed || !why.empty()) TRY(call_delete(run.runtime, run.runtime_root, run.id));
  if (!status) return error(Code::Conflict, "run container '{}': cancelled", run.id);
  if (was_killed)
    return error(Code::Unavailable, "run container '{}': the runtime ended with {}", run.id,
                 status->describe());
  if (!why.empty()) return error(Code::Internal, "{}", why);
  return *status;
}

Result<void> remove_leftover(const std::string& runtime, const std::string& runtime_root,
                             const std::string& id) {
  return call_delete(runtime, runtime_root, id);
}

Result<void> remove_leftovers(const std::string& runtime, const std::string& runtime_root) {
  auto ids = names_in(AT_FDCWD, runtime_root);
  if (!ids && ids.error().code() == Code::NotFound) return {};
  for (const std::string& id : TRY(std::move(ids))) TRY(remove_leftover(runtime, runtime_root, id));
  return {};
}

}  // namespace gantry::container
