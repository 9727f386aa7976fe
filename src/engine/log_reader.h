// SPDX-License-Identifier: Apache-2.0
//
// Reads a container's log (docs/formats/container-log.md) with its rotated files, from the oldest record or
// from the last few lines on, to the end or for as long as the log grows. Made for many records a second:
// they come in batches that point into one buffer.
//
//   LogReader reader = TRY(LogReader::open(path, {.tail = 100, .follow = true}));
//   for (;;) {
//     LogReader::Batch batch = TRY(reader.next());
//     for (const LogRecord& record : batch.records) append_docker_frame(out, record, options);
//     if (batch.status != LogReader::Status::More) break;   // Waiting: again when the log has changed
//   }
//
// It reads regular files and never waits, so it may be used on an event loop: LogChanges says when to call
// next() again. At rest a reader holds no buffer. One thread.
//
// The writer may rotate, and rotated files may be compressed or removed, at any time: the files that were
// there at open() are read to their end whatever happens to their names, and a follower finds its way from
// the file it has to the next one; it misses records only if files were removed that it had not begun to
// read. What is torn (a writer that was killed) is skipped.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/error.h"
#include "runtime/shim/protocol.h"

namespace gantry::engine {

using shim::Stream;

struct LogRecord {
  std::string_view time;  // 30 bytes: "2026-11-21T10:20:30.123456789Z"; parse_timestamp() reads it
  std::string_view text;  // without the newline
  Stream stream = Stream::Stdout;
  bool is_partial = false;  // the line goes on in the next record of this stream
  bool begins_line = true;  // the record before it, of this stream, ended one
};

struct LogQuery {
  bool stdout_too = true;
  bool stderr_too = true;
  std::optional<std::int64_t> since;  // nanoseconds since 1970: records from then on
  std::optional<std::int64_t> until;  // the first record later than that ends the log
  std::optional<std::uint64_t> tail;  // the last so many lines of the streams asked for
  bool follow = false;
};

class LogReader {
 public:
  // `path` of the current file. No file at all is an empty log.
  static Result<LogReader> open(const std::string& path, const LogQuery& query);
  LogReader(LogReader&&) noexcept;
  LogReader& operator=(LogReader&&) noexcept;
  ~LogReader();

  enum class Status : std::uint8_t {
    More,     // call again
    Waiting,  // nothing more now: call again when the log has changed
    End,      // for good
  };
  struct Batch {
    std::span<const LogRecord> records;  // may be empty; good until the next call
    Status status = Status::More;
  };
  Result<Batch> next();

  // The container has ended and its log is complete: a follower reads what is there, and ends.
  void finish();

 private:
  struct State;
  explicit LogReader(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

// How a record goes to a client of Docker's API.
struct LogFrameOptions {
  bool timestamps = false;  // in front of every line
  bool multiplexed = true;  // with a header of 8 bytes for each record; else the texts alone (of a terminal)
  std::string details;      // in front of every line: "label=x,env=y " with its space; empty: none
};
void append_docker_frame(std::string& out, const LogRecord& record, const LogFrameOptions& options);

}  // namespace gantry::engine
