// SPDX-License-Identifier: Apache-2.0
#include "runtime/log.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>

#include "base/file.h"
#include "base/json.h"
#include "testing/child.h"
#include "testing/must.h"
#include "testing/temp_dir.h"

namespace gantry::runtime {
namespace {

struct LogTest : ::testing::Test {
  std::string text() { return MUST(read_file(path)); }
  testing::TempDir dir;
  const std::string path = dir / "log";
};

TEST_F(LogTest, a_line_is_an_object_that_callers_of_runc_understand) {
  const Log log = MUST(Log::open(path, LogFormat::Json, false));
  log.error("create 'web': \"no\"\nnewline \x01");
  const std::string line = text();
  EXPECT_EQ(line.find('\n'), line.size() - 1) << "one line";
  const auto document = MUST(json::Document::parse(line));
  EXPECT_EQ(document.root().find("level")->as_string(), "error");
  EXPECT_EQ(document.root().find("msg")->as_string(), "create 'web': \"no\"\nnewline \x01");
  EXPECT_EQ(document.root().find("time")->as_string().size(), 30U);
}

TEST_F(LogTest, text_is_one_line_too) {
  const Log log = MUST(Log::open(path, LogFormat::Text, false));
  log.warn("a \"b\"\nc");
  EXPECT_EQ(text().substr(0, 6), "time=\"");
  EXPECT_TRUE(text().ends_with("level=warning msg=\"a \\\"b\\\"\\nc\"\n")) << text();
}

TEST_F(LogTest, debug_is_only_for_who_asked) {
  MUST(Log::open(path, LogFormat::Text, false)).debug("hidden");
  EXPECT_EQ(text(), "");
  MUST(Log::open(path, LogFormat::Text, true)).debug("shown");
  EXPECT_NE(text().find("level=debug msg=\"shown\""), std::string::npos);
}

TEST_F(LogTest, lines_are_added_to_what_is_there) {
  MUST(replace_file_at(dir.fd(), "log", "before\n", 0644));
  const Log one = MUST(Log::open(path, LogFormat::Json, false)),
            other = MUST(Log::open(path, LogFormat::Json, false));
  one.warn("1");
  other.warn("2");
  one.warn("3");
  EXPECT_TRUE(text().starts_with("before\n"));
  EXPECT_EQ(std::ranges::count(text(), '\n'), 4);
}

TEST_F(LogTest, is_shared_with_a_child) {
  const Log log = MUST(Log::open(path, LogFormat::Json, false));
  EXPECT_TRUE(log.is_file());
  testing::in_child([&] { log.error("from the child"); });
  EXPECT_NE(text().find("from the child"), std::string::npos);
  EXPECT_EQ(::fcntl(log.fd(), F_GETFD), FD_CLOEXEC);
}

TEST_F(LogTest, without_a_file_lines_go_to_standard_error) {
  const int status = testing::status_of_child([&] {
    UniqueFd file = MUST(open_at(AT_FDCWD, path, O_WRONLY | O_CREAT, 0644));
    ::dup2(file.get(), 2);
    const Log log;
    if (log.is_file() || log.fd() != 2) ::_exit(2);
    log.warn("spoken");
  });
  EXPECT_EQ(status, 0);
  EXPECT_NE(text().find("msg=\"spoken\""), std::string::npos);
}

TEST_F(LogTest, that_cannot_be_opened_is_an_error_that_names_it) {
  const auto log = Log::open(dir / "no/log", LogFormat::Text, false);
  ASSERT_FALSE(log);
  EXPECT_NE(log.error().message().find(dir / "no/log"), std::string::npos);
}

TEST_F(LogTest, that_is_full_does_not_stop_anything) {
  const Log log = MUST(Log::open("/dev/full", LogFormat::Json, false));
  log.error("lost");
}

}  // namespace
}  // namespace gantry::runtime
