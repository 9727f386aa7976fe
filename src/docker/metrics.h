// SPDX-License-Identifier: Apache-2.0
//
// What the daemon counts, for GET /metrics: Docker's families (engine_daemon_*) under their own names, the
// process' (process_*), and ours (gantry_*). docs/metrics.md lists them. Thread-safe.
//
//   metrics.served(route, is_success, duration);      // by the router
//   std::string page = metrics.page(context);
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <tuple>

#include "base/metrics_page.h"
#include "base/mutex.h"
#include "docker/context.h"
#include "engine/events.h"

namespace gantry::docker {

struct Route;

class Metrics {
 public:
  // Borrowed.
  explicit Metrics(engine::Events& events);
  Metrics(const Metrics&) = delete;
  Metrics& operator=(const Metrics&) = delete;

  // A handler has returned: answered in full, or its connection has become a stream.
  void served(const Route& route, bool is_success, std::chrono::nanoseconds duration);
  // A request was answered, or refused before it had a handler.
  void answered(std::string_view method, int status);

  Result<std::string> page(const Context& context) const;

 private:
  void write_actions(MetricsPage& page) const;
  void write_requests(MetricsPage& page) const;
  void write_events(MetricsPage& page) const;

  mutable Mutex mutex_;  // guards what follows
  std::map<std::string_view, DurationHistogram> container_actions_ GUARDED_BY(mutex_);
  std::map<std::string_view, DurationHistogram> network_actions_ GUARDED_BY(mutex_);
  std::map<std::string_view, DurationHistogram> host_functions_ GUARDED_BY(mutex_);
  std::uint64_t builds_ GUARDED_BY(mutex_) = 0;
  std::uint64_t failed_builds_ GUARDED_BY(mutex_) = 0;
  std::map<std::pair<std::string_view, int>, std::uint64_t> requests_
      GUARDED_BY(mutex_);  // by method, status
  std::map<std::pair<std::string_view, std::string_view>, DurationHistogram> durations_
      GUARDED_BY(mutex_);                                           // by method and pattern of the route
  std::map<std::string, std::uint64_t> events_ GUARDED_BY(mutex_);  // by type

  engine::Subscription subscription_;  // first to go
};

}  // namespace gantry::docker
