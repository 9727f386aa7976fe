// SPDX-License-Identifier: Apache-2.0
//
// What the registry counts, as Prometheus reads it. Thread-safe.
//
//   metrics.count(Endpoint::Blob, "GET", 200, bytes_in, bytes_out, duration);
//   std::string page = metrics.text(uploads);
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <tuple>

#include "base/metrics_page.h"
#include "base/mutex.h"
#include "registry/route.h"

namespace gantry::registry {

std::string_view name_of(Endpoint endpoint);  // "blob"

class Metrics {
 public:
  void count(Endpoint endpoint, std::string_view method, int status, std::uint64_t bytes_read,
             std::uint64_t bytes_written, std::chrono::nanoseconds duration);
  // `open_uploads` is how many there are now.
  std::string text(std::size_t open_uploads) const;

 private:
  static constexpr std::array<double, 8> kBounds = {0.001, 0.005, 0.025, 0.1, 0.5, 2.5, 10, 60};  // seconds

  mutable Mutex mutex_;  // guards what follows
  std::map<std::tuple<Endpoint, std::string_view, int>, std::uint64_t> requests_ GUARDED_BY(mutex_);
  std::map<Endpoint, DurationHistogram> durations_ GUARDED_BY(mutex_);
  std::uint64_t bytes_read_ GUARDED_BY(mutex_) = 0;
  std::uint64_t bytes_written_ GUARDED_BY(mutex_) = 0;
};

}  // namespace gantry::registry
