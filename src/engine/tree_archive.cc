// SPDX-License-Identifier: Apache-2.0
#include "engine/tree_archive.h"

#include <fcntl.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <climits>
#include <span>

#include <fmt/format.h>

#include "base/byte_stream.h"
#include "base/file.h"
#include "base/printable.h"
#include "engine/kernel_file_system.h"
#include "image/file_attributes.h"

namespace gantry::engine {
namespace {

using oci::TarEntry;
using oci::TarType;

// Each level of the one being read costs two descriptors.
constexpr std::size_t kMaxDepth = 256;

// The same file, for reading: not what has its name by now. It cannot be kept waiting by a fifo, for only
// regular files and directories are opened.
Result<UniqueFd> reopen(int fd, int flags) {
  UniqueFd opened(
      ::open(fmt::format("/proc/self/fd/{}", fd).c_str(), flags | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
  if (!opened) return sys_error("open");
  return opened;
}

std::uint32_t inside_id(const std::vector<kernel::IdRange>& ranges, std::uint32_t outside) {
  for (const kernel::IdRange& range : ranges)
    if (outside >= range.outside && outside - range.outside < range.size)
      return range.inside + (outside - range.outside);
  return outside;
}

std::vector<std::string> sorted(std::vector<std::string> names) {
  std::ranges::sort(names);
  return names;
}

}  // namespace

TreeArchive::TreeArchive(ByteSink& sink, const kernel::IdMaps& id_maps)
    : writer_(sink), id_maps_(id_maps), buffer_(kStreamBuffer) {}

Result<void> TreeArchive::add(int fd, const std::string& path) { return add_at_depth(fd, path, 0); }

Result<void> TreeArchive::add_contents(int directory, const std::string& path) {
  return add_names(directory, path, 0);
}

Result<TarEntry> TreeArchive::begin(int fd, const struct stat& st, const std::string& path) const {
  image::FileAttributes attributes = TRY(image::read_attributes(fd));
  return TarEntry{.path = path,
                  .mode = attributes.mode,
                  .uid = inside_id(id_maps_.uids, st.st_uid),
                  .gid = inside_id(id_maps_.gids, st.st_gid),
                  .mtime = attributes.mtime,
                  .xattrs = std::move(attributes.xattrs)};
}

Result<void> TreeArchive::add_at_depth(int fd, const std::string& path, std::size_t depth) {
  struct stat st{};
  if (::fstat(fd, &st) < 0) return sys_error("look at '{}'", printable(path));
  if (S_ISSOCK(st.st_mode)) return {};
  TarEntry entry = TRY_DURING(begin(fd, st, path), "archive '{}'", printable(path));
  if (S_ISDIR(st.st_mode)) {
    entry.type = TarType::Directory;
    if (!entry.path.ends_with('/')) entry.path += '/';
    TRY(writer_.add(entry));
    return add_names(fd, entry.path, depth);
  }
  if (add_hard_link(st, entry)) return writer_.add(entry);
  switch (st.st_mode & S_IFMT) {
    case S_IFREG: return add_file(fd, st, std::move(entry));
    case S_IFLNK: {
      char target[PATH_MAX];
      const ssize_t size = ::readlinkat(fd, "", target, sizeof target);
      if (size < 0) return sys_error("read link '{}'", printable(path));
      entry.type = TarType::SymbolicLink;
      entry.link_target.assign(target, static_cast<std::size_t>(size));
      return writer_.add(entry);
    }
    case S_IFIFO: entry.type = TarType::Fifo; return writer_.add(entry);
    default:
      entry.type = S_ISCHR(st.st_mode) ? TarType::CharacterDevice : TarType::BlockDevice;
      entry.device_major = ::major(st.st_rdev);
      entry.device_minor = ::minor(st.st_rdev);
      return writer_.add(entry);
  }
}

Result<void> TreeArchive::add_names(int fd, const std::string& path, std::size_t depth) {
  if (depth >= kMaxDepth)
    return error(Code::Unsupported, "archive '{}': more than {} directories inside each other",
                 printable(path), kMaxDepth);
  if (TRY(is_kernel_file_system(fd))) return {};
  const UniqueFd directory = TRY_DURING(reopen(fd, O_RDONLY | O_DIRECTORY), "archive '{}'", printable(path));
  for (const std::string& name : sorted(TRY(names_in(directory.get(), ".")))) {
    const UniqueFd child(::openat(directory.get(), name.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
    if (!child && errno == ENOENT) continue;
    if (!child) return sys_error("open '{}'", printable(path + name));
    TRY(add_at_depth(child.get(), path + name, depth + 1));
  }
  return {};
}

bool TreeArchive::add_hard_link(const struct stat& st, TarEntry& entry) {
  if (st.st_nlink < 2) return false;
  const auto [first, is_new] = links_.try_emplace({st.st_dev, st.st_ino}, entry.path);
  if (is_new) return false;
  entry.type = TarType::HardLink;
  entry.link_target = first->second;
  entry.xattrs.clear();
  return true;
}

Result<void> TreeArchive::add_file(int fd, const struct stat& st, TarEntry entry) {
  const std::string path = entry.path;
  if (TRY(is_kernel_file_system(fd)))
    return error(Code::PermissionDenied, "'{}' is not a file but an interface of the kernel",
                 printable(path));
  const UniqueFd file = TRY_DURING(reopen(fd, O_RDONLY), "archive '{}'", printable(path));
  entry.size = static_cast<std::uint64_t>(st.st_size);
  TRY(writer_.add(entry));
  for (std::uint64_t left = entry.size; left > 0;) {
    const std::span<std::byte> into = std::span(buffer_).first(std::min<std::uint64_t>(left, buffer_.size()));
    ssize_t size = ::read(file.get(), into.data(), into.size());
    if (size < 0 && errno == EINTR) continue;
    if (size < 0) return sys_error("read '{}'", printable(path));
    if (size == 0) {
      std::ranges::fill(into, std::byte{0});
      size = static_cast<ssize_t>(into.size());
    }
    TRY(writer_.write(into.first(static_cast<std::size_t>(size))));
    left -= static_cast<std::uint64_t>(size);
  }
  return {};
}

}  // namespace gantry::engine
