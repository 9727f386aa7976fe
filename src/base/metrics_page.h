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

namespace gantry {

enum class MetricKind : std::uint8_t { Counter, Gauge, Histogram };

// How long things took: how many at most so long, and all together. Not thread-safe.
class DurationHistogram {
 public:
  static constexpr std::array<double, 11> kBounds = {
      0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10};  // seconds, Prometheus' own

  void add(std::chrono::nanoseconds duration);
  // Of those that took longer than every bound, the last.
  const std::array<std::uint64_t, kBounds.size() + 1>& buckets() const { return buckets_; }
  double sum() const { return sum_; }  // seconds
  std::uint64_t count() const { return count_; }

 private:
  std::array<std::uint64_t, kBounds.size() + 1> buckets_{};
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
  void sample(double value, std::initializer_list<Label> labels = {});
  void histogram(const DurationHistogram& durations, std::initializer_list<Label> labels = {});

  std::string text() && { return std::move(text_); }

 private:
  void line(std::string_view suffix, Labels labels, std::string_view bound, double value);
  std::string text_;
  std::string name_;  // of the family
};

}  // namespace gantry
