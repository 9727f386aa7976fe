// SPDX-License-Identifier: Apache-2.0
#include "kernel/copy_up.h"

#include <fcntl.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <climits>
#include <string>
#include <vector>

#include "base/file.h"

namespace gantry::kernel {
namespace {

// Those that the new file system cannot keep stay behind, as with cp -a.
Result<void> copy_attributes(int from, int to) {
  std::vector<char> names(XATTR_LIST_MAX);
  const ssize_t length = ::flistxattr(from, names.data(), names.size());
  if (length < 0) return errno == ENOTSUP ? Result<void>{} : sys_error("list extended attributes");
  std::vector<char> value(XATTR_SIZE_MAX);
  for (const char* name = names.data(); name < names.data() + length;
       name += std::string_view(name).size() + 1) {
    const ssize_t size = ::fgetxattr(from, name, value.data(), value.size());
    if (size < 0) return sys_error("read extended attribute '{}'", name);
    if (::fsetxattr(to, name, value.data(), static_cast<std::size_t>(size), 0) < 0 && errno != ENOTSUP)
      return sys_error("set extended attribute '{}'", name);
  }
  return {};
}

Result<void> copy_contents(int from, int to) {
  for (;;) {
    const ssize_t n = ::sendfile(to, from, nullptr, 1 << 20);
    if (n < 0) return sys_error("copy contents");
    if (n == 0) return {};
  }
}

Result<void> copy_owner_and_mode(int to, const struct stat& st) {
  if (::fchown(to, st.st_uid, st.st_gid) < 0) return sys_error("set owner");
  if (::fchmod(to, st.st_mode & 07777) < 0)
    return sys_error("set mode");  // after chown(2), which clears set-id bits
  return {};
}

Result<void> copy_times(int to_dir, const std::string& name, const struct stat& st) {
  const timespec times[2] = {st.st_atim, st.st_mtim};
  if (::utimensat(to_dir, name.c_str(), times, AT_SYMLINK_NOFOLLOW) < 0) return sys_error("set times");
  return {};
}

Result<void> copy_link(int from_dir, int to_dir, const std::string& name, const struct stat& st) {
  char target[PATH_MAX];
  const ssize_t n = ::readlinkat(from_dir, name.c_str(), target, sizeof target - 1);
  if (n < 0) return sys_error("read link");
  target[n] = '\0';
  if (::symlinkat(target, to_dir, name.c_str()) < 0) return sys_error("make link");
  if (::fchownat(to_dir, name.c_str(), st.st_uid, st.st_gid, AT_SYMLINK_NOFOLLOW) < 0)
    return sys_error("set owner");
  return copy_times(to_dir, name, st);
}

Result<void> copy_node(int to_dir, const std::string& name, const struct stat& st) {
  if (::mknodat(to_dir, name.c_str(), st.st_mode, st.st_rdev) < 0) return sys_error("make node");
  if (::fchownat(to_dir, name.c_str(), st.st_uid, st.st_gid, AT_SYMLINK_NOFOLLOW) < 0)
    return sys_error("set owner");
  if (::fchmodat(to_dir, name.c_str(), st.st_mode & 07777, 0) < 0) return sys_error("set mode");
  return copy_times(to_dir, name, st);
}

Result<void> copy_entry(int from_dir, int to_dir, const std::string& name) {
  struct stat st{};
  if (::fstatat(from_dir, name.c_str(), &st, AT_SYMLINK_NOFOLLOW) < 0) return sys_error("look at it");
  if (S_ISLNK(st.st_mode)) return copy_link(from_dir, to_dir, name, st);
  if (!S_ISDIR(st.st_mode) && !S_ISREG(st.st_mode)) return copy_node(to_dir, name, st);

  UniqueFd from = TRY(open_at(from_dir, name, O_RDONLY | O_NOFOLLOW));
  UniqueFd to;
  if (S_ISDIR(st.st_mode)) {
    if (::mkdirat(to_dir, name.c_str(), 0700) < 0) return sys_error("make directory");
    to = TRY(open_at(to_dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
    TRY(copy_up(from.get(), to.get()));
  } else {
    to = TRY(open_at(to_dir, name, O_WRONLY | O_CREAT | O_EXCL, 0600));
    TRY(copy_contents(from.get(), to.get()));
  }
  TRY(copy_owner_and_mode(to.get(), st));
  TRY(copy_attributes(from.get(), to.get()));  // after chown(2), which takes a file's capabilities away
  return copy_times(to_dir, name, st);
}

}  // namespace

Result<void> copy_up(int from, int to) {
  for (const std::string& name : TRY(names_in(from, ".")))
    TRY_DURING(copy_entry(from, to, name), "'{}'", name);
  return {};
}

}  // namespace gantry::kernel
