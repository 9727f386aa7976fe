// SPDX-License-Identifier: Apache-2.0
#include "base/file.h"

#include <dirent.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <memory>
#include <vector>

#include <fmt/format.h>

namespace gantry {

namespace {

// After mkdir(2) said that the name is taken: with errno as it was, if not by a directory.
bool is_directory(const std::string& path) {
  if (errno != EEXIST) return false;
  struct stat st{};
  if (::stat(path.c_str(), &st) == 0 && S_ISDIR(st.st_mode)) return true;
  errno = EEXIST;
  return false;
}

}  // namespace

Result<UniqueFd> open_at(int dir, const std::string& path, int flags, mode_t mode) {
  UniqueFd fd(::openat(dir, path.c_str(), flags | O_CLOEXEC, mode));
  if (!fd) return sys_error("open '{}'", path);
  return fd;
}

Result<std::string> read_all(int fd, std::string_view what, std::size_t limit) {
  std::string data;
  std::size_t used = 0;
  struct stat st{};
  // Pseudo files say 0; one byte more than the size lets end of file show without growing.
  if (::fstat(fd, &st) == 0 && st.st_size > 0) data.resize(std::min<std::size_t>(st.st_size, limit) + 1);
  for (;;) {
    if (used == data.size()) data.resize(std::max<std::size_t>(4096, data.size() * 2));
    const ssize_t n = ::read(fd, data.data() + used, data.size() - used);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return sys_error("read '{}'", what);
    if (n == 0) break;
    used += static_cast<std::size_t>(n);
    if (used > limit) return error(Code::ResourceExhausted, "read '{}': larger than {} bytes", what, limit);
  }
  data.resize(used);
  return data;
}

Result<std::string> read_file_at(int dir, const std::string& path, std::size_t limit) {
  UniqueFd fd = TRY(open_at(dir, path, O_RDONLY));
  return read_all(fd.get(), path, limit);
}

Result<void> write_all(int fd, std::string_view data, std::string_view what) {
  while (!data.empty()) {
    const ssize_t n = ::write(fd, data.data(), data.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return sys_error("write '{}'", what);
    data.remove_prefix(static_cast<std::size_t>(n));
  }
  return {};
}

Result<void> write_existing_at(int dir, const std::string& path, std::string_view data) {
  UniqueFd fd = TRY(open_at(dir, path, O_WRONLY));
  const ssize_t n = ::write(fd.get(), data.data(), data.size());
  if (n < 0) return sys_error("write '{}' to '{}'", data, path);
  if (static_cast<std::size_t>(n) != data.size())
    return error(Code::Internal, "write '{}' to '{}': only {} bytes were taken", data, path, n);
  return {};
}

Result<void> replace_file_at(int dir, const std::string& path, std::string_view data, mode_t mode) {
  const std::string temporary = fmt::format("{}.{}.tmp", path, ::getpid());
  UniqueFd fd = TRY(open_at(dir, temporary, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, mode));
  if (auto written = write_all(fd.get(), data, temporary); !written) {
    (void)::unlinkat(dir, temporary.c_str(), 0);
    return written;
  }
  if (::renameat(dir, temporary.c_str(), dir, path.c_str()) < 0) {
    Error failure = sys_error("rename '{}' to '{}'", temporary, path);
    (void)::unlinkat(dir, temporary.c_str(), 0);
    return failure;
  }
  return {};
}

Result<void> make_directories(const std::string& path, mode_t mode) {
  const auto make = [&] { return ::mkdir(path.c_str(), mode) == 0 || is_directory(path); };
  if (make()) return {};
  const std::size_t slash = path.find_last_of('/');
  if (errno != ENOENT || slash == std::string::npos || slash == 0)
    return sys_error("make directory '{}'", path);
  TRY(make_directories(path.substr(0, slash), mode));
  if (!make()) return sys_error("make directory '{}'", path);
  return {};
}

Result<std::vector<std::string>> names_in(int dir, const std::string& path) {
  const int fd = ::openat(dir, path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return sys_error("list '{}'", path);
  const std::unique_ptr<DIR, int (*)(DIR*)> stream(::fdopendir(fd), ::closedir);  // owns fd
  std::vector<std::string> names;
  while (const dirent* entry = ::readdir(stream.get())) {
    const std::string_view name = entry->d_name;
    if (name != "." && name != "..") names.emplace_back(name);
  }
  return names;
}

Result<void> remove_tree_at(int dir, const std::string& path) {
  if (::unlinkat(dir, path.c_str(), 0) == 0 || errno == ENOENT) return {};
  if (errno != EISDIR && errno != EPERM) return sys_error("remove '{}'", path);
  UniqueFd fd(::openat(dir, path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!fd) return errno == ENOENT ? Result<void>{} : sys_error("open '{}' to remove it", path);
  // Names are collected first because removal disturbs readdir(3).
  for (const std::string& name : TRY(names_in(fd.get(), "."))) TRY(remove_tree_at(fd.get(), name));
  if (::unlinkat(dir, path.c_str(), AT_REMOVEDIR) < 0 && errno != ENOENT)
    return sys_error("remove directory '{}'", path);
  return {};
}

}  // namespace gantry
