// SPDX-License-Identifier: Apache-2.0
//
// Writes what a container prints into its log file, in the format of
// docs/formats/container-log.md (the Kubernetes CRI log format), and rotates
// the file by size. Takes bytes in any pieces; records do not depend on how the
// bytes were cut.
//
// When a write fails (full disk) nothing is dropped: what was appended stays
// pending, and the caller reads no more output until a later flush() succeeds.
//
//   LogWriter log = TRY(LogWriter::open({.path = path, .max_bytes = 10 << 20, .max_files = 3}));
//   log.append(Stream::Stdout, bytes, wall_clock_now());
//   if (!log.flush()) retry_later(log.blocked_by());
#pragma once

#include <cstddef>
#include <cstdint>
#include <ctime>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/timestamp.h"
#include "base/unique_fd.h"
#include "runtime/shim/protocol.h"
#include "runtime/shim/scratch_memory.h"

namespace gantry::shim {

class LogWriter {
 public:
  struct Options {
    std::string path;
    std::uint64_t max_bytes = 0;  // of one file; 0: it is never rotated
    unsigned max_files = 1;       // with the current one
  };
  static constexpr std::size_t kMaxAppend = 64 << 10;  // bytes in one append()
  static constexpr std::size_t kMaxText = 16 << 10;    // bytes of text in one record

  // Makes the file if there is none. What an earlier writer left torn gets its newline.
  static Result<LogWriter> open(Options options);
  LogWriter(LogWriter&&) = default;

  // Formats whole lines; the unfinished last one is held back until its end comes. Nothing may be
  // pending, and `bytes` has at most kMaxAppend of them.
  void append(Stream stream, std::string_view bytes, timespec now);
  // Makes a partial record of the unfinished line of a stream, if there is one. Nothing may be pending
  // but what the same call for the other stream left.
  void end_line(Stream stream, timespec now);
  bool has_unfinished_line() const { return held_[0].size + held_[1].size > 0; }

  // Writes what is pending; false: some of it could not be written now, for the reason blocked_by().
  bool flush();
  bool has_pending() const { return written_ < pending_; }
  int blocked_by() const { return blocked_by_; }  // an errno; 0: not blocked

  // Starts writing to what the path names now: somebody else has renamed the file.
  Result<void> reopen();

  // Gives unused memory back to the kernel.
  void release_memory();

 private:
  static constexpr std::size_t kRecordHeader = kTimestampSize + sizeof " stdout F " - 1;
  // The worst append() is nothing but newlines.
  static constexpr std::size_t kPendingSize =
      kMaxAppend * (kRecordHeader + 1) + 2 * (kRecordHeader + kMaxText + 1);

  struct Held {
    char* text;
    std::size_t size = 0;
  };

  LogWriter(Options options, UniqueFd dir, std::string name, ScratchMemory pending, ScratchMemory held);
  void begin_records(Stream stream, timespec now);
  void put_record(char flag, Held& held, const char* text, std::size_t size);
  bool open_file();
  bool try_lock_names() const;
  bool rotate();
  bool block(int errno_value);
  std::size_t bytes_that_fit() const;
  std::size_t first_record() const;
  std::string rotated_name(unsigned index) const;

  Options options_;
  UniqueFd dir_;      // of the log; names below are relative to it
  std::string name_;  // of the log in dir_
  UniqueFd file_;     // none after a rotation that could not make the new file yet
  std::uint64_t file_size_ = 0;
  bool is_mid_record_ = false;  // the file does not end with a newline
  int blocked_by_ = 0;

  ScratchMemory pending_memory_;  // records, of which [written_, pending_) are not in the file yet
  std::size_t written_ = 0;
  std::size_t pending_ = 0;
  ScratchMemory held_memory_;
  Held held_[kStreams];

  Timestamp timestamp_;
  char header_[kRecordHeader] = {};
};

}  // namespace gantry::shim
