// SPDX-License-Identifier: Apache-2.0
#include "registry/metrics.h"

#include <algorithm>
#include <iterator>

#include <fmt/format.h>

namespace gantry::registry {

std::string_view name_of(Endpoint endpoint) {
  constexpr std::array<std::string_view, 13> kNames = {
      "unknown", "base",      "catalog", "blob",     "manifest", "uploads", "upload",
      "tags",    "referrers", "history", "rollback", "token",    "metrics"};
  return kNames[static_cast<std::size_t>(endpoint)];
}

// Clients invent methods; a counter for each would be theirs to fill our memory with.
static std::string_view known_method(std::string_view method) {
  constexpr std::array<std::string_view, 6> kMethods = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"};
  const auto* const found = std::ranges::find(kMethods, method);
  return found == kMethods.end() ? std::string_view("other") : *found;
}

void Metrics::count(Endpoint endpoint, std::string_view method, int status, std::uint64_t bytes_read,
                    std::uint64_t bytes_written, std::chrono::nanoseconds duration) {
  const double seconds = std::chrono::duration<double>(duration).count();
  const auto bucket = static_cast<std::size_t>(std::ranges::lower_bound(kBounds, seconds) - kBounds.begin());
  const MutexLock lock(mutex_);
  ++requests_[{endpoint, known_method(method), status}];
  Histogram& histogram = durations_[endpoint];
  ++histogram.buckets[bucket];
  ++histogram.count;
  histogram.sum += seconds;
  bytes_read_ += bytes_read;
  bytes_written_ += bytes_written;
}

std::string Metrics::text(std::size_t open_uploads) const {
  std::string page;
  const auto out = std::back_inserter(page);
  const auto begin = [&](std::string_view name, std::string_view type, std::string_view help) {
    fmt::format_to(out, "# HELP {} {}\n# TYPE {} {}\n", name, help, name, type);
  };
  const MutexLock lock(mutex_);
  begin("gantry_registry_requests_total", "counter", "Requests answered; code 0 is a connection that broke.");
  for (const auto& [key, count] : requests_) {
    const auto& [endpoint, method, status] = key;
    fmt::format_to(out, "gantry_registry_requests_total{{endpoint=\"{}\",method=\"{}\",code=\"{}\"}} {}\n",
                   name_of(endpoint), method, status, count);
  }
  begin("gantry_registry_request_duration_seconds", "histogram",
        "From a request's head to the end of its answer.");
  for (const auto& [endpoint, histogram] : durations_) {
    std::uint64_t below = 0;
    const std::string_view name = name_of(endpoint);
    for (std::size_t i = 0; i < kBounds.size(); ++i)
      fmt::format_to(out, "gantry_registry_request_duration_seconds_bucket{{endpoint=\"{}\",le=\"{}\"}} {}\n",
                     name, kBounds[i], below += histogram.buckets[i]);
    fmt::format_to(out,
                   "gantry_registry_request_duration_seconds_bucket{{endpoint=\"{0}\",le=\"+Inf\"}} {1}\n"
                   "gantry_registry_request_duration_seconds_sum{{endpoint=\"{0}\"}} {2}\n"
                   "gantry_registry_request_duration_seconds_count{{endpoint=\"{0}\"}} {1}\n",
                   name, histogram.count, histogram.sum);
  }
  begin("gantry_registry_received_bytes_total", "counter", "Bytes of request bodies.");
  fmt::format_to(out, "gantry_registry_received_bytes_total {}\n", bytes_read_);
  begin("gantry_registry_sent_bytes_total", "counter", "Bytes of answers' bodies.");
  fmt::format_to(out, "gantry_registry_sent_bytes_total {}\n", bytes_written_);
  begin("gantry_registry_open_uploads", "gauge", "Uploads begun and not ended.");
  fmt::format_to(out, "gantry_registry_open_uploads {}\n", open_uploads);
  return page;
}

}  // namespace gantry::registry
