// SPDX-License-Identifier: Apache-2.0
//
// Whole small files. Paths are relative to a directory descriptor, so that the
// caller decides below which directory things happen; AT_FDCWD works too.
#pragma once

#include <fcntl.h>
#include <sys/types.h>

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/unique_fd.h"

namespace gantry {

inline constexpr std::size_t kSmallFile = 16 << 20;  // bytes

// Opens close-on-exec. `flags` as for open(2).
Result<UniqueFd> open_at(int dir, const std::string& path, int flags, mode_t mode = 0);

// Everything up to end of file; an error if there is more than `limit` bytes.
Result<std::string> read_all(int fd, std::string_view what, std::size_t limit = kSmallFile);
Result<std::string> read_file_at(int dir, const std::string& path, std::size_t limit = kSmallFile);
inline Result<std::string> read_file(const std::string& path, std::size_t limit = kSmallFile) {
  return read_file_at(AT_FDCWD, path, limit);
}

// Writes all of `data`, however many write(2) calls that takes.
Result<void> write_all(int fd, std::string_view data, std::string_view what);

// One write(2) to a file that exists, as procfs and cgroupfs want it; a short write is an error.
Result<void> write_existing_at(int dir, const std::string& path, std::string_view data);

// Replaces the file in one step: readers see the old content or the new one, also after a crash
// of this process. Not synced to disk: for state that need not survive the host.
Result<void> replace_file_at(int dir, const std::string& path, std::string_view data, mode_t mode);

// mkdir -p. Directories made get `mode`; what is there already has to be a directory, or a link to one.
Result<void> make_directories(const std::string& path, mode_t mode);

// What the directory holds, in no order, without "." and "..".
Result<std::vector<std::string>> names_in(int dir, const std::string& path);

// rm -r of what `path` names below `dir`, never following a link. What is not there is fine.
Result<void> remove_tree_at(int dir, const std::string& path);

}  // namespace gantry
