// SPDX-License-Identifier: Apache-2.0
#include "engine/log_options.h"

#include <gtest/gtest.h>

#include "testing/must.h"

namespace gantry::engine {
namespace {

using container::LogConfig;

LogSettings parse(const LogConfig& config, const LogConfig& defaults = {}) {
  return MUST(parse_log_config(config, defaults));
}
std::string failure(const LogConfig& config) {
  const auto settings = parse_log_config(config, {});
  return settings ? "" : settings.error().message();
}

TEST(LogOptions, LogsAreBoundedUnlessSomebodyAsksForAnotherThing) {
  EXPECT_EQ(parse({}).driver, LogDriver::JsonFile);
  EXPECT_EQ(parse({}).max_bytes, 20'000'000u);
  EXPECT_EQ(parse({}).max_files, 5u);
  EXPECT_TRUE(parse({}).compress);
  EXPECT_EQ(parse({.config = {{"max-size", "-1"}}}).max_bytes, 0u);
  EXPECT_FALSE(parse({.type = "none"}).has_file());
}

TEST(LogOptions, SizesAreAsDockerReadsThem) {
  EXPECT_EQ(MUST(parse_log_size("10m")), 10u << 20);
  EXPECT_EQ(MUST(parse_log_size("1.5K")), 1536u);
  EXPECT_EQ(MUST(parse_log_size("2gb")), 2ull << 30);
  EXPECT_EQ(MUST(parse_log_size("512")), 512u);
  for (const char* text : {"", "m", "10x", "-5", "nan", "inf", "1e30", "10 m", "0.1"})
    EXPECT_FALSE(parse_log_size(text)) << text;
}

TEST(LogOptions, WhatIsWrongIsNamed) {
  EXPECT_EQ(failure({.config = {{"foo", "x"}}}), "unknown log opt 'foo' for json-file log driver");
  EXPECT_EQ(failure({.type = "nope"}), "error looking up logging plugin nope: plugin \"nope\" not found");
  EXPECT_EQ(failure({.type = "none", .config = {{"max-size", "1m"}}}),
            "unknown log opt 'max-size' for none log driver");
  EXPECT_NE(failure({.config = {{"max-file", "0"}}}), "");
  EXPECT_NE(failure({.config = {{"max-file", "2x"}}}), "");
  EXPECT_NE(failure({.config = {{"compress", "maybe"}}}), "");
  EXPECT_NE(failure({.config = {{"mode", "x"}}}), "");
  EXPECT_NE(failure({.config = {{"max-size", "10"}}}), "");
}

TEST(LogOptions, TheDaemonsDefaultsCountForTheSameDriverOnly) {
  const LogConfig defaults{.type = "local", .config = {{"max-file", "2"}}};
  EXPECT_EQ(parse({}, defaults).driver, LogDriver::Local);
  EXPECT_EQ(parse({}, defaults).max_files, 2u);
  EXPECT_EQ(parse({.config = {{"max-file", "3"}}}, defaults).max_files, 3u);
  EXPECT_EQ(parse({.type = "json-file"}, defaults).max_files, 5u);
}

TEST(LogOptions, AttributesAreChosenByNameAndByPattern) {
  container::Config container;
  container.labels = {{"a", "1"}, {"b", "2"}, {"com.x", "3"}};
  container.env = {"PATH=/bin", "HOME=/root", "NONE"};
  const LogConfig config{.config = {{"labels", "a,,z"}, {"labels-regex", "^com\\."}, {"env", "PATH,NONE"}}};
  const LogSettings settings = MUST(parse_log_config(config, {}, container));
  EXPECT_EQ(settings.attributes,
            (std::map<std::string, std::string>{{"a", "1"}, {"com.x", "3"}, {"PATH", "/bin"}}));
  EXPECT_FALSE(parse_log_config({.config = {{"env-regex", "("}}}, {}, container));
}

}  // namespace
}  // namespace gantry::engine
