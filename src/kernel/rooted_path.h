// SPDX-License-Identifier: Apache-2.0
//
// Paths that cannot leave a directory. Every step is resolved by the kernel as
// if that directory were "/" (openat2(2) with RESOLVE_IN_ROOT), so a link that
// a hostile image put there, or swaps while we look, leads nowhere else; links
// of /proc that jump ("magic links") are not followed at all.
//
//   RootDir root = TRY(RootDir::open("/var/lib/x/rootfs"));
//   UniqueFd target = TRY(root.make_directory("/etc/app", 0755));   // O_PATH
#pragma once

#include <sys/stat.h>
#include <sys/types.h>

#include <string>
#include <utility>

#include "base/error.h"
#include "base/unique_fd.h"

namespace gantry::kernel {

class RootDir {
 public:
  explicit RootDir(UniqueFd fd) : fd_(std::move(fd)) {}
  static Result<RootDir> open(const std::string& path);

  int fd() const { return fd_.get(); }

  // Opens what is there; `flags` as for open(2), close-on-exec is added.
  Result<UniqueFd> open_path(const std::string& path, int flags) const;
  // The same, but any symbolic link on the way is an error (ELOOP).
  Result<UniqueFd> open_without_links(const std::string& path, int flags) const;

  // Where what is open as `fd` stands below the root: absolute, without links. Conflict if it was moved out.
  Result<std::string> path_inside(int fd) const;

  // mkdir -p; answers an O_PATH descriptor of the directory. A link to what is
  // not there yet is followed inside the root and its target made.
  Result<UniqueFd> make_directory(const std::string& path, mode_t mode) const;
  // The same for an empty regular file.
  Result<UniqueFd> make_file(const std::string& path, mode_t mode) const;
  // Opens the directory that is to hold `path`'s last component, making it as needed,
  // and answers that last component.
  Result<std::pair<UniqueFd, std::string>> make_parent(const std::string& path, mode_t mode) const;

 private:
  Result<UniqueFd> make(const std::string& path, mode_t mode, mode_t type, int links_left) const;
  UniqueFd fd_;
};

// Where a descriptor's file is, as this process sees it; fails when that is
// outside of its root or was removed.
Result<std::string> path_of(int fd);

// "/a//b/../c/" -> "/a/c": by words only, always absolute, never above "/".
std::string clean_path(std::string_view path);

}  // namespace gantry::kernel
