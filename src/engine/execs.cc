// SPDX-License-Identifier: Apache-2.0
#include "engine/execs.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "base/file.h"
#include "base/random.h"
#include "container/blocking_shim_client.h"
#include "container/launch.h"
#include "engine/container_events.h"
#include "engine/container_paths.h"
#include "engine/core.h"
#include "engine/shim_monitor.h"
#include "engine/undo.h"
#include "kernel/rooted_path.h"
#include "oci/runtime_spec.h"

namespace gantry::engine {

namespace {

// How long an exec that has ended can still be inspected.
constexpr std::chrono::minutes kKeptAfterEnd{5};
constexpr std::chrono::seconds kPatienceForStart{10};
constexpr std::int64_t kKilled = 137;  // with its container, if the shim did not tell
constexpr int kNotInvoked = 126;       // Docker's status of what failed before there was a program to blame

std::string words_of(const ExecConfig& config) { return fmt::format("{}", fmt::join(config.cmd, " ")); }

void publish_exec_event(Core& core, const ContainerRecord& container, const ExecRecord& exec,
                        const std::string& action) {
  std::map<std::string, std::string> attributes = {{"execID", exec.id}};
  if (exec.exit_code) attributes["exitCode"] = std::to_string(*exec.exit_code);
  publish_event(core.events, container, action, attributes);
}

Result<void> check_runs(const ContainerRecord& container) {
  if (container.state.status == Status::Paused)
    return error(Code::Conflict, "Container {} is paused, unpause the container before exec", container.name);
  if (container.state.status == Status::Restarting)
    return error(Code::Conflict, "Container {} is restarting, wait until the container is running",
                 container.id);
  if (container.state.status != Status::Running)
    return error(Code::Conflict, "container {} is not running", container.id);
  return {};
}

std::uint16_t flags_of(const ExecConfig& config, bool detach) {
  std::uint16_t flags = config.tty ? shim::kTerminal : 0;
  if (detach) return flags;
  if (config.attach_stdin) flags |= shim::kAttachStdin | shim::kStdinOnce;
  if (config.attach_stdout) flags |= shim::kAttachStdout;
  if (config.attach_stderr) flags |= shim::kAttachStderr;
  return flags | shim::kLossless;
}

shim::WindowSize size_of(const ExecConfig& config, const ExecStart& start) {
  if (start.size) return {.rows = start.size->first, .columns = start.size->second};
  if (config.console_size.size() == 2)
    return {.rows = config.console_size[0], .columns = config.console_size[1]};
  return {};
}

// The last word about an exec: on disk, as an event, and no longer the shim's to keep. Who comes first has
// it: the shim, which tells how it ended, or the container's end.
void finish(Core& core, const ContainerRecord& container, ExecRecord exec, std::int64_t exit_code) {
  exec.status = ExecStatus::Exited;
  exec.exit_code = exit_code;
  exec.pid = 0;
  if (!core.execs.end(exec)) return;
  if (const auto saved = core.database.save_exec(exec); !saved)
    core.log.warn("the end of an exec could not be recorded",
                  {{"exec", exec.id}, {"error", saved.error().message()}});
  publish_exec_event(core, container, exec, "exec_die");
  core.delays.schedule("exec/" + exec.id, kKeptAfterEnd, [&core, id = exec.id] {
    core.execs.remove(id);
    (void)core.database.remove_exec(id);  // or the end of its container does
  });
}

// Whether the container is in the run that began then. Sessions are counted anew in every run.
bool is_in_run(const ContainerRecord& container, TimeNs run_started) {
  return container.state.is_running() && container.state.started == run_started;
}

// To be called when its record is there, so that its end finds that. The container may have ended since the
// shim answered, and then its execs that were known to run.
void follow(Core& core, Container& container, const ContainerRecord& before, const ExecRecord& exec) {
  MutexLock lock(container.changes());
  if (!is_in_run(*container.record(), before.state.started)) return finish(core, before, exec, kKilled);
  if (container.monitor) container.monitor->watch_exec(exec.session);  // or it is when restore.h gets to it
}

struct StartedExec {
  container::ShimClient::Exec session;
  UniqueFd connection;
};

Result<StartedExec> ask_shim(Core& core, const ContainerRecord& container, const ExecRecord& exec,
                             const ExecStart& start) {
  const ExecConfig& config = *exec.config;
  const std::string file =
      TRY(write_exec_process(core, container, "exec-" + exec.id,
                             {.cmd = config.cmd,
                              .env = config.env,
                              .user = config.user,
                              .working_dir = config.working_dir,
                              .tty = config.tty,
                              .privileged = config.privileged,
                              .console_size = {config.console_size.begin(), config.console_size.end()}}));
  const Undo remove([&] { (void)::unlink(file.c_str()); });
  auto shim = TRY(container::BlockingShimClient::connect(paths_of(core.options, container).shim_socket));
  StartedExec started;
  started.session = TRY(shim.exec(file, flags_of(config, start.detach), size_of(config, start)));
  started.connection = std::move(shim).release();
  return started;
}

void record_failed_start(Core& core, const ContainerRecord& container, ExecRecord exec, const Error& why) {
  exec.error = why.message();
  const int status = container::status_of_failed_start(why);
  finish(core, container, std::move(exec), status == container::kNotStarted ? kNotInvoked : status);
}

}  // namespace

// ---- the index

void ExecIndex::put(ExecRecord record) {
  auto next = std::make_shared<const ExecRecord>(std::move(record));
  MutexLock lock(mutex_);
  by_id_.insert_or_assign(next->id, std::move(next));
  changed_.notify_all();
}

bool ExecIndex::end(ExecRecord record) {
  auto next = std::make_shared<const ExecRecord>(std::move(record));
  MutexLock lock(mutex_);
  const auto found = by_id_.find(next->id);
  if (found == by_id_.end() || found->second->status == ExecStatus::Exited) return false;
  found->second = std::move(next);
  changed_.notify_all();
  return true;
}

Result<ExecRef> ExecIndex::find(std::string_view id) const {
  MutexLock lock(mutex_);
  const auto found = by_id_.find(id);
  if (found == by_id_.end()) return error(Code::NotFound, "No such exec instance: {}", id);
  return found->second;
}

Result<ExecRef> ExecIndex::wait_for_start(std::string_view id, std::chrono::milliseconds patience) const {
  const auto deadline = std::chrono::steady_clock::now() + patience;
  for (;;) {
    ExecRef exec = TRY(find(id));
    if (exec->status != ExecStatus::Created) return exec;
    MutexLock lock(mutex_);
    const auto found = by_id_.find(id);
    if (found != by_id_.end() && found->second != exec) continue;
    if (!changed_.wait_until(mutex_, deadline))
      return error(Code::TimedOut, "exec {} was not started yet", id);
  }
}

std::vector<ExecRef> ExecIndex::of_container(std::string_view container) const {
  std::vector<ExecRef> found;
  MutexLock lock(mutex_);
  for (const auto& [id, exec] : by_id_)
    if (exec->container == container) found.push_back(exec);
  return found;
}

ExecRef ExecIndex::with_session(std::string_view container, std::uint32_t session) const {
  MutexLock lock(mutex_);
  for (const auto& [id, exec] : by_id_)
    if (exec->container == container && exec->session == session && exec->status == ExecStatus::Running)
      return exec;
  return nullptr;
}

void ExecIndex::remove(std::string_view id) {
  MutexLock lock(mutex_);
  if (const auto found = by_id_.find(id); found != by_id_.end()) by_id_.erase(found);
}

void ExecIndex::remove_all(std::string_view container) {
  MutexLock lock(mutex_);
  std::erase_if(by_id_, [&](const auto& entry) { return entry.second->container == container; });
}

// ---- verbs

Result<std::string> create_exec(Core& core, std::string_view ref, ExecConfig config) {
  const ContainerRef container = TRY(core.find(ref))->record();
  TRY(check_runs(*container));
  if (config.cmd.empty()) return error(Code::InvalidArgument, "No exec command specified");
  ExecRecord exec{.id = random_hex(32), .container = container->id};
  exec.config = std::make_shared<const ExecConfig>(std::move(config));
  core.execs.put(exec);
  publish_exec_event(core, *container, exec, "exec_create: " + words_of(*exec.config));
  return exec.id;
}

Result<Attachment> start_exec(Core& core, std::string_view id, const ExecStart& start) {
  ExecRecord exec = *TRY(core.execs.find(id));
  if (exec.status == ExecStatus::Running)
    return error(Code::Conflict, "Error: Exec command {} is already running", id);
  if (exec.status == ExecStatus::Exited)
    return error(Code::Conflict, "Error: Exec command {} has already run", id);
  const std::shared_ptr<Container> container = TRY(core.find(exec.container));
  const ContainerRef record = container->record();
  TRY(check_runs(*record));
  publish_exec_event(core, *record, exec, "exec_start: " + words_of(*exec.config));
  auto started = ask_shim(core, *record, exec, start);
  if (!started) {
    record_failed_start(core, *record, exec, started.error());
    return std::move(started).error();
  }
  exec.status = ExecStatus::Running;
  exec.session = started->session.session;
  exec.pid = static_cast<pid_t>(started->session.pid);
  TRY(core.database.save_exec(exec));
  core.execs.put(exec);
  follow(core, *container, *record, exec);
  if (start.detach) return Attachment{};
  return Attachment{
      .connection = std::move(started->connection), .session = exec.session, .is_terminal = exec.config->tty};
}

Result<void> resize_exec(Core& core, std::string_view id, std::uint16_t rows, std::uint16_t columns) {
  // A client that has been answered sizes the terminal at once; the process may be about to begin.
  const ExecRef exec = TRY(core.execs.wait_for_start(id, kPatienceForStart));
  if (exec->status != ExecStatus::Running)
    return error(Code::Conflict, "cannot resize a stopped exec: {}", id);
  const ContainerRef container = TRY(core.find(exec->container))->record();
  auto shim = TRY(container::BlockingShimClient::connect(paths_of(core.options, *container).shim_socket));
  return shim.resize(exec->session, {.rows = rows, .columns = columns});
}

void on_exec_end(Core& core, const std::string& container, TimeNs run_started, std::uint32_t session,
                 const shim::ExitStatus& exit) {
  const std::shared_ptr<Container> owner = core.containers.with_id(container);
  if (!owner || owner->record()->state.started != run_started) return;
  const ExecRef exec = core.execs.with_session(container, session);
  if (!exec) return;
  finish(core, *owner->record(), *exec, exit.code);
  MutexLock lock(owner->changes());
  if (owner->monitor && is_in_run(*owner->record(), run_started)) owner->monitor->forget_exec(session);
}

void end_execs(Core& core, const ContainerRecord& container) {
  for (const ExecRef& exec : core.execs.of_container(container.id))
    if (exec->status == ExecStatus::Running) finish(core, container, *exec, kKilled);
}

Result<std::string> write_exec_process(Core& core, const ContainerRecord& container,
                                       const std::string& file_name, const container::ExecRequest& request) {
  const ContainerPaths paths = paths_of(core.options, container);
  const oci::Spec spec = TRY(oci::parse_spec(TRY(read_file(paths.directory + "/config.json"))));
  if (!spec.process) return error(Code::DataLoss, "the container's config.json has no process");
  const auto root = TRY(kernel::RootDir::open(fmt::format("/proc/{}/root", container.state.pid)));
  const oci::Process process = TRY(container::make_exec_process(*spec.process, request, root));
  std::string path = fmt::format("{}/{}.json", paths.shim_state, file_name);
  TRY(replace_file_at(AT_FDCWD, path, oci::to_json(process), 0600));
  return path;
}

}  // namespace gantry::engine
