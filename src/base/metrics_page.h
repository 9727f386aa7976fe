// SPDX-License-Identifier: Apache-2.0
//
// What a daemon has counted, as Prometheus reads it (text format 0.0.4,
// https://prometheus.io/docs/instrumenting/exposition_formats/).
//
//   MetricsPage page;
//   page.family("engine_events_total", MetricKind::Counter, "Events that were published.");
//   page.sample(events);
//   page.family("engine_containers", MetricKind::Gauge, "Containers by state.");
//   page.sample(3, {{"state", "running"}});
//   page.family("engine_action_seconds", MetricKind::Histogram, "How long actions took.");
//   page.histogram(durations, {{"action", "start"}});
//   std::string text = std::move(page).text();      // Content-Type: MetricsPage::kContentType
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace gantry {

enum class MetricKind : std::uint8_t { Counter, Gauge, Histogram };

// How long things took: how many at most so long, and all together. Not thread-safe.
class DurationHistogram {
 public:
  static constexpr std::array<double, 11> kBounds = {
      0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10};  // seconds, Prometheus' own

  // `bounds`: in seconds, ascending; they outlive it.
  explicit DurationHistogram(std::span<const double> bounds = kBounds)
      : bounds_(bounds), buckets_(bounds.size() + 1) {}

  void add(std::chrono::nanoseconds duration);
  std::span<const double> bounds() const { return bounds_; }
  // One for each bound; of those that took longer than every bound, the last.
  const std::vector<std::uint64_t>& buckets() const { return buckets_; }
  double sum() const { return sum_; }  // seconds
  std::uint64_t count() const { return count_; }

 private:
  std::span<const double> bounds_;
  std::vector<std::uint64_t> buckets_;
  double sum_ = 0;
  std::uint64_t count_ = 0;
};

class MetricsPage {
 public:
  static constexpr std::string_view kContentType = "text/plain; version=0.0.4; charset=utf-8";

  using Label = std::pair<std::string_view, std::string_view>;  // the value may be any text
  using Labels = std::span<const Label>;

  // What follows belongs to it, up to the next.
  void family(std::string_view name, MetricKind kind, std::string_view help);
  void sample(double value, std::initializer_list<Label> labels = {}) {
    sample(value, Labels(labels.begin(), labels.size()));
  }
  void sample(double value, Labels labels);
  void histogram(const DurationHistogram& durations, std::initializer_list<Label> labels = {}) {
    histogram(durations, Labels(labels.begin(), labels.size()));
  }
  void histogram(const DurationHistogram& durations, Labels labels);
  // A family of one sample.
  void one(std::string_view name, MetricKind kind, std::string_view help, double value);

  std::string text() && { return std::move(text_); }

 private:
  void line(std::string_view suffix, Labels labels, std::string_view bound, double value);
  std::string text_;
  std::string name_;  // of the family
};

}  // namespace gantry
