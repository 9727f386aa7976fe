// SPDX-License-Identifier: Apache-2.0
//
// Reads one regular file of a source, and knows whether it is still the file that was found there: a context
// may change while it is built from, and what goes into a layer has to be what its key says.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "base/error.h"
#include "base/unique_fd.h"
#include "build/file_entry.h"

namespace gantry::build {

class FileReader {
 public:
  // Conflict if it is another file by now, or was changed. `entry` outlives the reader.
  static Result<FileReader> open(const FileEntry& entry);

  int fd() const { return fd_.get(); }
  // The next bytes, good until the next call; none at the end.
  Result<std::span<const std::byte>> next();
  // Conflict if it was changed since it was found.
  Result<void> check_unchanged() const;

 private:
  FileReader(const FileEntry& entry, UniqueFd fd) : entry_(&entry), fd_(std::move(fd)) {}
  const FileEntry* entry_;
  UniqueFd fd_;
  std::vector<std::byte> buffer_;
};

}  // namespace gantry::build
