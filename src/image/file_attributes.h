// SPDX-License-Identifier: Apache-2.0
//
// Owner, mode, time and extended attributes: read from one file, set on another with as few system calls as
// the truth allows. What is set goes to files that were made by the caller a moment ago, in a directory that
// nobody else writes to.
#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <ctime>
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"
#include "image/unpack.h"

namespace gantry::image {

using Xattrs = std::vector<std::pair<std::string, std::string>>;

struct FileAttributes {
  mode_t mode = 0;  // 07777
  std::uint64_t uid = 0;
  std::uint64_t gid = 0;
  timespec mtime{};
  Xattrs xattrs;
};

// Extended attributes, sorted by name, marks of overlayfs and labels of the host included. Any descriptor
// will do, O_PATH and those of links too. Where there is no support there are none.
Result<Xattrs> read_xattrs(int fd);

// The same without what only overlayfs or the host cares about, and what stat(2) says.
Result<FileAttributes> read_attributes(int fd);

class AttributeWriter {
 public:
  AttributeWriter(const UnpackOptions& options, UnpackResult& result);

  // A regular file, just created with `attributes.mode & 0777` and written. `what` names it in errors.
  Result<void> set_on_file(int fd, const FileAttributes& attributes, const std::string& what);
  // A directory that was created with any mode.
  Result<void> set_on_directory(int fd, const FileAttributes& attributes, const std::string& what);
  // Anything else, just created with `attributes.mode & 0777`: `name` in the directory `dir`.
  Result<void> set_on_node(int dir, const std::string& name, bool is_link, const FileAttributes& attributes,
                           const std::string& what);

 private:
  bool is_other_owner(const FileAttributes& attributes) const;
  Result<void> check(const FileAttributes& attributes, const std::string& what) const;
  // `set` calls one of the setxattr(2) family.
  template <class Set>
  Result<void> set_xattrs(const Xattrs& xattrs, const std::string& what, Set set);
  Result<void> set_xattrs_and_time(int fd, const FileAttributes& attributes, const std::string& what);

  const UnpackOptions& options_;
  UnpackResult& result_;
  const std::uint64_t own_uid_, own_gid_;
  const mode_t umask_;
};

// Notes what could not be kept.
void add_loss(UnpackResult& result, std::string sentence);

}  // namespace gantry::image
