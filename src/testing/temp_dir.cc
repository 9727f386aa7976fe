// SPDX-License-Identifier: Apache-2.0
#include "testing/temp_dir.h"

#include <fcntl.h>

#include <cstdlib>

#include "base/file.h"
#include "testing/must.h"

namespace gantry::testing {

TempDir::TempDir() : path_("/tmp/gantry-test.XXXXXX") {
  if (::mkdtemp(path_.data()) == nullptr) std::abort();
  fd_ = MUST(open_at(AT_FDCWD, path_, O_RDONLY | O_DIRECTORY));
}

TempDir::~TempDir() { MUST(remove_tree_at(AT_FDCWD, path_)); }

}  // namespace gantry::testing
