// SPDX-License-Identifier: Apache-2.0
#include "engine/stop_container.h"

#include <csignal>
#include <utility>

#include "base/signals.h"
#include "container/blocking_shim_client.h"
#include "engine/container_events.h"
#include "engine/container_paths.h"
#include "engine/runtime_program.h"

namespace gantry::engine {

using std::chrono::seconds;
using std::chrono::steady_clock;

namespace {

constexpr seconds kDefaultPatience{10};
// How long the kernel may take to end what got a SIGKILL: a process can hang in a system call that a server
// somewhere does not answer.
constexpr seconds kKillPatience{10};

Error not_running(const ContainerRecord& container) {
  return error(Code::Conflict, "container {} is not running", container.id);
}

Result<int> stop_signal(const ContainerRecord& container, const StopOptions& options) {
  if (options.signal && !options.signal->empty()) return parse_signal_name(*options.signal);
  const std::string& own = container.settings->config.stop_signal;
  return own.empty() ? Result<int>(SIGTERM) : parse_signal_name(own);
}

// Absent: for ever.
std::optional<seconds> patience_of(const ContainerRecord& container, const StopOptions& options) {
  const auto own = container.settings->config.stop_timeout;
  const seconds patience = options.patience ? *options.patience : own ? seconds(*own) : kDefaultPatience;
  return patience < seconds(0) ? std::nullopt : std::optional(patience);
}

// Its end after this is nobody's surprise. By the holder of changes().
Result<void> note_stopped_by_hand(Core& core, Container& container) {
  ContainerRecord record = *container.record();
  if (record.state.stopped_by_hand) return {};
  record.state.stopped_by_hand = true;
  TRY(core.database.save_state(container.number, record.state));
  container.publish(std::move(record));
  return {};
}

Result<void> send_signal(Core& core, const ContainerRecord& container, int signal) {
  auto shim = container::BlockingShimClient::connect(paths_of(core.options, container).shim_socket);
  // Its shim is gone, or has nothing left to do: the end is being recorded.
  if (!shim) return {};
  auto sent = shim->signal(shim::kContainerSession, signal);
  if (sent || sent.error().code() == Code::NotFound || sent.error().code() == Code::Unavailable) return {};
  return std::move(sent).error().during(fmt::format("signal container '{}'", container.name));
}

// A process that is frozen gets no other signal than SIGKILL (and on cgroup v1 not even that).
Result<void> thaw(Core& core, Container& container) {
  if (container.record()->state.status == Status::Paused) return unpause_container(core, container);
  return {};
}

// A container that waits for its next start stays stopped.
void give_up_restart(Core& core, Container& container) {
  core.delays.cancel("restart/" + container.id());
  ContainerRecord record = *container.record();
  record.state.status = Status::Exited;
  record.state.stopped_by_hand = true;
  (void)core.database.save_state(container.number, record.state);  // or the next engine gives it up again
  container.publish(record);
  container.waits.ended({.exit_code = record.state.exit_code, .error = {}});
}

enum class Sent : std::uint8_t { Yes, DoesNotRun };

// Under the lock: marks and signals.
Result<Sent> begin_stop(Core& core, const std::shared_ptr<Container>& container, int signal) {
  MutexLock lock(container->changes());
  const ContainerRef record = container->record();
  if (record->state.status == Status::Restarting) {
    give_up_restart(core, *container);
    return Sent::Yes;
  }
  if (!record->state.is_running()) return Sent::DoesNotRun;
  TRY(note_stopped_by_hand(core, *container));
  TRY(thaw(core, *container));
  TRY(send_signal(core, *record, signal));
  publish_event(core.events, *record, "kill", {{"signal", std::to_string(signal)}});
  return Sent::Yes;
}

// False when it still runs after that time.
bool wait_for_end(Container& container, std::optional<seconds> patience) {
  Latch ended;
  const Subscription wait = container.waits.add(
      WaitCondition::NotRunning, [&](const WaitResult&) { ended.open(); },
      [&]() -> std::optional<WaitResult> {
        if (container.record()->state.is_running()) return std::nullopt;
        return WaitResult{};
      });
  return ended.wait_until(patience ? std::optional(steady_clock::now() + *patience) : std::nullopt);
}

Result<void> wait_for_killed(Container& container) {
  if (wait_for_end(container, kKillPatience)) return {};
  return error(Code::TimedOut, "container '{}' did not end within {} s of SIGKILL", container.record()->name,
               kKillPatience.count());
}

Result<void> kill_hard(Core& core, const std::shared_ptr<Container>& container) {
  if (TRY(begin_stop(core, container, SIGKILL)) == Sent::DoesNotRun) return {};
  return wait_for_killed(*container);
}

// Another signal than SIGKILL may be handled: the container goes on, and its restart policy with it.
Result<void> signal_running(Core& core, Container& container, int signal) {
  MutexLock lock(container.changes());
  const ContainerRef record = container.record();
  if (!record->state.is_running()) return not_running(*record);
  const auto own = stop_signal(*record, {});
  if (signal == SIGKILL || (own && signal == *own)) TRY(note_stopped_by_hand(core, container));
  if (signal == SIGKILL) TRY(thaw(core, container));
  TRY(send_signal(core, *record, signal));
  publish_event(core.events, *record, "kill", {{"signal", std::to_string(signal)}});
  return {};
}

}  // namespace

Result<int> parse_signal_name(std::string_view text) {
  auto signal = parse_signal(text);
  if (!signal || *signal == 0) return error(Code::InvalidArgument, "Invalid signal: {}", text);
  return signal;
}

Result<bool> stop_container(Core& core, const std::shared_ptr<Container>& container,
                            const StopOptions& options) {
  const int signal = TRY(stop_signal(*container->record(), options));
  const auto patience = patience_of(*container->record(), options);
  if (TRY(begin_stop(core, container, signal)) == Sent::DoesNotRun) return false;
  if (!wait_for_end(*container, patience)) TRY(kill_hard(core, container));
  publish_event(core.events, *container->record(), "stop");
  return true;
}

Result<void> kill_container(Core& core, const std::shared_ptr<Container>& container,
                            std::string_view signal) {
  const int number = signal.empty() ? SIGKILL : TRY(parse_signal_name(signal));
  TRY(signal_running(core, *container, number));
  if (number == SIGKILL) return wait_for_killed(*container);
  return {};
}

Result<void> pause_container(Core& core, Container& container) {
  ContainerRecord record = *container.record();
  if (record.state.status == Status::Paused)
    return error(Code::Conflict, "Container {} is already paused", record.id);
  if (record.state.status == Status::Restarting)
    return error(Code::Conflict, "Container {} is restarting, wait until the container is running",
                 record.id);
  if (record.state.status != Status::Running)
    return error(Code::Conflict, "Container {} is not running", record.id);
  // Recorded before: whoever may be frozen can be thawed, also when this process is killed in between.
  const ContainerRecord running = record;
  record.state.status = Status::Paused;
  TRY(core.database.save_state(container.number, record.state));
  if (auto paused = pause_processes(core, record); !paused) {
    TRY(core.database.save_state(container.number, running.state));
    return std::move(paused).error().during(fmt::format("Cannot pause container {}", record.id));
  }
  container.publish(record);
  publish_event(core.events, record, "pause");
  return {};
}

Result<void> unpause_container(Core& core, Container& container) {
  ContainerRecord record = *container.record();
  if (record.state.status != Status::Paused)
    return error(Code::Conflict, "Container {} is not paused", record.id);
  TRY_DURING(resume_processes(core, record), "Cannot unpause container {}", record.id);
  record.state.status = Status::Running;
  TRY(core.database.save_state(container.number, record.state));
  container.publish(record);
  publish_event(core.events, record, "unpause");
  return {};
}

}  // namespace gantry::engine
