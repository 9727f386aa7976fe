// SPDX-License-Identifier: Apache-2.0
#include "kernel/rooted_path.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <climits>
#include <vector>

namespace gantry::kernel {
namespace {

constexpr int kMostLinks = 40;  // as the kernel's own limit (path_resolution(7))

UniqueFd try_open(int root, const std::string& path, int flags, std::uint64_t resolve) {
  open_how how{.flags = static_cast<std::uint64_t>(flags) | O_CLOEXEC, .resolve = resolve};
  for (;;) {
    const int fd = static_cast<int>(::syscall(SYS_openat2, root, path.c_str(), &how, sizeof how));
    // EAGAIN: something was renamed meanwhile, so that the kernel could not vouch for "..".
    if (fd >= 0 || errno != EAGAIN) return UniqueFd(fd);
  }
}

constexpr std::uint64_t kInRoot = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS;

Result<std::string> read_link(int dir, const std::string& name) {
  char target[PATH_MAX];
  const ssize_t n = ::readlinkat(dir, name.c_str(), target, sizeof target);
  if (n < 0) return sys_error("read link '{}'", name);
  return std::string(target, static_cast<std::size_t>(n));
}

}  // namespace

std::string clean_path(std::string_view path) {
  std::string clean;
  while (!path.empty()) {
    const std::size_t slash = path.find('/');
    const std::string_view name = path.substr(0, slash);
    path.remove_prefix(slash == std::string_view::npos ? path.size() : slash + 1);
    if (name.empty() || name == ".") continue;
    if (name == "..") {
      const std::size_t last = clean.rfind('/');
      clean.erase(last == std::string::npos ? 0 : last);
      continue;
    }
    clean.append("/").append(name);
  }
  return clean.empty() ? "/" : clean;
}

Result<std::string> path_of(int fd) {
  const std::string link = fmt::format("/proc/self/fd/{}", fd);
  std::string path = TRY(read_link(AT_FDCWD, link));
  if (path.empty() || path[0] != '/') return error(Code::NotFound, "'{}' is outside of the root", path);
  // proc(5) appends that to the path of what was removed; a file that is there may also be called so.
  struct stat st{};
  if (path.ends_with(" (deleted)") && ::fstat(fd, &st) == 0 && st.st_nlink == 0)
    return error(Code::NotFound, "'{}' was removed", path);
  return path;
}

Result<RootDir> RootDir::open(const std::string& path) {
  UniqueFd fd(::open(path.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!fd) return sys_error("open root directory '{}'", path);
  return RootDir(std::move(fd));
}

Result<UniqueFd> RootDir::open_path(const std::string& path, int flags) const {
  UniqueFd fd = try_open(fd_.get(), path, flags, kInRoot);
  if (!fd) return sys_error("open '{}' in the root", path);
  return fd;
}

Result<UniqueFd> RootDir::open_without_links(const std::string& path, int flags) const {
  UniqueFd fd = try_open(fd_.get(), path, flags, kInRoot | RESOLVE_NO_SYMLINKS);
  if (!fd) return sys_error("open '{}' in the root, without links", path);
  return fd;
}

Result<UniqueFd> RootDir::make_directory(const std::string& path, mode_t mode) const {
  return make(path, mode, S_IFDIR, kMostLinks);
}

Result<UniqueFd> RootDir::make_file(const std::string& path, mode_t mode) const {
  return make(path, mode, S_IFREG, kMostLinks);
}

Result<std::pair<UniqueFd, std::string>> RootDir::make_parent(const std::string& path, mode_t mode) const {
  const std::string whole = clean_path(path);
  const std::size_t slash = whole.rfind('/');
  std::string name = whole.substr(slash + 1);
  if (name.empty()) return error(Code::InvalidArgument, "'{}' names the root itself", path);
  UniqueFd parent = TRY(make_directory(whole.substr(0, slash + 1), mode));
  return std::pair(std::move(parent), std::move(name));
}

Result<UniqueFd> RootDir::make(const std::string& path, mode_t mode, mode_t type, int links_left) const {
  const int flags = O_PATH | (type == S_IFDIR ? O_DIRECTORY : 0);
  if (UniqueFd fd = try_open(fd_.get(), path, flags, kInRoot)) return fd;
  if (errno != ENOENT) return sys_error("open '{}' in the root", path);
  const std::string whole = clean_path(path);
  if (whole == "/") return sys_error("open '{}' in the root", path);
  const std::size_t slash = whole.rfind('/');
  const std::string above = whole.substr(0, slash + 1);
  const std::string name = whole.substr(slash + 1);
  UniqueFd parent = TRY(make(above, 0755, S_IFDIR, links_left));
  const int made = type == S_IFDIR ? ::mkdirat(parent.get(), name.c_str(), mode)
                                   : ::mknodat(parent.get(), name.c_str(), S_IFREG | mode, 0);
  if (made < 0 && errno != EEXIST) return sys_error("make '{}' in the root", path);
  if (UniqueFd fd = try_open(fd_.get(), whole, flags, kInRoot)) return fd;
  // It exists and yet leads nowhere: a link to what is still to be made.
  if (errno != ENOENT) return sys_error("open '{}' in the root", path);
  if (links_left == 0) return sys_error_of(ELOOP, "make '{}' in the root", path);
  const std::string target = TRY(read_link(parent.get(), name));
  if (target.starts_with('/')) return make(target, mode, type, links_left - 1);
  // From where the link stands; the words of `path` may lead there over links of their own.
  return make(TRY(path_inside(parent.get())) + "/" + target, mode, type, links_left - 1);
}

Result<std::string> RootDir::path_inside(int fd) const {
  const std::string root = TRY(path_of(fd_.get()));
  const std::string path = TRY(path_of(fd));
  if (root == "/") return path;
  if (path != root && !path.starts_with(root + "/"))
    return error(Code::Conflict, "'{}' was moved out of the root", path);
  return path.substr(root.size());
}

}  // namespace gantry::kernel
