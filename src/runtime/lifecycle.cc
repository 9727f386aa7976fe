// SPDX-License-Identifier: Apache-2.0
#include "runtime/lifecycle.h"

#include <chrono>
#include <csignal>

#include "base/process.h"
#include "kernel/pidfd.h"
#include "runtime/channel.h"
#include "runtime/container_cgroup.h"
#include "runtime/create.h"

namespace gantry::runtime {
namespace {

// A killed process is gone in an instant unless it hangs in the kernel; then `delete` says so.
constexpr std::chrono::seconds kPatience(10);

Error is_not(const Container& container, Status status, std::string_view wish) {
  return error(Code::Conflict, "cannot {} container '{}': {}, it is {}", wish, container.id(),
               wish == "resume" ? "container not paused" : "container not running", name_of(status));
}

// By descriptor, so that a pid that was given to another process meanwhile is left alone.
Result<void> signal_init(const Container& container, int signal) {
  const ProcessRef& init = container.record().init;
  UniqueFd process = TRY(kernel::open_pidfd(init.pid, init.start_time));
  return kernel::send_signal(process.get(), signal);
}

// In a frozen v1 group even SIGKILL waits for the thaw. In v2 it does not, and the status is soon another.
Result<void> let_die(const Container& container) {
  if (container.status() != Status::Paused) return {};
  kernel::Cgroup cgroup = TRY(container.open_cgroup());
  auto thawed = cgroup.thaw();
  if (!thawed && thawed.error().code() == Code::NotFound) return {};  // systemd was faster
  return thawed;
}

Result<void> end_init(const Container& container) {
  const ProcessRef& init = container.record().init;
  if (init.pid == 0) return {};
  auto process = kernel::open_pidfd(init.pid, init.start_time);
  if (!process) return {};  // it has ended by itself
  (void)kernel::send_signal(process->get(), SIGKILL);
  TRY(let_die(container));
  if (!wait_for_end(process->get(), kPatience))
    return error(Code::TimedOut, "process {} does not end although it was killed", init.pid);
  return {};
}

// A maker that still works on the container would go on to make what is being taken away.
void end_creator(const Container& container) {
  const ProcessRef& creator = container.record().creator;
  if (container.record().is_created || !creator.is_alive()) return;
  auto process = kernel::open_pidfd(creator.pid, creator.start_time);
  if (!process) return;
  (void)kernel::send_signal(process->get(), SIGKILL);
  (void)wait_for_end(process->get(), kPatience);
}

}  // namespace

Result<void> start_container(const Container& container) {
  const Status status = container.status();
  if (status != Status::Created) return is_not(container, status, "start");
  const Channel init(TRY(container.connect_for_start()));
  TRY(init.send(Signal::Go));
  TRY(init.wait_for_end());
  auto hooks = run_poststart_hooks(container);
  if (!hooks) (void)end_init(container);
  return hooks;
}

Result<void> kill_container(const Container& container, int signal, bool all) {
  const Status status = container.status();
  if (all) {
    // Also of a container whose first process has ended: the others live on without a pid namespace.
    kernel::Cgroup cgroup = TRY(container.open_cgroup());
    if (signal == SIGKILL) return cgroup.kill_all();
    return cgroup.signal_all(signal);
  }
  if (status == Status::Stopped || status == Status::Creating)
    return error(Code::Conflict, "container not running: '{}'", container.id());
  TRY(signal_init(container, signal));
  if (signal == SIGKILL) return let_die(container);
  return {};
}

Result<void> pause_container(const Container& container) {
  const Status status = container.status();
  if (status != Status::Running && status != Status::Created) return is_not(container, status, "pause");
  kernel::Cgroup cgroup = TRY(container.open_cgroup());
  return cgroup.freeze();
}

Result<void> resume_container(const Container& container) {
  const Status status = container.status();
  if (status != Status::Paused) return is_not(container, status, "resume");
  kernel::Cgroup cgroup = TRY(container.open_cgroup());
  return cgroup.thaw();
}

Result<void> update_container(const Container& container, const oci::Resources& resources, const Log& log) {
  const Status status = container.status();
  if (status == Status::Stopped) return is_not(container, status, "update");
  return update_cgroup(container, resources, log);
}

Result<std::vector<pid_t>> processes_of(const Container& container) {
  kernel::Cgroup cgroup = TRY(container.open_cgroup());
  return cgroup.processes();
}

Result<void> delete_container(const std::string& root, const std::string& id, bool force, const Log& log) {
  auto opened = Container::open(root, id);
  if (!opened && opened.error().code() == Code::NotFound) {
    if (Container::is_remnant(root, id)) return Container::remove_remnant(root, id);
    if (force) return {};
  }
  if (!opened && opened.error().code() != Code::NotFound && force) {
    log.warn(opened.error().message());
    opened = Container::open_damaged(root, id);
  }
  const Container container = TRY(std::move(opened));
  const Status status = container.status();
  if (!force && (status == Status::Running || status == Status::Paused || status == Status::Creating))
    return error(Code::Conflict, "cannot delete container '{}' that is not stopped: {}", id, name_of(status));
  end_creator(container);
  TRY(end_init(container));
  TRY(remove_cgroup(container));
  TRY(container.remove());
  run_poststop(container, log);
  return {};
}

}  // namespace gantry::runtime
