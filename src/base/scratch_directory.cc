// SPDX-License-Identifier: Apache-2.0
#include "base/scratch_directory.h"

#include <fcntl.h>

#include <cstdlib>

#include "base/file.h"

namespace gantry {

Result<ScratchDirectory> ScratchDirectory::make(const std::string& prefix) {
  std::string path = prefix + "XXXXXX";
  if (::mkdtemp(path.data()) == nullptr) return sys_error("make a directory '{}'", path);
  return ScratchDirectory(path, TRY(open_at(AT_FDCWD, path, O_RDONLY | O_DIRECTORY)));
}

ScratchDirectory::~ScratchDirectory() {
  if (fd_) (void)remove_tree_at(AT_FDCWD, path_);  // there is nobody to tell
}

}  // namespace gantry
