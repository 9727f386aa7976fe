// SPDX-License-Identifier: Apache-2.0
#include "engine/health_checks.h"

#include <algorithm>
#include <utility>

#include "base/random.h"
#include "base/timestamp.h"
#include "engine/container_events.h"
#include "engine/container_paths.h"
#include "engine/execs.h"
#include "engine/probe.h"

namespace gantry::engine {

using std::chrono::ceil;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

namespace {

// When a probe began, by both clocks.
struct Began {
  steady_clock::time_point steady = steady_clock::now();
  std::string wall = format_timestamp(wall_clock_now());
};

std::string key_of(const Container& container) { return "health/" + container.id(); }

void run_probe(Core& core, const std::shared_ptr<Container>& container, std::uint64_t run);

void schedule_probe(Core& core, const std::shared_ptr<Container>& container) {
  const auto delay = ceil<milliseconds>(container->health->next_probe() - steady_clock::now());
  core.delays.schedule(key_of(*container), std::max(delay, milliseconds(0)),
                       [&core, container, run = container->run] { run_probe(core, container, run); });
}

void publish_health(Container& container) {
  ContainerRecord record = *container.record();
  record.state.health = container.health->health();
  container.publish(std::move(record));
}

// Whether the run that a probe belongs to still goes on. By the holder of changes().
bool is_current(const Container& container, std::uint64_t run) {
  return container.run == run && container.health && container.record()->state.is_running();
}

void take_result(Core& core, const std::shared_ptr<Container>& container, std::uint64_t run,
                 const Began& began, ProbeEnd end) {
  MutexLock lock(container->changes());
  if (!is_current(*container, run)) return;
  const std::string now = format_timestamp(wall_clock_now());
  HealthCheck& check = *container->health;
  ++core.health_check_counts.all;
  if (end.timed_out || end.exit_code != 0) ++core.health_check_counts.failed;
  ProbeResult result =
      end.timed_out
          ? timed_out_probe(check.timeout(), began.wall, now, end.output)
          : ProbeResult{
                .start = began.wall, .end = now, .exit_code = end.exit_code, .output = std::move(end.output)};
  const bool has_changed = check.on_result(began.steady, steady_clock::now(), std::move(result));
  publish_health(*container);
  if (has_changed)
    publish_event(core.events, *container->record(),
                  fmt::format("health_status: {}", name_of(check.status())));
  schedule_probe(core, container);
}

void run_probe(Core& core, const std::shared_ptr<Container>& container, std::uint64_t run) {
  Began began;
  MutexLock lock(container->changes());
  if (!is_current(*container, run)) return;
  const ContainerRef record = container->record();
  // What is frozen cannot answer; it is asked again when the next probe is due.
  if (record->state.status == Status::Paused) return schedule_probe(core, container);
  const HealthCheck& check = *container->health;
  auto file = write_exec_process(core, *record, "health-" + random_hex(4), {.cmd = check.command()});
  lock.unlock();
  if (!file) {
    take_result(core, container, run, began, {.output = file.error().message()});
    return;
  }
  RunningProbe::Request request{.socket = paths_of(core.options, *record).shim_socket,
                                .process_file = std::move(*file),
                                .timeout = ceil<milliseconds>(check.timeout()),
                                .max_output = kMaxProbeOutput};
  core.loop->post([&core, container, run, began = std::move(began), request = std::move(request)]() mutable {
    RunningProbe::start(core.loop->loop(), std::move(request),
                        [&core, container, run, began = std::move(began)](ProbeEnd end) {
                          core.later([&core, container, run, began, end = std::move(end)]() mutable {
                            take_result(core, container, run, began, std::move(end));
                          });
                        });
  });
}

}  // namespace

void start_health_checks(Core& core, const std::shared_ptr<Container>& container) {
  auto probe = probe_of(container->record()->settings->config);
  if (!probe || !*probe) return;  // it was checked when the container was made
  container->health = std::make_unique<HealthCheck>(std::move(**probe), steady_clock::now());
  publish_health(*container);
  schedule_probe(core, container);
}

void stop_health_checks(Core& core, Container& container) {
  core.delays.cancel(key_of(container));
  container.health.reset();
}

}  // namespace gantry::engine
