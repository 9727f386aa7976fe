// SPDX-License-Identifier: Apache-2.0
#include "runtime/shim/log_writer.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <csignal>
#include <random>

#include <gtest/gtest.h>

#include "base/file.h"
#include "testing/must.h"
#include "testing/temp_dir.h"

namespace gantry::shim {
namespace {

using gantry::testing::TempDir;

constexpr timespec kNow{.tv_sec = 1795256430, .tv_nsec = 123456789};
constexpr std::string_view kStdout = "2026-11-21T10:20:30.123456789Z stdout ";
constexpr std::string_view kStderr = "2026-11-21T10:20:30.123456789Z stderr ";

LogWriter open_log(const TempDir& dir, std::uint64_t max_bytes = 0, unsigned max_files = 1) {
  return MUST(LogWriter::open({.path = dir / "log", .max_bytes = max_bytes, .max_files = max_files}));
}

void write(LogWriter& log, Stream stream, std::string_view bytes) {
  log.append(stream, bytes, kNow);
  ASSERT_TRUE(log.flush());
}

std::string content(const TempDir& dir, const std::string& name = "log") {
  return MUST(read_file_at(dir.fd(), name));
}

std::string record(std::string_view stream, char flag, std::string_view text) {
  return std::string(stream).append(1, flag).append(" ").append(text).append("\n");
}

// What the format's document says about one line without its newline.
std::string records_of_line(std::string_view stream, std::string_view line, char last_flag) {
  std::string records;
  while (line.size() > LogWriter::kMaxText) {
    records += record(stream, 'P', line.substr(0, LogWriter::kMaxText));
    line.remove_prefix(LogWriter::kMaxText);
  }
  return records + record(stream, last_flag, line);
}

std::string model(std::string_view stream, std::string_view text) {
  std::string records;
  for (std::size_t newline; (newline = text.find('\n')) != text.npos; text.remove_prefix(newline + 1))
    records += records_of_line(stream, text.substr(0, newline), 'F');
  if (!text.empty()) records += records_of_line(stream, text, 'P');
  return records;
}

TEST(LogWriter, writes_time_stream_flag_and_text) {
  TempDir dir;
  LogWriter log = open_log(dir);
  write(log, Stream::Stdout, "hello\n\n");
  write(log, Stream::Stderr, "world\n");
  EXPECT_EQ(content(dir),
            record(kStdout, 'F', "hello") + record(kStdout, 'F', "") + record(kStderr, 'F', "world"));
}

TEST(LogWriter, holds_an_unfinished_line_until_its_end) {
  TempDir dir;
  LogWriter log = open_log(dir);
  write(log, Stream::Stdout, "a");
  write(log, Stream::Stderr, "x\n");
  EXPECT_TRUE(log.has_unfinished_line());
  write(log, Stream::Stdout, "b\nc");
  EXPECT_EQ(content(dir), record(kStderr, 'F', "x") + record(kStdout, 'F', "ab"));
  log.end_line(Stream::Stdout, kNow);
  ASSERT_TRUE(log.flush());
  EXPECT_EQ(content(dir), record(kStderr, 'F', "x") + record(kStdout, 'F', "ab") + record(kStdout, 'P', "c"));
  EXPECT_FALSE(log.has_unfinished_line());
}

TEST(LogWriter, a_line_of_exactly_the_bound_is_whole) {
  TempDir dir;
  LogWriter log = open_log(dir);
  const std::string text(LogWriter::kMaxText, 'x');
  write(log, Stream::Stdout, text);
  write(log, Stream::Stdout, "\n");
  EXPECT_EQ(content(dir), record(kStdout, 'F', text));
}

TEST(LogWriter, records_do_not_depend_on_how_the_bytes_were_cut) {
  std::mt19937 random(20261121);
  const auto up_to = [&random](std::size_t n) {
    return std::uniform_int_distribution<std::size_t>(0, n)(random);
  };
  for (int round = 0; round < 60; ++round) {
    std::string text[kStreams];
    for (std::string& t : text)
      for (std::size_t lines = up_to(60); lines > 0; --lines) {
        const std::size_t size = up_to(9) == 0 ? up_to(60000) : up_to(200);
        t.append(size, static_cast<char>('a' + up_to(25))).append(lines > 1 || up_to(1) == 0 ? "\n" : "");
      }
    TempDir dir;
    LogWriter log = open_log(dir);
    std::string_view rest[kStreams] = {text[0], text[1]};
    while (!rest[0].empty() || !rest[1].empty()) {
      const std::size_t stream = up_to(1);
      const std::size_t size =
          std::min(rest[stream].size(), up_to(up_to(3) == 0 ? LogWriter::kMaxAppend : 300));
      write(log, static_cast<Stream>(stream), rest[stream].substr(0, size));
      rest[stream].remove_prefix(size);
    }
    log.end_line(Stream::Stdout, kNow);
    log.end_line(Stream::Stderr, kNow);
    ASSERT_TRUE(log.flush());

    std::string of[kStreams];
    const std::string all = content(dir);
    for (std::string_view left = all; !left.empty();) {
      const std::string_view line = left.substr(0, left.find('\n') + 1);
      of[line.starts_with(kStdout) ? 0 : 1] += line;
      left.remove_prefix(line.size());
    }
    ASSERT_EQ(of[0], model(kStdout, text[0])) << "round " << round;
    ASSERT_EQ(of[1], model(kStderr, text[1])) << "round " << round;
  }
}

TEST(LogWriter, takes_nothing_but_newlines) {
  TempDir dir;
  LogWriter log = open_log(dir);
  const std::string text(LogWriter::kMaxAppend, '\n');
  write(log, Stream::Stdout, text);
  EXPECT_EQ(content(dir), model(kStdout, text));
}

TEST(LogWriter, rotates_between_records_and_keeps_the_size) {
  TempDir dir;
  constexpr std::size_t kMax = 5000;
  constexpr unsigned kFiles = 1000;
  LogWriter log = open_log(dir, kMax, kFiles);
  std::mt19937 random(7);
  std::string text;
  for (int i = 0; i < 4000; ++i)
    text += std::to_string(i) + std::string(std::uniform_int_distribution<std::size_t>(0, 150)(random), '.') +
            "\n";
  for (std::string_view rest = text; !rest.empty();) {
    const std::string_view piece =
        rest.substr(0, std::uniform_int_distribution<std::size_t>(1, 30000)(random));
    write(log, Stream::Stdout, piece);
    rest.remove_prefix(piece.size());
  }
  std::string all = content(dir);
  for (unsigned i = 1; ::faccessat(dir.fd(), ("log." + std::to_string(i)).c_str(), F_OK, 0) == 0; ++i) {
    const std::string file = content(dir, "log." + std::to_string(i));
    EXPECT_LE(file.size(), kMax);
    EXPECT_GT(file.size(), kMax - 250) << "rotated too early";
    EXPECT_EQ(file.back(), '\n');
    all.insert(0, file);
  }
  EXPECT_EQ(all, model(kStdout, text));
}

TEST(LogWriter, keeps_as_many_files_as_asked) {
  TempDir dir;
  LogWriter log = open_log(dir, 100, 3);
  for (const char* text : {"1\n", "2\n", "3\n", "4\n", "5\n"})
    write(log, Stream::Stdout, std::string(50, '.') + text);  // one fits into a file
  EXPECT_TRUE(content(dir).ends_with(".5\n"));
  EXPECT_TRUE(content(dir, "log.1").ends_with(".4\n"));
  EXPECT_TRUE(content(dir, "log.2").ends_with(".3\n"));
  EXPECT_NE(::faccessat(dir.fd(), "log.3", F_OK, 0), 0);
}

TEST(LogWriter, writes_on_in_a_full_file_while_somebody_holds_the_names) {
  TempDir dir;
  LogWriter log = open_log(dir, 100, 3);
  write(log, Stream::Stdout, std::string(50, '.') + "1\n");
  UniqueFd holder = MUST(open_at(dir.fd(), "log", O_RDONLY));
  ASSERT_EQ(::flock(holder.get(), LOCK_EX | LOCK_NB), 0);
  write(log, Stream::Stdout, std::string(50, '.') + "2\n" + std::string(50, '.') + "3\n");
  EXPECT_TRUE(content(dir).ends_with(".3\n"));
  EXPECT_NE(::faccessat(dir.fd(), "log.1", F_OK, 0), 0);
  holder.reset();
  write(log, Stream::Stdout, std::string(50, '.') + "4\n");
  EXPECT_EQ(content(dir), record(kStdout, 'F', std::string(50, '.') + "4"));
  EXPECT_TRUE(content(dir, "log.1").ends_with(".3\n"));
}

TEST(LogWriter, with_one_file_starts_it_afresh) {
  TempDir dir;
  LogWriter log = open_log(dir, 100, 1);
  write(log, Stream::Stdout, std::string(50, '.') + "1\n" + std::string(50, '.') + "2\n");
  EXPECT_TRUE(content(dir).ends_with(".2\n"));
  EXPECT_LT(content(dir).size(), 100u);
}

TEST(LogWriter, a_record_bigger_than_the_file_is_written_whole) {
  TempDir dir;
  LogWriter log = open_log(dir, 100, 5);
  write(log, Stream::Stdout, "a\n" + std::string(300, 'x') + "\nb\n");
  EXPECT_EQ(content(dir, "log.2"), record(kStdout, 'F', "a"));
  EXPECT_EQ(content(dir, "log.1"), record(kStdout, 'F', std::string(300, 'x')));
  EXPECT_EQ(content(dir), record(kStdout, 'F', "b"));
}

TEST(LogWriter, ends_the_torn_record_of_an_earlier_writer) {
  TempDir dir;
  MUST(replace_file_at(dir.fd(), "log", "torn", 0600));
  LogWriter log = open_log(dir);
  write(log, Stream::Stdout, "a\n");
  EXPECT_EQ(content(dir), "torn\n" + record(kStdout, 'F', "a"));
}

TEST(LogWriter, goes_on_in_a_new_file_after_reopen) {
  TempDir dir;
  LogWriter log = open_log(dir);
  write(log, Stream::Stdout, "a\n");
  ASSERT_EQ(::renameat(dir.fd(), "log", dir.fd(), "old"), 0);
  MUST(log.reopen());
  write(log, Stream::Stdout, "b\n");
  EXPECT_EQ(content(dir, "old"), record(kStdout, 'F', "a"));
  EXPECT_EQ(content(dir), record(kStdout, 'F', "b"));
}

// RLIMIT_FSIZE stands in for a full disk: the write that reaches it is short, the next one fails.
class FileSizeLimit {
 public:
  explicit FileSizeLimit(rlim_t bytes) {
    (void)::signal(SIGXFSZ, SIG_IGN);
    (void)::getrlimit(RLIMIT_FSIZE, &before_);
    const rlimit limit{.rlim_cur = bytes, .rlim_max = before_.rlim_max};
    (void)::setrlimit(RLIMIT_FSIZE, &limit);
  }
  ~FileSizeLimit() { (void)::setrlimit(RLIMIT_FSIZE, &before_); }

 private:
  rlimit before_;
};

TEST(LogWriter, keeps_what_a_full_disk_refused_and_goes_on_in_the_middle_of_a_record) {
  TempDir dir;
  LogWriter log = open_log(dir, 130, 9);
  const std::string text = "first\nsecond\nthird\nfourth\n";
  log.append(Stream::Stdout, text, kNow);
  {
    const FileSizeLimit limit(60);
    EXPECT_FALSE(log.flush());
    EXPECT_EQ(log.blocked_by(), EFBIG);
    EXPECT_EQ(content(dir).size(), 60u);
    EXPECT_FALSE(log.flush());
  }
  ASSERT_TRUE(log.flush());
  EXPECT_EQ(log.blocked_by(), 0);
  EXPECT_EQ(content(dir, "log.1") + content(dir), model(kStdout, text));
  EXPECT_LE(content(dir, "log.1").size(), 130u);
}

TEST(LogWriter, refuses_what_is_not_a_file) {
  TempDir dir;
  ASSERT_EQ(::mkdirat(dir.fd(), "log", 0700), 0);
  EXPECT_FALSE(LogWriter::open({.path = dir / "log"}));
  EXPECT_FALSE(LogWriter::open({.path = "log"}));
  EXPECT_FALSE(LogWriter::open({.path = dir / "missing/log"}));
}

TEST(Timestamp, follows_the_calendar) {
  EXPECT_EQ(format_timestamp({.tv_sec = 0, .tv_nsec = 0}), "1970-01-01T00:00:00.000000000Z");
  EXPECT_EQ(format_timestamp({.tv_sec = 1709251199, .tv_nsec = 999999999}), "2024-02-29T23:59:59.999999999Z");
}

}  // namespace
}  // namespace gantry::shim
