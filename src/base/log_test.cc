// SPDX-License-Identifier: Apache-2.0
#include "base/log.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <string>

#include "base/json.h"
#include "base/unique_fd.h"
#include "testing/must.h"

namespace gantry {
namespace {

// What is written to its descriptor.
class Pipe {
 public:
  Pipe() {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0) std::abort();
    from_.reset(ends[0]);
    to_.reset(ends[1]);
  }
  int fd() const { return to_.get(); }
  std::string take() const {
    char buffer[64 << 10];
    const ssize_t got = ::read(from_.get(), buffer, sizeof buffer);
    return got > 0 ? std::string(buffer, static_cast<std::size_t>(got)) : "";
  }

 private:
  UniqueFd from_, to_;
};

// Behind the time.
std::string rest_of(const std::string& line) { return line.substr(31); }

TEST(Log, ALineHasTimeLevelMessageAndFields) {
  Pipe pipe;
  const Logger log(pipe.fd());
  log.warn("image pull retried", {{"image", "busybox"}, {"attempt", 2}, {"left", 3U}, {"last", false}});
  const std::string line = pipe.take();
  EXPECT_EQ(line[30], ' ');
  EXPECT_EQ(rest_of(line), "warning image pull retried image=busybox attempt=2 left=3 last=false\n");
}

TEST(Log, ForeignTextStaysInItsField) {
  Pipe pipe;
  const Logger log(pipe.fd());
  log.error("failed", {{"error", "two\nlines level=debug"}, {"empty", ""}, {"quoted", "it's"}});
  EXPECT_EQ(rest_of(pipe.take()), "error failed error='two\\nlines level=debug' empty='' quoted='it\\'s'\n");
}

TEST(Log, JsonLinesAreJson) {
  Pipe pipe;
  const Logger log(pipe.fd(), {.format = LogFormat::Json});
  log.info("done", {{"name", "a\"b\n"}, {"bytes", 1ULL << 60}, {"ratio", 0.5}});
  const std::string line = pipe.take();
  ASSERT_TRUE(line.ends_with("}\n"));
  EXPECT_NE(
      line.find(
          R"("level":"info","message":"done","name":"a\"b\n","bytes":1152921504606846976,"ratio":0.5})"),
      std::string::npos)
      << line;
}

TEST(Log, WhatIsBelowTheLevelIsLeftOut) {
  Pipe pipe;
  Logger log(pipe.fd(), {.level = LogLevel::Warning});
  log.info("no");
  EXPECT_EQ(pipe.take(), "");
  log.set_level(LogLevel::Debug);
  log.debug("yes");
  EXPECT_EQ(rest_of(pipe.take()), "debug yes\n");
}

TEST(Log, LevelsHaveNames) {
  EXPECT_EQ(parse_log_level("warn"), LogLevel::Warning);
  EXPECT_EQ(parse_log_level("error"), LogLevel::Error);
  EXPECT_EQ(parse_log_level("loud"), std::nullopt);
}

}  // namespace
}  // namespace gantry
