// SPDX-License-Identifier: Apache-2.0
#include "registry/metrics.h"

#include <algorithm>
#include <utility>

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
  const MutexLock lock(mutex_);
  ++requests_[{endpoint, known_method(method), status}];
  durations_.try_emplace(endpoint, kBounds).first->second.add(duration);
  bytes_read_ += bytes_read;
  bytes_written_ += bytes_written;
}

std::string Metrics::text(std::size_t open_uploads) const {
  MetricsPage page;
  const MutexLock lock(mutex_);
  page.family("gantry_registry_requests_total", MetricKind::Counter,
              "Requests answered; code 0 is a connection that broke.");
  for (const auto& [key, count] : requests_) {
    const auto& [endpoint, method, status] = key;
    page.sample(static_cast<double>(count),
                {{"endpoint", name_of(endpoint)}, {"method", method}, {"code", std::to_string(status)}});
  }
  page.family("gantry_registry_request_duration_seconds", MetricKind::Histogram,
              "From a request's head to the end of its answer.");
  for (const auto& [endpoint, histogram] : durations_)
    page.histogram(histogram, {{"endpoint", name_of(endpoint)}});
  page.one("gantry_registry_received_bytes_total", MetricKind::Counter, "Bytes of request bodies.",
           static_cast<double>(bytes_read_));
  page.one("gantry_registry_sent_bytes_total", MetricKind::Counter, "Bytes of answers' bodies.",
           static_cast<double>(bytes_written_));
  page.one("gantry_registry_open_uploads", MetricKind::Gauge, "Uploads begun and not ended.",
           static_cast<double>(open_uploads));
  return std::move(page).text();
}

}  // namespace gantry::registry
