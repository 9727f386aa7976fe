// SPDX-License-Identifier: Apache-2.0
//
// Events on disk, for those who ask later what happened: <run>/events.json, a line of
// JSON each, and <run>/events.old.json, the lines before (docs/formats/engine-database.md). Handed to the
// kernel as they happen, never synced: they end with the host, as what they tell of does.
//
// One thread at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/unique_fd.h"

namespace gantry::engine {

struct Event;

class EventLog {
 public:
  // Of each of the two files, whichever is reached first; what a file had when it was opened is not counted.
  static constexpr std::size_t kMaxEvents = 4096;
  static constexpr std::size_t kMaxBytes = 4 << 20;

  // Goes on with the files that are there.
  static Result<EventLog> open(const std::string& directory);

  Result<void> append(const Event& event);
  // Of both files, in order, from that time on. A line that was not finished is left out.
  std::vector<Event> read(std::int64_t since = 0) const;
  // The last ones without a gap: some hundreds, without reading everything.
  std::vector<Event> read_end() const;

 private:
  EventLog(std::string directory, UniqueFd file) : directory_(std::move(directory)), file_(std::move(file)) {}
  Result<void> rotate();

  std::string directory_;
  UniqueFd file_;
  // Of this process, in the current file.
  std::size_t events_ = 0;
  std::size_t bytes_ = 0;
  // The last line may have no end: of a process that was killed, or of a full disk.
  bool may_be_torn_ = true;
};

}  // namespace gantry::engine
