// SPDX-License-Identifier: Apache-2.0
#include "base/metrics_page.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

namespace gantry {
namespace {

std::string_view name_of(MetricKind kind) {
  switch (kind) {
    case MetricKind::Counter: return "counter";
    case MetricKind::Gauge: return "gauge";
    case MetricKind::Histogram: break;
  }
  return "histogram";
}

// Quotes only matter in values of labels.
std::string escaped(std::string_view text, bool in_quotes) {
  std::string out;
  for (const char c : text) {
    if (c == '\\' || (c == '"' && in_quotes)) out += '\\';
    if (c == '\n')
      out += "\\n";
    else
      out += c;
  }
  return out;
}

std::string number(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value > 0 ? "+Inf" : "-Inf";
  return fmt::format("{}", value);
}

}  // namespace

void DurationHistogram::add(std::chrono::nanoseconds duration) {
  const double seconds = std::chrono::duration<double>(duration).count();
  ++buckets_[static_cast<std::size_t>(std::ranges::lower_bound(bounds_, seconds) - bounds_.begin())];
  sum_ += seconds;
  ++count_;
}

void MetricsPage::family(std::string_view name, MetricKind kind, std::string_view help) {
  name_ = name;
  text_ += fmt::format("# HELP {} {}\n# TYPE {} {}\n", name, escaped(help, false), name, name_of(kind));
}

void MetricsPage::line(std::string_view suffix, Labels labels, std::string_view bound, double value) {
  std::string words;
  const auto add = [&](std::string_view name, std::string_view text) {
    words += fmt::format("{}{}=\"{}\"", words.empty() ? "" : ",", name, escaped(text, true));
  };
  for (const auto& [name, text] : labels) add(name, text);
  if (!bound.empty()) add("le", bound);
  text_ += fmt::format("{}{}", name_, suffix);
  if (!words.empty()) text_ += fmt::format("{{{}}}", words);
  text_ += fmt::format(" {}\n", number(value));
}

void MetricsPage::sample(double value, Labels labels) { line("", labels, "", value); }

void MetricsPage::one(std::string_view name, MetricKind kind, std::string_view help, double value) {
  family(name, kind, help);
  sample(value);
}

void MetricsPage::histogram(const DurationHistogram& durations, Labels labels) {
  std::uint64_t so_far = 0;
  for (std::size_t i = 0; i < durations.bounds().size(); ++i)
    line("_bucket", labels, number(durations.bounds()[i]),
         static_cast<double>(so_far += durations.buckets()[i]));
  line("_bucket", labels, "+Inf", static_cast<double>(durations.count()));
  line("_sum", labels, "", durations.sum());
  line("_count", labels, "", static_cast<double>(durations.count()));
}

}  // namespace gantry
