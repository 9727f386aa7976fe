// SPDX-License-Identifier: Apache-2.0
#include "build/mount_stubs.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <ranges>

#include "base/unique_fd.h"

namespace gantry::build {

MountStubs::MountStubs(const kernel::RootDir& root, const std::vector<std::string>& mount_points)
    : root_(root) {
  for (const std::string& mount_point : mount_points) note(kernel::clean_path(mount_point));
}

void MountStubs::note(const std::string& path) {
  for (std::size_t end = path.find('/', 1);; end = path.find('/', end + 1)) {
    const std::string prefix = path.substr(0, end);
    if (!root_.open_path(prefix, O_PATH) && missing_.insert(prefix).second) note_parent(prefix);
    if (end == path.npos) return;
  }
}

void MountStubs::note_parent(const std::string& path) {
  const std::string parent = path.substr(0, std::max<std::size_t>(path.rfind('/'), 1));
  const auto fd = root_.open_path(parent, O_PATH | O_DIRECTORY);
  struct stat st{};
  if (fd && ::fstat(fd->get(), &st) == 0) parents_.push_back({parent, st.st_mtim});
}

Result<void> MountStubs::remove() const {
  for (const std::string& path : std::views::reverse(missing_)) {
    const std::size_t slash = path.rfind('/');
    const auto parent =
        root_.open_path(path.substr(0, std::max<std::size_t>(slash, 1)), O_PATH | O_DIRECTORY);
    if (!parent) continue;  // the command itself has removed it
    const std::string name = path.substr(slash + 1);
    struct stat st{};
    if (::fstatat(parent->get(), name.c_str(), &st, AT_SYMLINK_NOFOLLOW) < 0) continue;
    const bool is_directory = S_ISDIR(st.st_mode), is_empty_file = S_ISREG(st.st_mode) && st.st_size == 0;
    if (!is_directory && !is_empty_file) continue;
    if (::unlinkat(parent->get(), name.c_str(), is_directory ? AT_REMOVEDIR : 0) < 0 && errno != ENOTEMPTY &&
        errno != ENOENT)
      return sys_error("remove the mount point '{}'", path);
  }
  for (const Parent& parent : parents_) {
    const auto fd = root_.open_path(parent.path, O_RDONLY | O_DIRECTORY);
    const timespec times[2] = {{.tv_sec = 0, .tv_nsec = UTIME_OMIT}, parent.mtime};
    if (fd)
      (void)::futimens(fd->get(), times);  // only so that the layer shows no change where there was none
  }
  return {};
}

}  // namespace gantry::build
