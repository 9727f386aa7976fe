// SPDX-License-Identifier: Apache-2.0
//
// What the API server counts of its requests, for GET /metrics, under kube-apiserver's names. Thread-safe.
//
//   const ApiMetrics::InFlight here(metrics, labels);
//   ...
//   metrics.answered(labels, 200, duration);
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "base/metrics_page.h"
#include "base/mutex.h"

namespace gantry::kube {

// What a request was about. Clients invent paths: what is not served has no group and no resource here.
struct RequestLabels {
  std::string verb;  // "GET", "LIST", "WATCH", "APPLY" ...
  std::string group, version, resource;
  std::string subresource;  // without a resource: the path's beginning ("/healthz")
  std::string scope;        // "cluster", "namespace", "resource"; empty: no resource
  friend auto operator<=>(const RequestLabels&, const RequestLabels&) = default;

  bool is_mutating() const;
};

class ApiMetrics {
 public:
  // Of more series, all are counted together: a cluster has a few thousand, and whoever makes up resources no
  // more.
  static constexpr std::size_t kMostSeries = 20'000;

  explicit ApiMetrics(std::size_t most_series = kMostSeries) : most_series_(most_series) {}
  ApiMetrics(const ApiMetrics&) = delete;
  ApiMetrics& operator=(const ApiMetrics&) = delete;

  // A request is at work for as long as this lives.
  class InFlight {
   public:
    InFlight(ApiMetrics& metrics, const RequestLabels& labels)
        : count_(metrics.in_flight_[labels.is_mutating() ? 1 : 0]) {
      ++count_;
    }
    InFlight(const InFlight&) = delete;
    InFlight& operator=(const InFlight&) = delete;
    ~InFlight() { --count_; }

   private:
    std::atomic<std::int64_t>& count_;
  };

  // Its handler has returned; a watch goes on, and its time is not counted.
  void answered(const RequestLabels& labels, int code, std::chrono::nanoseconds duration) EXCLUDES(mutex_);
  void authenticated(bool is_success) { ++(is_success ? authenticated_ : refused_); }
  // A watch, or another stream, which is counted for as long as somebody has this. The metrics outlive it.
  std::shared_ptr<const void> long_running(const RequestLabels& labels) EXCLUDES(mutex_);

  void write(MetricsPage& page) const EXCLUDES(mutex_);

 private:
  struct Key {
    RequestLabels labels;
    int code = 0;
    friend auto operator<=>(const Key&, const Key&) = default;
  };

  void write_requests(MetricsPage& page) const REQUIRES(mutex_);

  const std::size_t most_series_;
  std::array<std::atomic<std::int64_t>, 2> in_flight_{};  // that read, that write
  std::atomic<std::uint64_t> authenticated_ = 0;
  std::atomic<std::uint64_t> refused_ = 0;

  mutable Mutex mutex_;  // guards what follows
  std::map<Key, std::uint64_t> requests_ GUARDED_BY(mutex_);
  std::map<RequestLabels, DurationHistogram> durations_ GUARDED_BY(mutex_);
  std::map<RequestLabels, std::int64_t> long_running_ GUARDED_BY(mutex_);
};

}  // namespace gantry::kube
