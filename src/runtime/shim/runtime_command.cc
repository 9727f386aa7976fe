// SPDX-License-Identifier: Apache-2.0
#include "runtime/shim/runtime_command.h"

#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>
#include <csignal>

#include <fmt/format.h>

#include "base/file.h"
#include "base/json.h"
#include "base/printable.h"

namespace gantry::shim {
namespace {

constexpr std::size_t kMaxRuntimeLog = 1 << 20;  // bytes

// The runtime's log has a JSON object a line; the last error says why it failed.
std::string last_error_in(std::string_view log) {
  std::string message;
  while (!log.empty()) {
    const std::string_view line = log.substr(0, log.find('\n'));
    log.remove_prefix(std::min(log.size(), line.size() + 1));
    const auto entry = json::Document::parse(std::string(line));
    if (!entry || entry->root().kind() != json::Kind::Object) continue;
    const auto level = entry->root().find("level"), text = entry->root().find("msg");
    if (!level || level->kind() != json::Kind::String || !text || text->kind() != json::Kind::String)
      continue;
    if (level->as_string() == "error" || level->as_string() == "fatal") message = text->as_string();
  }
  return message;
}

std::string describe(int wait_status) {
  if (WIFSIGNALED(wait_status)) return fmt::format("was killed by signal {}", WTERMSIG(wait_status));
  return fmt::format("ended with status {}", WEXITSTATUS(wait_status));
}

// What a child inherits beyond its descriptors: no signal blocked or ignored.
class SpawnSetup {
 public:
  SpawnSetup() {
    (void)::posix_spawn_file_actions_init(&actions_);
    (void)::posix_spawnattr_init(&attributes_);
    sigset_t none, all;
    ::sigemptyset(&none);
    ::sigfillset(&all);
    (void)::posix_spawnattr_setsigmask(&attributes_, &none);
    (void)::posix_spawnattr_setsigdefault(&attributes_, &all);
    (void)::posix_spawnattr_setflags(&attributes_, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  }
  SpawnSetup(const SpawnSetup&) = delete;
  SpawnSetup& operator=(const SpawnSetup&) = delete;
  ~SpawnSetup() {
    (void)::posix_spawn_file_actions_destroy(&actions_);
    (void)::posix_spawnattr_destroy(&attributes_);
  }
  // The shim's own 0, 1 and 2 are /dev/null, so what is not given is right already.
  void give(int from, int to) {
    if (from >= 0) (void)::posix_spawn_file_actions_adddup2(&actions_, from, to);
  }
  const posix_spawn_file_actions_t* actions() const { return &actions_; }
  const posix_spawnattr_t* attributes() const { return &attributes_; }

 private:
  posix_spawn_file_actions_t actions_;
  posix_spawnattr_t attributes_;
};

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
  std::vector<char*> argv;
  for (std::string& argument : command) argv.push_back(argument.data());
  argv.push_back(nullptr);

  SpawnSetup setup;
  setup.give(stdio.in, 0);
  setup.give(stdio.out, 1);
  setup.give(stdio.err, 2);
  pid_t pid;
  if (const int failure =
          ::posix_spawn(&pid, argv[0], setup.actions(), setup.attributes(), argv.data(), environ))
    return sys_error_of(failure, "start runtime '{}'", options_.runtime);
  return RuntimeCall(pid, verb, log);
}

Result<void> RuntimeCall::outcome(int wait_status, std::string_view standard_error) const {
  const auto log = read_file(log_, kMaxRuntimeLog);
  (void)::unlink(log_.c_str());  // a runtime that had nothing to say need not make one
  if (wait_status == 0) return {};
  const std::string message = log ? last_error_in(*log) : std::string();
  if (!message.empty()) return error(Code::Internal, "runtime {}: {}", verb_, message);
  if (standard_error.empty()) return error(Code::Internal, "runtime {} {}", verb_, describe(wait_status));
  return error(Code::Internal, "runtime {} {}: '{}'", verb_, describe(wait_status),
               printable(standard_error, 512));
}

}  // namespace gantry::shim
