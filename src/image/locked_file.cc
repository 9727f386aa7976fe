// SPDX-License-Identifier: Apache-2.0
#include "image/locked_file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "base/file.h"

namespace gantry::image {

Result<std::optional<UniqueFd>> lock_file(int dir, const std::string& name, IfMissing if_missing, Wait wait) {
  const int create = if_missing == IfMissing::Create ? O_CREAT : 0;
  const int no_wait = wait == Wait::No ? LOCK_NB : 0;
  for (;;) {
    UniqueFd fd = TRY(open_at(dir, name, O_RDWR | O_NOFOLLOW | create, 0600));
    while (::flock(fd.get(), LOCK_EX | no_wait) < 0) {
      if (errno == EWOULDBLOCK) return std::optional<UniqueFd>();
      if (errno != EINTR) return sys_error("lock '{}'", name);
    }
    struct stat st{};
    if (::fstat(fd.get(), &st) < 0) return sys_error("look at '{}'", name);
    if (st.st_nlink > 0) return std::optional(std::move(fd));
    // Its last owner removed it between our open and our lock.
  }
}

}  // namespace gantry::image
