// SPDX-License-Identifier: Apache-2.0
#include "docker/metrics.h"

#include <algorithm>
#include <array>

#include "base/process_metrics.h"
#include "docker/api_version.h"
#include "docker/container_counts.h"
#include "docker/daemon_description.h"
#include "docker/endpoints.h"
#include "docker/host_facts.h"
#include "engine/engine.h"
#include "engine/volumes.h"
#include "image/image_store.h"
#include "network/networks.h"

namespace gantry::docker {
namespace {

// What dockerd measures, and the route that does it here.
struct Action {
  std::string_view method, pattern, name;
};
constexpr Action kContainerActions[] = {
    {"GET", "/containers/{id}/changes", "changes"}, {"POST", "/commit", "commit"},
    {"POST", "/containers/create", "create"},       {"DELETE", "/containers/{id}", "delete"},
    {"POST", "/containers/{id}/start", "start"},
};
constexpr Action kNetworkActions[] = {
    {"POST", "/networks/{name}/connect", "connect"},
    {"POST", "/networks/{name}/disconnect", "release"},
};
constexpr Action kHostFunctions[] = {
    {"GET", "/info", "system_info"},
    {"GET", "/version", "system_version"},
};

const Action* find(std::span<const Action> actions, const Route& route) {
  const auto found = std::ranges::find_if(actions, [&](const Action& action) {
    return action.method == route.method && action.pattern == route.pattern;
  });
  return found == actions.end() ? nullptr : &*found;
}

// Clients invent methods; a counter for each would be theirs to fill our memory with.
std::string_view known_method(std::string_view method) {
  constexpr std::array<std::string_view, 6> kMethods = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"};
  const auto* const found = std::ranges::find(kMethods, method);
  return found == kMethods.end() ? std::string_view("other") : *found;
}

double value_of(std::uint64_t number) { return static_cast<double>(number); }

void write_host(MetricsPage& page, const DaemonDescription& daemon) {
  const HostFacts host = HostFacts::read();
  page.one("engine_daemon_engine_cpus_cpus", MetricKind::Gauge,
           "The number of cpus that the host system of the engine has", host.cpus);
  page.one("engine_daemon_engine_memory_bytes", MetricKind::Gauge,
           "The number of bytes of memory that the host system of the engine has", value_of(host.memory));
  page.family("engine_daemon_engine_info", MetricKind::Gauge,
              "The information related to the engine and the OS it is running on");
  page.sample(1, {{"architecture", host.machine},
                  {"commit", ""},
                  {"daemon_id", daemon.id},
                  {"graphdriver", "overlay2"},
                  {"kernel", host.kernel},
                  {"os", host.operating_system},
                  {"os_type", "linux"},
                  {"os_version", host.os_version},
                  {"version", kEngineVersion}});
}

Result<void> write_things(MetricsPage& page, const Context& context) {
  const ContainerCounts counts = ContainerCounts::of(context.engine.list());
  page.family("engine_daemon_container_states_containers", MetricKind::Gauge,
              "The count of containers in various states");
  page.sample(value_of(counts.paused), {{"state", "paused"}});
  page.sample(value_of(counts.running), {{"state", "running"}});
  page.sample(value_of(counts.stopped), {{"state", "stopped"}});
  page.one("gantry_images", MetricKind::Gauge, "Images in the store.",
           value_of(TRY(context.images.images()).size()));
  page.one("gantry_networks", MetricKind::Gauge, "Networks, with those that are always there.",
           value_of(context.networks.list().size()));
  page.one("gantry_volumes", MetricKind::Gauge, "Volumes.", value_of(context.engine.volumes().list().size()));
  return {};
}

void write_health_checks(MetricsPage& page, const engine::HealthCheckCounts& counts) {
  page.one("engine_daemon_health_checks_total", MetricKind::Counter, "The total number of health checks",
           value_of(counts.all.load(std::memory_order_relaxed)));
  page.one("engine_daemon_health_checks_failed_total", MetricKind::Counter,
           "The total number of failed health checks",
           value_of(counts.failed.load(std::memory_order_relaxed)));
}

void write_family(MetricsPage& page, std::string_view name, std::string_view help, std::string_view label,
                  const std::map<std::string_view, DurationHistogram>& histograms) {
  page.family(name, MetricKind::Histogram, help);
  for (const auto& [value, histogram] : histograms) page.histogram(histogram, {{label, value}});
}

}  // namespace

// Those that nobody has used yet are there with zeros, so that rates can be computed from the beginning.
Metrics::Metrics(engine::Events& events) {
  for (const Action& action : kContainerActions) container_actions_[action.name];
  for (const Action& action : kNetworkActions) network_actions_[action.name];
  for (const Action& action : kHostFunctions) host_functions_[action.name];
  subscription_ = events.subscribe([this](const engine::EventRef& event) {
    MutexLock lock(mutex_);
    ++events_[event->type];
  });
}

void Metrics::served(const Route& route, bool is_success, std::chrono::nanoseconds duration) {
  MutexLock lock(mutex_);
  durations_[{route.method, route.pattern}].add(duration);
  if (route.pattern == "/build") {
    ++builds_;
    if (!is_success) ++failed_builds_;
  }
  if (!is_success) return;
  if (const Action* action = find(kContainerActions, route)) container_actions_[action->name].add(duration);
  if (const Action* action = find(kNetworkActions, route)) network_actions_[action->name].add(duration);
  if (const Action* action = find(kHostFunctions, route)) host_functions_[action->name].add(duration);
}

void Metrics::answered(std::string_view method, int status) {
  MutexLock lock(mutex_);
  ++requests_[{known_method(method), status}];
}

void Metrics::write_actions(MetricsPage& page) const {
  MutexLock lock(mutex_);
  write_family(page, "engine_daemon_container_actions_seconds",
               "The number of seconds it takes to process each container action", "action",
               container_actions_);
  write_family(page, "engine_daemon_network_actions_seconds",
               "The number of seconds it takes to process each network action", "action", network_actions_);
  write_family(page, "engine_daemon_host_info_functions_seconds",
               "The number of seconds it takes to call functions gathering info about the host", "function",
               host_functions_);
  page.one("builder_builds_triggered_total", MetricKind::Counter, "Number of triggered image builds",
           value_of(builds_));
  page.one("builder_builds_failed_total", MetricKind::Counter, "Number of failed image builds",
           value_of(failed_builds_));
}

void Metrics::write_requests(MetricsPage& page) const {
  MutexLock lock(mutex_);
  page.family("gantry_api_requests_total", MetricKind::Counter,
              "Requests that were answered; code 0 is a connection that broke.");
  for (const auto& [key, count] : requests_)
    page.sample(value_of(count), {{"method", key.first}, {"code", std::to_string(key.second)}});
  page.family("gantry_api_request_duration_seconds", MetricKind::Histogram,
              "How long handlers took; of streams, until they began.");
  for (const auto& [key, histogram] : durations_)
    page.histogram(histogram, {{"method", key.first}, {"route", key.second}});
}

void Metrics::write_events(MetricsPage& page) const {
  MutexLock lock(mutex_);
  std::uint64_t all = 0;
  for (const auto& [type, count] : events_) all += count;
  page.one("engine_daemon_events_total", MetricKind::Counter, "The number of events logged", value_of(all));
  page.family("gantry_events_total", MetricKind::Counter, "The same, by what they are about.");
  for (const auto& [type, count] : events_) page.sample(value_of(count), {{"type", type}});
}

Result<std::string> Metrics::page(const Context& context) const {
  MetricsPage page;
  page.family("gantry_build_info", MetricKind::Gauge, "Which version this is.");
  page.sample(1, {{"version", GANTRY_VERSION}});
  write_host(page, *context.daemon.get());
  TRY(write_things(page, context));
  write_actions(page);
  write_health_checks(page, context.engine.health_check_counts());
  write_events(page);
  write_requests(page);
  write_process(page);
  return std::move(page).text();
}

// ---- the endpoint

namespace {

Result<void> send_metrics(const Context& context, Call& call) {
  const std::string page = TRY(context.metrics.page(context));
  call.response.headers.set("Content-Type", std::string(MetricsPage::kContentType));
  return call.response.send(200, page);
}

}  // namespace

std::span<const Route> metrics_routes() {
  static constexpr Route kRoutes[] = {{"GET", "/metrics", send_metrics}};
  return kRoutes;
}

}  // namespace gantry::docker
