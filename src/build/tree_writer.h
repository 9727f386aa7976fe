// SPDX-License-Identifier: Apache-2.0
//
// Writes entries into a directory of an image's root file system, which an image's author may have filled
// with links on purpose: the destination is resolved inside of the root, and below it no link is followed.
//
//   TreeWriter writer = TRY(TreeWriter::open(root, "/app", owner_of_new_directories));
//   for (const FileEntry& entry : entries) TRY(writer.add(entry));
//   TRY(writer.finish());
//
// A file takes the place of what has its name unless that is a directory; a directory takes the place of
// nothing but a directory (Conflict else, as docker's builder has it).
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/unique_fd.h"
#include "build/cancel.h"
#include "build/file_entry.h"
#include "image/file_attributes.h"
#include "image/unpack.h"
#include "kernel/rooted_path.h"

namespace gantry::build {

struct Owner {
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
};

// Makes the directory `path` of the root and what is missing above it, as `owner`'s, and opens it.
Result<UniqueFd> make_destination(const kernel::RootDir& root, const std::string& path, Owner owner);

class TreeWriter {
 public:
  // `directory` is the destination; borrowed, as is `cancel`.
  TreeWriter(int directory, Cancel& cancel);
  TreeWriter(const TreeWriter&) = delete;
  TreeWriter& operator=(const TreeWriter&) = delete;

  // Directories that are missing above the target are made as root's.
  Result<void> add(const FileEntry& entry);
  // Gives directories their times, once nothing is written into them any more.
  Result<void> finish();

 private:
  struct Level {
    std::string name;
    UniqueFd fd;
  };
  struct Directory {
    std::string path;
    timespec mtime;
  };

  Result<int> enter(const std::string& directory);
  Result<void> write(int directory, const std::string& name, const FileEntry& entry);
  Result<void> make_directory(int directory, const std::string& name, const FileEntry& entry);
  Result<void> make_file(int directory, const std::string& name, const FileEntry& entry);
  Result<void> make_node(int directory, const std::string& name, const FileEntry& entry);
  Result<void> link_file(int directory, const std::string& name, const FileEntry& entry);
  Result<void> make_room(int directory, const std::string& name);

  int root_;
  Cancel& cancel_;
  image::UnpackOptions options_;
  image::UnpackResult losses_;
  image::AttributeWriter attributes_;
  std::vector<Level> levels_;  // of the directory that was entered last
  std::vector<Directory> directories_;
};

}  // namespace gantry::build
