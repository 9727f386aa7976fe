// SPDX-License-Identifier: Apache-2.0
#include "base/metrics_page.h"

#include <gtest/gtest.h>

#include <limits>

namespace gantry {
namespace {

using namespace std::chrono_literals;

TEST(MetricsPage, AFamilyBeginsWithItsHelpAndKind) {
  MetricsPage page;
  page.family("events_total", MetricKind::Counter, "Events,\nand a \\.");
  page.sample(12345678901);
  page.family("cpus", MetricKind::Gauge, "Of the host.");
  page.sample(0.5, {{"state", "run\"n\\i\nng"}, {"of", "a"}});
  EXPECT_EQ(std::move(page).text(),
            "# HELP events_total Events,\\nand a \\\\.\n"
            "# TYPE events_total counter\n"
            "events_total 12345678901\n"
            "# HELP cpus Of the host.\n"
            "# TYPE cpus gauge\n"
            "cpus{state=\"run\\\"n\\\\i\\nng\",of=\"a\"} 0.5\n");
}

TEST(MetricsPage, BucketsOfAHistogramAreSumsUpToTheirBound) {
  DurationHistogram durations;
  for (const auto duration : {5ms, 6ms, 2000ms, 20000ms}) durations.add(duration);
  MetricsPage page;
  page.family("action_seconds", MetricKind::Histogram, "How long.");
  page.histogram(durations, {{"action", "start"}});
  const std::string text = std::move(page).text();
  for (const char* line :
       {"action_seconds_bucket{action=\"start\",le=\"0.005\"} 1\n",
        "action_seconds_bucket{action=\"start\",le=\"0.01\"} 2\n",
        "action_seconds_bucket{action=\"start\",le=\"1\"} 2\n",
        "action_seconds_bucket{action=\"start\",le=\"2.5\"} 3\n",
        "action_seconds_bucket{action=\"start\",le=\"10\"} 3\n",
        "action_seconds_bucket{action=\"start\",le=\"+Inf\"} 4\n",
        "action_seconds_sum{action=\"start\"} 22.011\n", "action_seconds_count{action=\"start\"} 4\n"})
    EXPECT_NE(text.find(line), std::string::npos) << line << text;
}

TEST(MetricsPage, NumbersThatAreNoneHaveWords) {
  MetricsPage page;
  page.family("x", MetricKind::Gauge, "");
  page.sample(std::numeric_limits<double>::infinity());
  page.sample(std::numeric_limits<double>::quiet_NaN());
  const std::string text = std::move(page).text();
  EXPECT_NE(text.find("x +Inf\nx NaN\n"), std::string::npos);
}

}  // namespace
}  // namespace gantry
