// SPDX-License-Identifier: Apache-2.0
//
// A file, or a directory with all in it, as a tar; while others change it. Every file is opened once, without
// following a link, and what is written is that of the open file. What goes away is left out, a file that
// shrinks is filled up with zeros, one that grows is cut. Left out are sockets, and what file systems of the
// kernel (proc, sysfs ...) hold.
#pragma once

#include <sys/stat.h>
#include <sys/types.h>

#include <cstddef>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/unique_fd.h"
#include "kernel/id_map.h"
#include "oci/archive/tar_entry.h"
#include "oci/archive/tar_writer.h"

namespace gantry::engine {

class TreeArchive {
 public:
  // `id_maps`: owners are written as they are inside of that user namespace. References outlive this.
  TreeArchive(ByteSink& sink, const kernel::IdMaps& id_maps);

  // The file that `fd` (O_PATH will do) is open on, called `path` in the archive; a directory with all in it.
  Result<void> add(int fd, const std::string& path);
  // What is in the directory, but not the directory itself. `path` is "" or ends in a slash.
  Result<void> add_contents(int directory, const std::string& path);
  Result<void> finish() { return writer_.finish(); }

 private:
  Result<void> add_at_depth(int fd, const std::string& path, std::size_t depth);
  Result<void> add_names(int fd, const std::string& path, std::size_t depth);
  Result<void> add_file(int fd, const struct stat& st, oci::TarEntry entry);
  Result<oci::TarEntry> begin(int fd, const struct stat& st, const std::string& path) const;
  bool add_hard_link(const struct stat& st, oci::TarEntry& entry);

  oci::TarWriter writer_;
  const kernel::IdMaps& id_maps_;
  std::vector<std::byte> buffer_;
  std::map<std::pair<dev_t, ino_t>, std::string> links_;  // where a file of several names was written
};

}  // namespace gantry::engine
