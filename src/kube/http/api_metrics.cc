// SPDX-License-Identifier: Apache-2.0
#include "kube/http/api_metrics.h"

#include <algorithm>
#include <string_view>
#include <utility>
#include <vector>

namespace gantry::kube {
namespace {

// kube-apiserver's, in seconds.
constexpr double kBounds[] = {0.005, 0.025, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1,  1.25, 1.5, 2,
                              3,     4,     5,    6,   8,   10,  15,  20,  30, 45,   60};

std::vector<MetricsPage::Label> labels_of(const RequestLabels& labels) {
  return {{"verb", labels.verb},
          {"group", labels.group},
          {"version", labels.version},
          {"resource", labels.resource},
          {"subresource", labels.subresource},
          {"scope", labels.scope},
          {"component", "apiserver"}};
}

double number(std::uint64_t value) { return static_cast<double>(value); }

}  // namespace

bool RequestLabels::is_mutating() const {
  constexpr std::string_view kReading[] = {"GET", "HEAD", "LIST", "WATCH", "OPTIONS"};
  return std::ranges::find(kReading, verb) == std::end(kReading);
}

void ApiMetrics::answered(const RequestLabels& labels, int code, std::chrono::nanoseconds duration) {
  const MutexLock lock(mutex_);
  const bool is_full = requests_.size() >= most_series_;
  ++requests_[is_full ? Key() : Key{labels, code}];
  if (labels.verb == "WATCH" || labels.verb == "CONNECT") return;
  durations_.try_emplace(is_full ? RequestLabels() : labels, kBounds).first->second.add(duration);
}

std::shared_ptr<const void> ApiMetrics::long_running(const RequestLabels& labels) {
  const MutexLock lock(mutex_);
  std::int64_t& count = long_running_[labels];
  ++count;
  return {static_cast<const void*>(this), [this, &count](const void*) {
            const MutexLock again(mutex_);
            --count;  // a map's values stay where they are
          }};
}

void ApiMetrics::write_requests(MetricsPage& page) const {
  page.family("apiserver_request_total", MetricKind::Counter,
              "Counter of apiserver requests broken out for each verb, group, version, resource, scope and "
              "HTTP response code.");
  for (const auto& [key, count] : requests_) {
    const std::string code = std::to_string(key.code);
    std::vector<MetricsPage::Label> labels = labels_of(key.labels);
    labels.emplace_back("code", code);
    page.sample(number(count), labels);
  }
  page.family("apiserver_request_duration_seconds", MetricKind::Histogram,
              "Response latency distribution in seconds for each verb, group, version, resource and scope.");
  for (const auto& [labels, durations] : durations_) page.histogram(durations, labels_of(labels));
  page.family("apiserver_longrunning_requests", MetricKind::Gauge,
              "Watches and other streams that are open, by verb, group, version, resource and scope.");
  for (const auto& [labels, count] : long_running_)
    page.sample(static_cast<double>(count), labels_of(labels));
}

void ApiMetrics::write(MetricsPage& page) const {
  page.family("apiserver_current_inflight_requests", MetricKind::Gauge,
              "Requests at work at this moment, by whether they may change something.");
  page.sample(static_cast<double>(in_flight_[0]), {{"request_kind", "readOnly"}});
  page.sample(static_cast<double>(in_flight_[1]), {{"request_kind", "mutating"}});
  page.family("authentication_attempts", MetricKind::Counter,
              "Requests by whether it was known who they came from.");
  page.sample(number(authenticated_), {{"result", "success"}});
  page.sample(number(refused_), {{"result", "failure"}});
  const MutexLock lock(mutex_);
  write_requests(page);
}

}  // namespace gantry::kube
