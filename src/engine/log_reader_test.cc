// SPDX-License-Identifier: Apache-2.0
#include "engine/log_reader.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <thread>

#include "base/file.h"
#include "base/timestamp.h"
#include "engine/log_changes.h"
#include "engine/log_compress.h"
#include "engine/log_file.h"
#include "engine/log_record.h"
#include "runtime/shim/log_writer.h"
#include "testing/must.h"
#include "testing/temp_dir.h"

namespace gantry::engine {
namespace {

using testing::TempDir;

std::string at(int second) { return fmt::format("2026-11-21T10:20:{:02}.123456789Z", second); }
std::string line(int second, const std::string& text, const char* stream = "stdout", char flag = 'F') {
  return fmt::format("{} {} {} {}\n", at(second), stream, flag, text);
}
std::int64_t time_at(int second) { return *parse_timestamp(at(second)); }

struct Log : ::testing::Test {
  TempDir dir;
  std::string path;

  Log() { path = dir / "web.log"; }
  void put(const std::string& text, unsigned index = 0) {
    const UniqueFd file =
        MUST(open_at(AT_FDCWD, rotated_log_name(path, index), O_WRONLY | O_CREAT | O_APPEND, 0640));
    MUST(write_all(file.get(), text, path));
  }
  void rotate(unsigned files = 5) {
    for (unsigned index = files - 1; index > 0; --index)
      (void)::rename(rotated_log_name(path, index - 1).c_str(), rotated_log_name(path, index).c_str());
  }
  LogReader open(const LogQuery& query = {}) { return MUST(LogReader::open(path, query)); }

  // The texts that are there now, each line with its newline.
  static std::string read(LogReader& reader, LogReader::Status* status = nullptr) {
    std::string text;
    for (;;) {
      const LogReader::Batch batch = MUST(reader.next());
      for (const LogRecord& record : batch.records) {
        text += record.text;
        if (!record.is_partial) text += '\n';
      }
      if (batch.status == LogReader::Status::More) continue;
      if (status != nullptr) *status = batch.status;
      return text;
    }
  }
  std::string all(const LogQuery& query = {}) {
    LogReader reader = open(query);
    return read(reader);
  }
  std::string tail(std::uint64_t lines) { return all({.tail = lines}); }
};

TEST_F(Log, NoFileIsAnEmptyLog) { EXPECT_EQ(all(), ""); }

TEST_F(Log, RecordsComeInOrderWithStreamAndTime) {
  put(line(1, "one") + line(2, "two", "stderr") + line(3, "", "stdout"));
  LogReader reader = open();
  const LogReader::Batch batch = MUST(reader.next());
  ASSERT_EQ(batch.records.size(), 3u);
  EXPECT_EQ(batch.records[1].stream, Stream::Stderr);
  EXPECT_EQ(batch.records[1].time, at(2));
  EXPECT_EQ(batch.records[1].text, "two");
  EXPECT_EQ(batch.records[2].text, "");
  EXPECT_EQ(MUST(reader.next()).status, LogReader::Status::End);
}

TEST_F(Log, RotatedFilesAreReadTheOldestFirst) {
  put(line(1, "one"), 2);
  put(line(2, "two"), 1);
  put(line(3, "three"));
  EXPECT_EQ(all(), "one\ntwo\nthree\n");
}

TEST_F(Log, ALineGoesOnInTheNextFile) {
  put(line(1, "begin", "stdout", 'P'), 1);
  put(line(2, " end"));
  LogReader reader = open();
  std::vector<bool> begins;
  for (auto batch = MUST(reader.next()); batch.status == LogReader::Status::More; batch = MUST(reader.next()))
    for (const LogRecord& record : batch.records) begins.push_back(record.begins_line);
  EXPECT_EQ(begins, (std::vector<bool>{true, false}));
  EXPECT_EQ(all(), "begin end\n");
}

TEST_F(Log, WhatIsTornIsSkipped) {
  const std::string whole = line(1, "whole");
  for (std::size_t size = 1; size < whole.size(); ++size) {
    TempDir other;
    path = other / "web.log";
    put(line(1, "before") + whole.substr(0, size) + "\n" + line(2, "after"));
    const std::string text = all();
    EXPECT_TRUE(text.starts_with("before\n") && text.ends_with("after\n")) << size;
    EXPECT_LE(std::count(text.begin(), text.end(), '\n'), 3) << size;
  }
}

TEST_F(Log, BytesThatAreNoLogAreSkippedHoweverLongTheyAre) {
  put(line(1, "before") + std::string(1 << 20, 'x') + "\n" + line(2, "after"));
  EXPECT_EQ(all(), "before\nafter\n");
  EXPECT_EQ(tail(2), "before\nafter\n");
  EXPECT_EQ(tail(1), "after\n");
}

TEST_F(Log, ARecordThatIsBeingWrittenIsNotShown) {
  put(line(1, "one") + line(2, "two").substr(0, 43));
  EXPECT_EQ(all(), "one\n");
  EXPECT_EQ(tail(1), "one\n");
}

TEST_F(Log, SinceAndUntilChooseByTime) {
  put(line(1, "1") + line(2, "2") + line(3, "3") + line(4, "4"));
  EXPECT_EQ(all({.since = time_at(2)}), "2\n3\n4\n");
  EXPECT_EQ(all({.since = time_at(2) + 1}), "3\n4\n");
  EXPECT_EQ(all({.until = time_at(3)}), "1\n2\n3\n");
  EXPECT_EQ(all({.since = time_at(2), .until = time_at(3)}), "2\n3\n");
  EXPECT_EQ(all({.until = -1}), "");
  EXPECT_EQ(all({.until = time_at(3), .tail = 2}), "2\n3\n");
  EXPECT_EQ(all({.since = time_at(3), .tail = 3}), "3\n4\n");
}

TEST_F(Log, OneStreamAlone) {
  put(line(1, "out") + line(2, "err", "stderr") + line(3, "out2"));
  EXPECT_EQ(all({.stderr_too = false}), "out\nout2\n");
  EXPECT_EQ(all({.stdout_too = false}), "err\n");
  EXPECT_EQ(all({.stdout_too = false, .tail = 1}), "err\n");
}

TEST_F(Log, TheTailIsLinesNotRecords) {
  put(line(1, "one") + line(2, "lo", "stdout", 'P') + line(3, "ng", "stdout", 'P') + line(4, "est") +
      line(5, "last"));
  EXPECT_EQ(tail(0), "");
  EXPECT_EQ(tail(1), "last\n");
  EXPECT_EQ(tail(2), "longest\nlast\n");
  EXPECT_EQ(tail(3), "one\nlongest\nlast\n");
  EXPECT_EQ(tail(100), "one\nlongest\nlast\n");
  put(line(6, "prompt> ", "stdout", 'P'));
  EXPECT_EQ(tail(1), "prompt> ");
  EXPECT_EQ(tail(2), "last\nprompt> ");
}

TEST_F(Log, TheTailGoesBackThroughAllFiles) {
  for (unsigned index = 0; index < 4; ++index)
    put(line(10 - static_cast<int>(index), fmt::format("a{}", index)) +
            line(10 - static_cast<int>(index), fmt::format("b{}", index)),
        index);
  const std::string whole = all();
  EXPECT_EQ(whole, "a3\nb3\na2\nb2\na1\nb1\na0\nb0\n");
  for (std::uint64_t lines = 0; lines < 10; ++lines)
    EXPECT_EQ(tail(lines), whole.substr(lines >= 8 ? 0 : whole.size() - 3 * lines)) << lines;
  MUST(compress_rotated(path));
  for (std::uint64_t lines = 0; lines < 10; ++lines)
    EXPECT_EQ(tail(lines), whole.substr(lines >= 8 ? 0 : whole.size() - 3 * lines)) << lines;
}

TEST_F(Log, TheTailOfALongLogIsFoundWhereverItFalls) {
  std::string text, whole;
  for (int i = 0; i < 20'000; ++i) {
    const std::string number =
        fmt::format("{}{}", i, std::string(static_cast<std::size_t>(i * 7919 % 97), '.'));
    text += line(i % 60, number);
    whole += number + "\n";
  }
  put(text);
  for (const std::uint64_t lines : {1, 2, 1000, 5000, 19'999, 20'000, 20'001}) {
    const std::string found = tail(lines);
    EXPECT_TRUE(whole.ends_with(found));
    EXPECT_EQ(std::count(found.begin(), found.end(), '\n'), std::min<std::int64_t>(lines, 20'000));
  }
}

TEST_F(Log, AFollowerSeesWhatIsWrittenLater) {
  LogReader reader = open({.follow = true});
  LogReader::Status status{};
  EXPECT_EQ(read(reader, &status), "");
  EXPECT_EQ(status, LogReader::Status::Waiting);
  put(line(1, "one"));
  EXPECT_EQ(read(reader), "one\n");
  const std::string two = line(2, "two");
  put(two.substr(0, 20));
  EXPECT_EQ(read(reader), "");
  put(two.substr(20));
  EXPECT_EQ(read(reader, &status), "two\n");
  EXPECT_EQ(status, LogReader::Status::Waiting);
  put(line(3, "three"));
  reader.finish();
  EXPECT_EQ(read(reader, &status), "three\n");
  EXPECT_EQ(status, LogReader::Status::End);
}

TEST_F(Log, AFollowerFindsItsWayThroughRotations) {
  put(line(1, "one"));
  LogReader reader = open({.tail = 0, .follow = true});
  EXPECT_EQ(read(reader), "");
  put(line(2, "two"));
  rotate();
  EXPECT_EQ(read(reader), "two\n") << "between the two there is no log";
  put(line(3, "three"));
  rotate();
  put(line(4, "four"));
  rotate();
  put(line(5, "five"));
  EXPECT_EQ(read(reader), "three\nfour\nfive\n");
  put(line(6, "six"));
  rotate();
  put(line(7, "seven"));
  reader.finish();
  EXPECT_EQ(read(reader), "six\nseven\n") << "what was rotated just before the end is not lost";
}

TEST_F(Log, AFollowerKnowsItsFileThoughItWasCompressed) {
  LogReader reader = open({.follow = true});
  EXPECT_EQ(read(reader), "");
  put(line(1, "one"));
  LogReader late = open({.follow = true});
  EXPECT_EQ(read(reader), "one\n");
  EXPECT_EQ(read(late), "one\n");
  rotate();
  put(line(2, "two"));
  rotate();
  put(line(3, "three"));
  MUST(compress_rotated(path));
  EXPECT_EQ(read(reader), "two\nthree\n");
  EXPECT_EQ(read(late), "two\nthree\n");
}

TEST_F(Log, AFollowerWhoseFileWasRemovedGoesOnWithTheOldestThereIs) {
  put(line(1, "one"));
  LogReader reader = open({.follow = true});
  EXPECT_EQ(read(reader), "one\n");
  put(line(2, "two"));
  for (int i = 3; i < 8; ++i) {
    rotate(3);
    put(line(i, std::to_string(i)));
  }
  EXPECT_EQ(read(reader), "two\n5\n6\n7\n");
}

TEST_F(Log, WhoDoesNotFollowSeesWhatWasThere) {
  put(line(1, "one"));
  LogReader reader = open();
  put(line(2, "two"));
  EXPECT_EQ(read(reader), "one\n");
}

TEST_F(Log, FilesThatWereThereAreReadThoughTheyAreRotatedAway) {
  put(line(1, "one"), 1);
  put(line(2, "two"));
  LogReader reader = open();
  for (int i = 0; i < 5; ++i) rotate(2);
  EXPECT_EQ(read(reader), "one\ntwo\n");
}

TEST_F(Log, ALinkInThePlaceOfTheLogIsNotFollowed) {
  ASSERT_EQ(::symlink("/etc/passwd", path.c_str()), 0);
  EXPECT_FALSE(LogReader::open(path, {}));
}

TEST_F(Log, CompressingKeepsTextTimesAndMode) {
  std::string text;
  for (int i = 0; i < 1000; ++i) text += line(i % 60, "some text");
  put(text, 1);
  put(line(1, "now"));
  const std::string before = all();
  struct stat plain{}, compressed{};
  ASSERT_EQ(::stat((path + ".1").c_str(), &plain), 0);
  MUST(compress_rotated(path));
  MUST(compress_rotated(path));
  ASSERT_EQ(::stat((path + ".1").c_str(), &compressed), 0);
  EXPECT_LT(compressed.st_size, plain.st_size / 10);
  EXPECT_EQ(compressed.st_mtim.tv_sec, plain.st_mtim.tv_sec);
  EXPECT_EQ(compressed.st_mode, plain.st_mode);
  EXPECT_EQ(all(), before);
  EXPECT_EQ(MUST(names_in(dir.fd(), ".")).size(), 2u);
}

TEST_F(Log, WhatAKilledCompressorLeftGoes) {
  put(line(2, "two"), 1);
  put(line(3, "three"));
  MUST(replace_file_at(dir.fd(), "web.log.compressing", "half of it", 0640));
  MUST(compress_rotated(path));
  EXPECT_EQ(all(), "two\nthree\n");
  EXPECT_EQ(MUST(names_in(dir.fd(), ".")).size(), 2u);
}

TEST_F(Log, NothingTakesAPlaceWhileNamesMove) {
  put(line(2, "two"), 1);
  put(line(3, "three"));
  UniqueFd writer = MUST(open_at(AT_FDCWD, path, O_RDONLY));
  ASSERT_EQ(::flock(writer.get(), LOCK_EX | LOCK_NB), 0);
  MUST(compress_rotated(path));
  EXPECT_FALSE(MUST(LogFile::open(rotated_log_name(path, 1)))->is_compressed());
  EXPECT_EQ(MUST(names_in(dir.fd(), ".")).size(), 2u);
  writer.reset();
  MUST(compress_rotated(path));
  EXPECT_TRUE(MUST(LogFile::open(rotated_log_name(path, 1)))->is_compressed());
}

// The real writer, rotating as fast as it can, while others compress and follow.
TEST_F(Log, NothingIsLostWhileTheShimRotatesAndFilesAreCompressed) {
  constexpr int kLines = 3000;
  auto writer = MUST(shim::LogWriter::open({.path = path, .max_bytes = 4096, .max_files = 1000}));
  LogReader follower = open({.follow = true});
  std::atomic<bool> is_written = false;
  std::thread compressor([&] {
    while (!is_written) EXPECT_TRUE(compress_rotated(path));
  });
  std::thread shim([&] {
    for (int i = 0; i < kLines; ++i) {
      writer.append(Stream::Stdout, fmt::format("{}\n", i), wall_clock_now());
      EXPECT_TRUE(writer.flush());
    }
    is_written = true;
  });
  std::string seen;
  while (!is_written) seen += read(follower);
  shim.join();
  compressor.join();
  follower.finish();
  seen += read(follower);
  std::string expected;
  for (int i = 0; i < kLines; ++i) expected += fmt::format("{}\n", i);
  EXPECT_EQ(all(), expected);
  EXPECT_EQ(seen, expected);
}

TEST(LogFrame, IsWhatDockersClientsRead) {
  const LogRecord record{.time = "2026-11-21T10:20:01.123456789Z", .text = "hi", .stream = Stream::Stderr};
  std::string out;
  append_docker_frame(out, record, {});
  EXPECT_EQ(out, std::string("\2\0\0\0\0\0\0\3hi\n", 11));
  out.clear();
  append_docker_frame(out, record, {.timestamps = true, .multiplexed = false, .details = "a=b "});
  EXPECT_EQ(out, "2026-11-21T10:20:01.123456789Z a=b hi\n");
  out.clear();
  LogRecord part = record;
  part.is_partial = true;
  part.begins_line = false;
  append_docker_frame(out, part, {.timestamps = true, .multiplexed = false, .details = "a=b "});
  EXPECT_EQ(out, "hi");
}

struct Counter {
  int calls = 0;
  void on_change() { ++calls; }
};

TEST_F(Log, ChangesAreToldOfToWhoIsInterested) {
  EventLoop loop = MUST(EventLoop::make());
  LogChanges changes(loop);
  MUST(changes.open());
  const std::string elsewhere = dir / "elsewhere";
  MUST(make_directories(elsewhere, 0755));
  Counter here, there;
  LogChanges::Interest interest(changes), second(changes), other(changes);
  MUST(interest.start(path, Callback::to<&Counter::on_change>(here)));
  MUST(second.start(path, Callback::to<&Counter::on_change>(here)));
  MUST(other.start(elsewhere + "/x.log", Callback::to<&Counter::on_change>(there)));
  put(line(1, "one"));
  MUST(loop.run_once());
  EXPECT_EQ(here.calls, 2);
  EXPECT_EQ(there.calls, 0);
  second.stop();
  rotate();
  MUST(loop.run_once());
  EXPECT_EQ(here.calls, 3);
  interest.stop();
  MUST(interest.start(path, Callback::to<&Counter::on_change>(here)));
  put(line(2, "two"));
  while (here.calls < 4) MUST(loop.run_once());
  // Nothing is told of a directory that has gone, and nothing breaks.
  ASSERT_EQ(::rmdir(elsewhere.c_str()), 0);
  MUST(loop.run_once());
  EXPECT_EQ(there.calls, 0);
}

}  // namespace
}  // namespace gantry::engine
