// SPDX-License-Identifier: Apache-2.0
//
// Events on disk, for those who ask what happened before the daemon was killed: <run>/events.json, a line of
// JSON each, and <run>/events.old.json, the lines before (docs/formats/engine-database.md). Handed to the
// kernel as they happen, never synced: they end with the host, as what they tell of does.
//
// One thread at a time.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/unique_fd.h"

namespace gantry::engine {

struct Event;

class EventLog {
 public:
  // Of each of the two files.
  static constexpr std::size_t kMaxEvents = 4096;

  // Goes on with the files that are there.
  static Result<EventLog> open(const std::string& directory);

  Result<void> append(const Event& event);
  // All of both files, in order. A line that a killed process did not finish is left out.
  std::vector<Event> read() const;
  // The last ones without a gap: some hundreds, without reading everything.
  std::vector<Event> read_end() const;

 private:
  EventLog(std::string directory, UniqueFd file) : directory_(std::move(directory)), file_(std::move(file)) {}
  Result<void> rotate();

  std::string directory_;
  UniqueFd file_;
  std::size_t written_ = 0;  // by this process
  // The last line may have no end: of a process that was killed, or of a full disk.
  bool may_be_torn_ = true;
};

}  // namespace gantry::engine
