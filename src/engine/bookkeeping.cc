// SPDX-License-Identifier: Apache-2.0
#include "engine/bookkeeping.h"

#include <map>
#include <optional>
#include <string>
#include <utility>

#include "base/event_loop.h"
#include "base/loop_thread.h"
#include "base/timestamp.h"
#include "engine/engine.h"
#include "engine/log_changes.h"
#include "engine/log_compress.h"
#include "engine/log_drivers.h"
#include "engine/log_options.h"
#include "engine/usage_counters.h"

namespace gantry::engine {
namespace {

// The label by which a face says who asked for a container.
constexpr const char* kUserLabel = "gantry.user";

UsageLife life_of(const ContainerRecord& container) {
  const ContainerSettings& settings = *container.settings;
  UsageLife life{.container = container.id,
                 .name = container.name,
                 .image = settings.image_name,
                 .image_digest = settings.image,
                 .labels = settings.config.labels,
                 .started = container.state.started};
  if (const auto user = life.labels.find(kUserLabel); user != life.labels.end()) life.user = user->second;
  return life;
}

// Its first process says what its interfaces have counted, if they are its own.
pid_t pid_of_network(const ContainerRecord& container) {
  const std::string& mode = container.settings->host_config.network_mode;
  return mode == "host" || mode.starts_with("container:") ? 0 : container.state.pid;
}

}  // namespace

struct Bookkeeping::State {
  State(Engine& e, UsageLog& u, image::Snapshots& s, const Logger& l, const BookkeepingOptions& o,
        std::unique_ptr<LoopThread> own, UsageMeter m)
      : engine(e), usage(u), snapshots(s), log(l), options(o), meter(std::move(m)), thread(std::move(own)) {}

  void on_event(const EventRef& event);
  void take_up();
  void on_tick();
  void forward(const ContainerRecord& container);
  void finish_forwarding(const std::string& container);
  void compress(const ContainerRecord& container) const;
  void report(const char* what, const ContainerRecord& container, const Result<void>& result) const;

  Engine& engine;
  UsageLog& usage;
  image::Snapshots& snapshots;
  const Logger& log;
  const BookkeepingOptions options;
  const UsageMeter meter;
  ThreadPool dialers{{.name = "log-dial", .max_threads = 4}};  // they reach into the thread's loop
  std::unique_ptr<LoopThread> thread;
  // On the thread.
  std::unique_ptr<Timer> timer;
  std::unique_ptr<LogChanges> log_changes;                          // once somebody needs it
  std::map<std::string, std::unique_ptr<LogForwarder>> forwarders;  // by container
  Subscription events;
};

Bookkeeping::Bookkeeping(std::unique_ptr<State> state) : state_(std::move(state)) {}

Bookkeeping::~Bookkeeping() {
  state_->events.reset();
  state_->thread->call([this] {
    state_->forwarders.clear();
    state_->log_changes.reset();
    state_->timer.reset();
  });
  state_->thread.reset();
}

Result<std::unique_ptr<Bookkeeping>> Bookkeeping::start(Engine& engine, UsageLog& usage,
                                                        image::Snapshots& snapshots, const Logger& log,
                                                        const BookkeepingOptions& options) {
  auto state = std::make_unique<State>(engine, usage, snapshots, log, options,
                                       TRY(LoopThread::start("books")), TRY(UsageMeter::open()));
  State* s = state.get();
  auto books = std::unique_ptr<Bookkeeping>(new Bookkeeping(std::move(state)));
  s->thread->call([s] {
    s->timer = std::make_unique<Timer>(s->thread->loop(), Callback::to<&State::on_tick>(*s));
    s->timer->start(s->options.interval);
  });
  s->events = engine.events().subscribe([s](const EventRef& event) { s->on_event(event); });
  s->thread->post([s] { s->take_up(); });
  return books;
}

// A failure here is no reason to disturb the container.
void Bookkeeping::State::report(const char* what, const ContainerRecord& container,
                                const Result<void>& result) const {
  if (!result)
    log.warn("the books of a container could not be kept; they go on with the next entry",
             {{"what", what}, {"container", container.id}, {"error", result.error().message()}});
}

// What happened while nobody kept the books.
void Bookkeeping::State::take_up() {
  const Result<std::vector<UsageLife>> open_lives = usage.lives({.since = wall_clock_ns()});
  if (!open_lives) return log.warn("usage could not be read", {{"error", open_lives.error().message()}});
  for (const UsageLife& life : *open_lives) {
    if (life.ended != 0) continue;
    const Result<ContainerRef> found = engine.find(life.container);
    const ContainerState state = found ? (*found)->state : ContainerState{};
    if (state.started != life.started)
      (void)usage.abandon(life.container);  // it stays open, and is taken up again the next time
    else if (!state.is_running())
      report("usage", **found, usage.end(life.container, state.finished, state.exit_code, std::nullopt));
  }
  for (const ContainerRef& container : engine.list()) {
    if (!container->state.is_running()) continue;
    report("usage", *container, usage.begin(life_of(*container)));
    forward(*container);
  }
}

// On the thread of whoever changed the container.
void Bookkeeping::State::on_event(const EventRef& event) {
  if (event->type != "container" || (event->action != "start" && event->action != "die")) return;
  Result<ContainerRef> found = engine.find(event->actor);
  if (!found) return;
  const ContainerRef container = *std::move(found);
  if (event->action == "start") {
    thread->post([this, container] {
      report("usage", *container, usage.begin(life_of(*container)));
      forward(*container);
    });
    return;
  }
  // Now, for the control group goes right after the event.
  std::optional<UsageCounters> last;
  if (Result<UsageCounters> counters = meter.read(engine.paths(*container).cgroup, 0)) last = *counters;
  thread->post([this, container, last] {
    report("usage", *container,
           usage.end(container->id, container->state.finished, container->state.exit_code, last));
    finish_forwarding(container->id);
    compress(*container);
  });
}

void Bookkeeping::State::on_tick() {
  timer->start(options.interval);
  std::erase_if(forwarders, [](const auto& one) { return one.second->is_done(); });
  for (const ContainerRef& container : engine.list()) {
    if (!container->state.is_running()) continue;
    const Result<UsageCounters> counters =
        meter.read(engine.paths(*container).cgroup, pid_of_network(*container));
    if (counters) report("usage", *container, usage.sample(container->id, wall_clock_ns(), *counters));
    compress(*container);
  }
  if (const Result<void> settled = snapshots.settle(); !settled)
    log.warn("unpacked layers could not be synced; it is tried again",
             {{"error", settled.error().message()}});
}

// Where it names a service. One that still sends what an earlier life wrote gives way: how far it came is
// noted.
void Bookkeeping::State::forward(const ContainerRecord& container) {
  const ContainerSettings& settings = *container.settings;
  Result<LogSettings> wanted = parse_log_config(settings.host_config.log_config, {}, settings.config);
  if (!wanted || !wanted->has_service()) return;
  const auto started = [&]() -> Result<void> {
    if (!log_changes) {
      auto changes = std::make_unique<LogChanges>(thread->loop());
      TRY(changes->open());
      log_changes = std::move(changes);
    }
    const ContainerPaths paths = engine.paths(container);
    forwarders.erase(container.id);
    auto forwarder = std::make_unique<LogForwarder>(
        thread->loop(), dialers, *log_changes,
        LogForwarderOptions{.log_path = paths.log,
                            .position_path = paths.directory + "/log-sent",
                            .settings = *std::move(wanted),
                            .container_id = container.id,
                            .container_name = container.name,
                            .image_name = settings.image_name,
                            .image_id = settings.image.substr(settings.image.find(':') + 1)},
        log);
    TRY(forwarder->start());
    forwarders[container.id] = std::move(forwarder);
    return {};
  }();
  report("log service", container, started);
}

void Bookkeeping::State::finish_forwarding(const std::string& container) {
  const auto found = forwarders.find(container);
  if (found == forwarders.end()) return;
  found->second->finish();
  if (found->second->is_done()) forwarders.erase(found);
}

void Bookkeeping::State::compress(const ContainerRecord& container) const {
  const Result<LogSettings> settings = parse_log_config(container.settings->host_config.log_config, {});
  if (!settings || !settings->has_file() || !settings->compress || settings->max_bytes == 0) return;
  report("log", container, compress_rotated(engine.paths(container).log));
}

}  // namespace gantry::engine
