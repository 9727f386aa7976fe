// SPDX-License-Identifier: Apache-2.0
#include "engine/tree_extract.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <fmt/format.h>

#include "base/file.h"
#include "base/printable.h"
#include "engine/kernel_file_system.h"
#include "image/overlay_marks.h"

namespace gantry::engine {
namespace {

using oci::TarEntry;
using oci::TarReader;
using oci::TarType;

// Somebody who makes the name again as often as we remove it does so on purpose.
constexpr int kMostAttempts = 16;

bool has_dot_dot(std::string_view path) {
  while (!path.empty()) {
    const std::size_t slash = path.find('/');
    if (path.substr(0, slash) == "..") return true;
    path.remove_prefix(slash == std::string_view::npos ? path.size() : slash + 1);
  }
  return false;
}

Result<std::string> path_in(const std::string& directory, const std::string& name) {
  if (has_dot_dot(name)) return error(Code::InvalidArgument, "the name '{}' has '..' in it", printable(name));
  return kernel::clean_path(directory + "/" + name);
}

std::string link_to(int fd) { return fmt::format("/proc/self/fd/{}", fd); }

Result<std::uint32_t> outside_id(const std::vector<kernel::IdRange>& ranges, std::uint64_t inside) {
  if (inside >= UINT32_MAX) return error(Code::InvalidArgument, "there is no id {}", inside);
  const auto id = static_cast<std::uint32_t>(inside);
  if (ranges.empty()) return id;
  const kernel::IdRange* range = kernel::find_range(ranges, id);
  if (range == nullptr) return error(Code::InvalidArgument, "id {} is not mapped in the container", id);
  return range->outside + (id - range->inside);
}

// Of a file that was just made and is open. What the file system cannot keep stays behind.
Result<void> set_xattrs(int fd, const TarEntry& entry) {
  for (const auto& [name, value] : entry.xattrs) {
    if (image::is_overlay_mark(name) || image::is_host_label(name)) continue;
    if (::setxattr(link_to(fd).c_str(), name.c_str(), value.data(), value.size(), 0) < 0 && errno != ENOTSUP)
      return sys_error("set attribute '{}'", printable(name));
  }
  return {};
}

Result<void> write_contents(int fd, TarReader& reader, std::uint64_t size) {
  for (;;) {
    TarReader::Piece piece = TRY(reader.next_piece());
    if (piece.data.empty()) break;
    while (!piece.data.empty()) {
      const ssize_t n = ::pwrite(fd, piece.data.data(), piece.data.size(), static_cast<off_t>(piece.offset));
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) return sys_error("write");
      piece.offset += static_cast<std::uint64_t>(n);
      piece.data = piece.data.subspan(static_cast<std::size_t>(n));
    }
  }
  if (::ftruncate(fd, static_cast<off_t>(size)) < 0) return sys_error("set size to {} bytes", size);
  return {};
}

mode_t type_of(const TarEntry& entry) {
  switch (entry.type) {
    case TarType::CharacterDevice: return S_IFCHR;
    case TarType::BlockDevice: return S_IFBLK;
    case TarType::Fifo: return S_IFIFO;
    default: return S_IFSOCK;
  }
}

}  // namespace

Result<void> TreeExtract::unpack(TarReader& reader) {
  while (const std::optional<TarEntry> entry = TRY(reader.next()))
    TRY_DURING(add(reader, *entry), "unpack '{}'", printable(entry->path));
  TRY(reader.drain());
  return finish_directories();
}

// The directory at `path`, made if it is missing. Kept for the next entry, which mostly is in the same.
Result<int> TreeExtract::parent_at(const std::string& path) {
  if (parent_ && path == parent_path_) return parent_.get();
  Result<UniqueFd> parent = root_.open_path(path, O_PATH | O_DIRECTORY);
  if (!parent && parent.error().errno_value() == ENOENT) parent = root_.make_directory(path, 0755);
  if (!parent) return std::move(parent).error();
  if (TRY(is_kernel_file_system(parent->get())))
    return error(Code::PermissionDenied, "'{}' is an interface of the kernel", printable(path));
  parent_ = *std::move(parent);
  parent_path_ = path;
  return parent_.get();
}

Result<TreeExtract::Place> TreeExtract::place_of(const std::string& name) {
  const std::string path = TRY(path_in(directory_, name));
  const std::size_t slash = path.rfind('/');
  const std::string above = slash == 0 ? "/" : path.substr(0, slash);
  return Place{.parent = TRY(parent_at(above)), .name = path.substr(slash + 1), .path = path};
}

// Removes what has the name, unless it is a directory and may stay one.
Result<void> TreeExtract::make_room(const Place& place, bool for_directory, const std::string& name) {
  struct stat st{};
  if (::fstatat(place.parent, place.name.c_str(), &st, AT_SYMLINK_NOFOLLOW) < 0)
    return errno == ENOENT ? Result<void>{} : sys_error("look at '{}'", printable(place.path));
  const bool is_directory = S_ISDIR(st.st_mode);
  if (is_directory && for_directory) return {};
  if (options_.no_overwrite_dir_non_dir && is_directory)
    return error(Code::InvalidArgument, "cannot overwrite directory \"{}\" with non-directory \"{}\"",
                 printable(place.path), printable(name));
  if (options_.no_overwrite_dir_non_dir && for_directory)
    return error(Code::InvalidArgument, "cannot overwrite non-directory \"{}\" with directory \"{}\"",
                 printable(place.path), printable(name));
  return remove_tree_at(place.parent, place.name);
}

template <class Make>
Result<int> TreeExtract::make_new(const Place& place, const TarEntry& entry, Make make) {
  for (int attempt = 0; attempt < kMostAttempts; ++attempt) {
    if (const int made = make(); made >= 0) return made;
    if (errno != EEXIST) return sys_error("make '{}'", printable(place.path));
    TRY(make_room(place, false, entry.path));
  }
  return error(Code::Conflict, "'{}' is made again and again by somebody else", printable(place.path));
}

Result<void> TreeExtract::add(TarReader& reader, const TarEntry& entry) {
  const Place place = TRY(place_of(entry.path));
  if (place.name.empty()) {
    // The root of the container: it is there, and what it is like is not the archive's to say.
    if (entry.type != TarType::Directory)
      return error(Code::InvalidArgument, "a {} in place of the root", name_of(entry.type));
    return {};
  }
  switch (entry.type) {
    case TarType::Directory: return add_directory(place, entry);
    case TarType::File: return add_file(reader, place, entry);
    case TarType::HardLink: return add_hard_link(place, entry);
    case TarType::SymbolicLink: return add_symbolic_link(place, entry);
    default: return add_node(place, entry);
  }
}

Result<std::pair<uid_t, gid_t>> TreeExtract::owner_of(const TarEntry& entry) const {
  const std::uint64_t uid = options_.owner ? options_.owner->first : entry.uid;
  const std::uint64_t gid = options_.owner ? options_.owner->second : entry.gid;
  return std::pair<uid_t, gid_t>(TRY(outside_id(options_.id_maps.uids, uid)),
                                 TRY(outside_id(options_.id_maps.gids, gid)));
}

// `fd` is O_PATH or not, of anything but a link.
Result<void> TreeExtract::set_attributes(int fd, const TarEntry& entry) {
  const auto [uid, gid] = TRY(owner_of(entry));
  if (::fchownat(fd, "", uid, gid, AT_EMPTY_PATH) < 0) return sys_error("set owner");
  // After the owner, which takes set-id bits and capabilities away.
  if (::chmod(link_to(fd).c_str(), entry.mode & 07777) < 0) return sys_error("set mode");
  TRY(set_xattrs(fd, entry));
  const timespec times[2] = {{.tv_nsec = UTIME_OMIT}, entry.mtime};
  if (::utimensat(AT_FDCWD, link_to(fd).c_str(), times, 0) < 0) return sys_error("set times");
  return {};
}

Result<void> TreeExtract::add_directory(const Place& place, const TarEntry& entry) {
  for (int attempt = 0; attempt < kMostAttempts; ++attempt) {
    TRY(make_room(place, true, entry.path));
    if (::mkdirat(place.parent, place.name.c_str(), 0700) < 0 && errno != EEXIST)
      return sys_error("make directory '{}'", printable(place.path));
    const UniqueFd made(
        ::openat(place.parent, place.name.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (!made) continue;  // somebody has put something else there
    if (TRY(is_kernel_file_system(made.get())))
      return error(Code::PermissionDenied, "'{}' is an interface of the kernel", printable(place.path));
    TRY(set_attributes(made.get(), entry));
    directory_times_[place.path] = entry.mtime;
    return {};
  }
  return error(Code::Conflict, "'{}' is made something else again and again", printable(place.path));
}

Result<void> TreeExtract::add_file(TarReader& reader, const Place& place, const TarEntry& entry) {
  const UniqueFd file(TRY(make_new(place, entry, [&] {
    return ::openat(place.parent, place.name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
                    0600);
  })));
  Result<void> written = write_contents(file.get(), reader, entry.size);
  if (written) written = set_attributes(file.get(), entry);
  if (!written) (void)::unlinkat(place.parent, place.name.c_str(), 0);  // half a file is worse than none
  return written;
}

Result<void> TreeExtract::add_hard_link(const Place& place, const TarEntry& entry) {
  const std::string target = TRY(path_in(directory_, entry.link_target));
  const std::size_t slash = target.rfind('/');
  const UniqueFd directory = TRY(root_.open_path(target.substr(0, slash + 1), O_PATH | O_DIRECTORY));
  const std::string name = target.substr(slash + 1);
  if (target == place.path) return {};
  TRY(make_new(place, entry,
               [&] { return ::linkat(directory.get(), name.c_str(), place.parent, place.name.c_str(), 0); }));
  return {};
}

Result<void> TreeExtract::add_symbolic_link(const Place& place, const TarEntry& entry) {
  TRY(make_new(place, entry,
               [&] { return ::symlinkat(entry.link_target.c_str(), place.parent, place.name.c_str()); }));
  // Neither call follows what is a link by now.
  const auto [uid, gid] = TRY(owner_of(entry));
  if (::fchownat(place.parent, place.name.c_str(), uid, gid, AT_SYMLINK_NOFOLLOW) < 0)
    return sys_error("set owner");
  const timespec times[2] = {{.tv_nsec = UTIME_OMIT}, entry.mtime};
  if (::utimensat(place.parent, place.name.c_str(), times, AT_SYMLINK_NOFOLLOW) < 0)
    return sys_error("set times");
  return {};
}

Result<void> TreeExtract::add_node(const Place& place, const TarEntry& entry) {
  const mode_t type = type_of(entry);
  const bool is_device = type == S_IFCHR || type == S_IFBLK;
  const dev_t device = is_device ? ::makedev(entry.device_major, entry.device_minor) : 0;
  if (type == S_IFCHR && device == 0)
    return error(Code::InvalidArgument, "device 0:0, which overlayfs takes for a whiteout");
  TRY(make_new(place, entry,
               [&] { return ::mknodat(place.parent, place.name.c_str(), type | 0600, device); }));
  const UniqueFd made(::openat(place.parent, place.name.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
  struct stat st{};
  if (!made || ::fstat(made.get(), &st) < 0) return sys_error("open what was made");
  if ((st.st_mode & S_IFMT) != type)
    return error(Code::Conflict, "it became something else while it was made");
  return set_attributes(made.get(), entry);
}

Result<void> TreeExtract::finish_directories() {
  for (const auto& [path, mtime] : directory_times_) {
    const Result<UniqueFd> directory = root_.open_path(path, O_PATH | O_DIRECTORY);
    if (!directory) continue;  // the container has removed it
    const timespec times[2] = {{.tv_nsec = UTIME_OMIT}, mtime};
    if (::utimensat(AT_FDCWD, link_to(directory->get()).c_str(), times, 0) < 0)
      return sys_error("set times of '{}'", printable(path));
  }
  return {};
}

}  // namespace gantry::engine
