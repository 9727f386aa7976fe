// SPDX-License-Identifier: Apache-2.0
//
// Unpacks a tar into a directory of a container, which may be running and hostile. Names are resolved by the
// kernel with the container's root as "/", one directory an entry; nothing that is there is opened for
// writing, but replaced by what was newly made; owner, mode and times go to open files, not to names. So the
// worst that a swap of names can do is to put what is unpacked elsewhere in that container.
//
// A directory over a directory keeps what is in it; anything else replaces what has the name.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <utility>

#include "base/error.h"
#include "base/unique_fd.h"
#include "engine/copy_archive.h"
#include "kernel/rooted_path.h"
#include "oci/archive/tar_reader.h"

namespace gantry::engine {

class TreeExtract {
 public:
  // `directory` is a path in the root. References outlive this.
  TreeExtract(const kernel::RootDir& root, std::string directory, const CopyInOptions& options)
      : root_(root), directory_(std::move(directory)), options_(options) {}

  Result<void> unpack(oci::TarReader& reader);

 private:
  struct Place {
    int parent = -1;   // a directory, borrowed
    std::string name;  // in it
    std::string path;  // of it, in the root
  };
  Result<Place> place_of(const std::string& name);
  Result<int> parent_at(const std::string& path);
  Result<void> make_room(const Place& place, bool for_directory, const std::string& name);
  Result<void> add(oci::TarReader& reader, const oci::TarEntry& entry);
  Result<void> add_directory(const Place& place, const oci::TarEntry& entry);
  Result<void> add_file(oci::TarReader& reader, const Place& place, const oci::TarEntry& entry);
  Result<void> add_hard_link(const Place& place, const oci::TarEntry& entry);
  Result<void> add_symbolic_link(const Place& place, const oci::TarEntry& entry);
  Result<void> add_node(const Place& place, const oci::TarEntry& entry);
  Result<std::pair<uid_t, gid_t>> owner_of(const oci::TarEntry& entry) const;
  Result<void> set_attributes(int fd, const oci::TarEntry& entry);
  Result<void> finish_directories();
  // Calls `make`, which makes something new of that name, until the name is free.
  template <class Make>
  Result<int> make_new(const Place& place, const oci::TarEntry& entry, Make make);

  const kernel::RootDir& root_;
  const std::string directory_;
  const CopyInOptions& options_;
  std::string parent_path_;  // of the directory that was used last
  UniqueFd parent_;
  std::map<std::string, timespec>
      directory_times_;  // by path in the root: set when nothing changes them any more
};

}  // namespace gantry::engine
