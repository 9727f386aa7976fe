// SPDX-License-Identifier: Apache-2.0
#include "image/file_attributes.h"

#include <fcntl.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <string_view>

#include <fmt/format.h>

#include "base/file.h"
#include "base/printable.h"
#include "image/overlay_marks.h"

namespace gantry::image {
namespace {

constexpr mode_t kPermissions = 0777;
constexpr mode_t kSpecialBits = 07000;

// umask(2) cannot be asked for without being changed, for all threads.
mode_t current_umask() {
  constexpr std::string_view kKey = "\nUmask:";
  const Result<std::string> status = read_file("/proc/self/status");
  mode_t mask = kPermissions;  // unknown: then modes are set explicitly
  if (!status) return mask;
  const std::size_t at = status->find(kKey);
  if (at == std::string::npos) return mask;
  const std::size_t digits = status->find_first_of("01234567", at);
  if (digits != std::string::npos)
    std::from_chars(status->data() + digits, status->data() + status->size(), mask, 8);
  return mask;
}

// Answers of listxattr and getxattr, however long they are; the kernel's limit is 64 KiB.
template <class Get>
ssize_t get_whole(std::string& buffer, Get get) {
  buffer.resize(256);
  for (;;) {
    const ssize_t size = get(buffer.data(), buffer.size());
    if (size >= 0) {
      buffer.resize(static_cast<std::size_t>(size));
      return size;
    }
    if (errno != ERANGE || buffer.size() > 64 << 10) return size;
    buffer.resize(buffer.size() * 4);
  }
}

}  // namespace

Result<Xattrs> read_xattrs(int fd) {
  // flistxattr(2) refuses O_PATH descriptors; /proc leads to the file itself, also to a symbolic link.
  const std::string path = fmt::format("/proc/self/fd/{}", fd);
  std::string names;
  const auto list = [&](char* into, std::size_t size) { return ::listxattr(path.c_str(), into, size); };
  if (get_whole(names, list) < 0) {
    if (errno == ENOTSUP) return Xattrs{};
    return sys_error("list extended attributes");
  }
  Xattrs xattrs;
  for (std::size_t at = 0; at < names.size();) {
    const std::string name = names.c_str() + at;
    at += name.size() + 1;
    std::string value;
    const auto get = [&](char* into, std::size_t size) {
      return ::getxattr(path.c_str(), name.c_str(), into, size);
    };
    if (get_whole(value, get) < 0) return sys_error("read extended attribute '{}'", printable(name));
    xattrs.emplace_back(name, std::move(value));
  }
  std::sort(xattrs.begin(), xattrs.end());
  return xattrs;
}

Result<FileAttributes> read_attributes(int fd) {
  struct stat st{};
  if (::fstat(fd, &st) < 0) return sys_error("stat");
  FileAttributes attributes{
      .mode = st.st_mode & 07777, .uid = st.st_uid, .gid = st.st_gid, .mtime = st.st_mtim};
  attributes.xattrs = TRY(read_xattrs(fd));
  std::erase_if(attributes.xattrs,
                [](const auto& xattr) { return is_overlay_mark(xattr.first) || is_host_label(xattr.first); });
  return attributes;
}

AttributeWriter::AttributeWriter(const UnpackOptions& options, UnpackResult& result)
    : options_(options),
      result_(result),
      own_uid_(::geteuid()),
      own_gid_(::getegid()),
      umask_(current_umask()) {}

Result<void> AttributeWriter::check(const FileAttributes& attributes, const std::string& what) const {
  // The largest number means "leave it" to chown(2).
  constexpr std::uint64_t kNoId = 0xffff'ffff;
  if (attributes.uid >= kNoId || attributes.gid >= kNoId)
    return error(Code::InvalidArgument, "owner {}:{} of '{}': Linux has no such ids", attributes.uid,
                 attributes.gid, printable(what));
  return {};
}

bool AttributeWriter::is_other_owner(const FileAttributes& attributes) const {
  return options_.keep_owners && (attributes.uid != own_uid_ || attributes.gid != own_gid_);
}

template <class Set>
Result<void> AttributeWriter::set_xattrs(const Xattrs& xattrs, const std::string& what, Set set) {
  for (const auto& [name, value] : xattrs) {
    if (is_host_label(name)) continue;
    if (is_overlay_mark(name))
      return error(Code::InvalidArgument, "'{}' has the extended attribute '{}', which belongs to overlayfs",
                   printable(what), printable(name));
    if (set(name.c_str(), value.data(), value.size()) == 0) continue;
    Error failure = sys_error("set extended attribute '{}' of '{}'", printable(name), printable(what));
    const bool is_not_possible = errno == ENOTSUP || errno == EPERM;
    if (!is_not_possible || options_.xattrs == LossPolicy::Refuse) return failure;
    add_loss(result_, failure.message());
  }
  return {};
}

Result<void> AttributeWriter::set_xattrs_and_time(int fd, const FileAttributes& attributes,
                                                  const std::string& what) {
  TRY(set_xattrs(attributes.xattrs, what, [fd](const char* name, const void* value, std::size_t size) {
    return ::fsetxattr(fd, name, value, size, 0);
  }));
  const timespec times[2] = {attributes.mtime, attributes.mtime};
  if (::futimens(fd, times) < 0) return sys_error("set time of '{}'", printable(what));
  return {};
}

// In this order: a change of owner takes set-id bits and file capabilities away.
Result<void> AttributeWriter::set_on_file(int fd, const FileAttributes& attributes, const std::string& what) {
  TRY(check(attributes, what));
  if (is_other_owner(attributes) &&
      ::fchown(fd, static_cast<uid_t>(attributes.uid), static_cast<gid_t>(attributes.gid)) < 0)
    return sys_error("give '{}' to {}:{}", printable(what), attributes.uid, attributes.gid);
  if ((attributes.mode & (umask_ | kSpecialBits)) != 0 && ::fchmod(fd, attributes.mode) < 0)
    return sys_error("set mode {:o} of '{}'", attributes.mode, printable(what));
  return set_xattrs_and_time(fd, attributes, what);
}

Result<void> AttributeWriter::set_on_directory(int fd, const FileAttributes& attributes,
                                               const std::string& what) {
  TRY(check(attributes, what));
  if (options_.keep_owners &&
      ::fchown(fd, static_cast<uid_t>(attributes.uid), static_cast<gid_t>(attributes.gid)) < 0)
    return sys_error("give '{}' to {}:{}", printable(what), attributes.uid, attributes.gid);
  if (::fchmod(fd, attributes.mode) < 0)
    return sys_error("set mode {:o} of '{}'", attributes.mode, printable(what));
  return set_xattrs_and_time(fd, attributes, what);
}

Result<void> AttributeWriter::set_on_node(int dir, const std::string& name, bool is_link,
                                          const FileAttributes& attributes, const std::string& what) {
  TRY(check(attributes, what));
  if (is_other_owner(attributes) && ::fchownat(dir, name.c_str(), static_cast<uid_t>(attributes.uid),
                                               static_cast<gid_t>(attributes.gid), AT_SYMLINK_NOFOLLOW) < 0)
    return sys_error("give '{}' to {}:{}", printable(what), attributes.uid, attributes.gid);
  // fchmodat(2) follows links, but this is none. Links have no mode.
  if (!is_link && (attributes.mode & (umask_ | kSpecialBits)) != 0 &&
      ::fchmodat(dir, name.c_str(), attributes.mode, 0) < 0)
    return sys_error("set mode {:o} of '{}'", attributes.mode, printable(what));
  if (!attributes.xattrs.empty()) {
    // There is no setxattrat(2) before Linux 6.13.
    const std::string path = fmt::format("/proc/self/fd/{}/{}", dir, name);
    TRY(set_xattrs(attributes.xattrs, what, [&](const char* xattr, const void* value, std::size_t size) {
      return ::lsetxattr(path.c_str(), xattr, value, size, 0);
    }));
  }
  const timespec times[2] = {attributes.mtime, attributes.mtime};
  if (::utimensat(dir, name.c_str(), times, AT_SYMLINK_NOFOLLOW) < 0)
    return sys_error("set time of '{}'", printable(what));
  return {};
}

void add_loss(UnpackResult& result, std::string sentence) {
  ++result.loss_count;
  if (result.losses.size() < UnpackResult::kMaxLosses) result.losses.push_back(std::move(sentence));
}

}  // namespace gantry::image
