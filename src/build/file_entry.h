// SPDX-License-Identifier: Apache-2.0
//
// One file on its way from a source into a layer: where it comes from, where it goes, and everything that a
// layer keeps of it.
#pragma once

#include <sys/stat.h>
#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "image/file_attributes.h"
#include "kernel/rooted_path.h"
#include "oci/image/digest.h"

namespace gantry::build {

// Which file it is and in which state, as far as stat(2) tells: equal means unchanged. (A change within the
// same tick of the kernel's clock as the change before could go unseen; who keeps a hash for long waits that
// out, see file_hashes.h.)
struct FileState {
  dev_t device = 0;
  ino_t inode = 0;
  std::uint64_t size = 0;
  timespec mtime{};
  timespec ctime{};
  friend bool operator==(const FileState& a, const FileState& b) {
    return a.device == b.device && a.inode == b.inode && a.size == b.size &&
           a.mtime.tv_sec == b.mtime.tv_sec && a.mtime.tv_nsec == b.mtime.tv_nsec &&
           a.ctime.tv_sec == b.ctime.tv_sec && a.ctime.tv_nsec == b.ctime.tv_nsec;
  }
};
FileState state_of(const struct stat& st);

struct FileEntry {
  // Shared by all entries of one source; none: `text` is the content.
  std::shared_ptr<const kernel::RootDir> root;
  std::string path;  // below it
  std::string text;
  std::string target;     // below the destination; "" is the destination itself
  mode_t type = S_IFREG;  // S_IFMT
  image::FileAttributes attributes;
  std::uint64_t size = 0;
  dev_t device_number = 0;  // of devices
  std::string link_target;  // of symbolic links
  std::string same_as;      // the target of an earlier entry that is the same file; empty: none
  FileState state;          // when it was found
  bool is_archive = false;  // to be unpacked in place of being copied (ADD)
};

}  // namespace gantry::build
