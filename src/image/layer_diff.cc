// SPDX-License-Identifier: Apache-2.0
#include "image/layer_diff.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <climits>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include <fmt/format.h>

#include "base/file.h"
#include "base/printable.h"
#include "base/unique_fd.h"
#include "image/file_attributes.h"
#include "image/overlay_marks.h"
#include "image/unpack.h"
#include "oci/archive/tar_writer.h"

namespace gantry::image {
namespace {

using oci::TarEntry;
using oci::TarSegment;
using oci::TarType;

constexpr int kOpenDirectory = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;

bool has_xattr(int fd, const std::string& name) {
  return ::getxattr(fmt::format("/proc/self/fd/{}", fd).c_str(), name.c_str(), nullptr, 0) >= 0;
}

bool is_opaque(int directory) {
  for (const char* mark : {kTrustedOpaque, kUserOpaque}) {
    char value = 0;
    if (::getxattr(fmt::format("/proc/self/fd/{}", directory).c_str(), mark, &value, 1) == 1 && value == 'y')
      return true;
  }
  return false;
}

// A directory or file of which the truth is elsewhere, by a mark of overlayfs.
Result<void> refuse_reference(int fd, const char* mark, const std::string& path) {
  for (const char* space : {"trusted.overlay.", "user.overlay."})
    if (has_xattr(fd, std::string(space) + mark))
      return error(Code::Unsupported, "'{}' is only a reference to a layer below ('{}{}')", printable(path),
                   space, mark);
  return {};
}

Result<std::vector<std::string>> sorted_names(int directory) {
  std::vector<std::string> names = TRY(names_in(directory, "."));
  std::sort(names.begin(), names.end());
  return names;
}

Result<struct stat> stat_at(int directory, const std::string& name) {
  struct stat st{};
  if (::fstatat(directory, name.c_str(), &st, AT_SYMLINK_NOFOLLOW) < 0)
    return sys_error("stat '{}'", printable(name));
  return st;
}

Result<UniqueFd> open_directory(int parent, const std::string& name, const std::string& path,
                                std::size_t depth) {
  if (depth > kMaxDepth)
    return error(Code::Unsupported, "more than {} directories inside each other", kMaxDepth);
  UniqueFd fd(::openat(parent, name.c_str(), kOpenDirectory));
  if (!fd) return sys_error("open directory '{}'", printable(path));
  return fd;
}

// One directory as several layers have it: each of them that shows through, the topmost first.
class MergedDirectory {
 public:
  static Result<MergedDirectory> of(std::span<const int> layers) {
    MergedDirectory merged;
    for (const int layer : layers) {
      UniqueFd fd(::openat(layer, ".", kOpenDirectory));
      if (!fd) return sys_error("open a layer");
      merged.layers_.push_back(std::move(fd));
    }
    return merged;
  }

  // What `name` is; nothing if it is not there or was removed.
  Result<std::optional<struct stat>> find(const std::string& name) const {
    for (const UniqueFd& layer : layers_) {
      struct stat st{};
      if (::fstatat(layer.get(), name.c_str(), &st, AT_SYMLINK_NOFOLLOW) == 0)
        return is_whiteout(st) ? std::nullopt : std::optional(st);
      if (errno != ENOENT) return sys_error("stat '{}'", printable(name));
    }
    return std::nullopt;
  }

  // The directory `name`: of no layers if it is not there or not a directory.
  Result<MergedDirectory> enter(const std::string& name) const {
    MergedDirectory merged;
    for (const UniqueFd& layer : layers_) {
      UniqueFd fd(::openat(layer.get(), name.c_str(), kOpenDirectory));
      if (!fd && errno == ENOENT) continue;
      if (!fd && (errno == ENOTDIR || errno == ELOOP)) break;  // it hides what is below
      if (!fd) return sys_error("open directory '{}'", printable(name));
      const bool hides_below = is_opaque(fd.get());
      merged.layers_.push_back(std::move(fd));
      if (hides_below) break;
    }
    return merged;
  }

  Result<std::set<std::string>> names() const {
    std::set<std::string> seen, present;
    for (const UniqueFd& layer : layers_) {
      for (std::string& name : TRY(names_in(layer.get(), "."))) {
        if (!seen.insert(name).second) continue;
        if (!is_whiteout(TRY(stat_at(layer.get(), name)))) present.insert(std::move(name));
      }
    }
    return present;
  }

  bool is_empty() const { return layers_.empty(); }
  int topmost() const { return layers_.front().get(); }

 private:
  std::vector<UniqueFd> layers_;
};

bool is_same_time(const timespec& a, const timespec& b) {
  return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

// Whether owner, mode and extended attributes are the same.
Result<bool> is_like(int fd, const FileAttributes& other) {
  const FileAttributes own = TRY(read_attributes(fd));
  return own.mode == other.mode && own.uid == other.uid && own.gid == other.gid && own.xattrs == other.xattrs;
}

class ChangeList {
 public:
  // Lists what is changed inside of `upper`, which is `path` and was `lower`. Answers whether its own list of
  // names is another.
  Result<bool> walk(int upper, const MergedDirectory& lower, const std::string& path, std::size_t depth);

  std::vector<Change> take() { return std::move(changes_); }

 private:
  std::vector<Change> changes_;
};

Result<bool> ChangeList::walk(int upper, const MergedDirectory& lower, const std::string& path,
                              std::size_t depth) {
  bool is_changed = false;
  std::set<std::string> names;
  for (std::string& name : TRY(names_in(upper, "."))) names.insert(std::move(name));
  std::set<std::string> hidden;
  if (is_opaque(upper)) hidden = TRY(lower.names());
  std::set<std::string> all = names;
  all.insert(hidden.begin(), hidden.end());

  for (const std::string& name : all) {
    const std::string child = fmt::format("{}/{}", path, name);
    const std::optional<struct stat> before = TRY(lower.find(name));
    const bool is_here = names.contains(name);
    const struct stat st = is_here ? TRY(stat_at(upper, name)) : (struct stat){};
    if (!is_here || is_whiteout(st)) {
      // overlayfs makes whiteouts also for what never was, below a renamed directory for one.
      if (!before) continue;
      changes_.push_back({ChangeKind::Deleted, child});
      is_changed = true;
      continue;
    }
    if (!before) is_changed = true;
    if (!S_ISDIR(st.st_mode)) {
      changes_.push_back({before ? ChangeKind::Modified : ChangeKind::Added, child});
      continue;
    }
    // A directory stands before what is in it, which is known only afterwards.
    const std::size_t place = changes_.size();
    const UniqueFd fd = TRY(open_directory(upper, name, child, depth + 1));
    TRY(refuse_reference(fd.get(), "redirect", child));
    const MergedDirectory below = TRY(lower.enter(name));
    bool is_listed = TRY(walk(fd.get(), below, child, depth + 1));
    if (!before || below.is_empty() || !is_same_time(st.st_mtim, before->st_mtim)) is_listed = true;
    if (!is_listed) is_listed = !TRY(is_like(fd.get(), TRY(read_attributes(below.topmost()))));
    if (is_listed)
      changes_.insert(changes_.begin() + static_cast<std::ptrdiff_t>(place),
                      {before ? ChangeKind::Modified : ChangeKind::Added, child});
  }
  return is_changed;
}

class LayerWriter {
 public:
  LayerWriter(const LayerOptions& options, ByteSink& tar)
      : options_(options), writer_(tar), buffer_(kStreamBuffer) {}

  Result<void> root(int upper, std::span<const int> lowers);
  Result<void> walk(int directory, const std::string& path, std::size_t depth);
  Result<void> finish() { return writer_.finish(); }

 private:
  Result<void> entry(int directory, const std::string& name, const struct stat& st, const std::string& path);
  Result<bool> is_left_out(int directory, const std::string& name, const struct stat& st,
                           const std::string& path) const;
  Result<void> mark(const std::string& path);
  Result<void> file(int fd, TarEntry entry);
  Result<void> contents(int fd, std::uint64_t offset, std::uint64_t length);
  Result<std::vector<TarSegment>> segments_of(int fd, std::uint64_t size);
  Result<TarEntry> begin(int fd, const std::string& path);

  const LayerOptions& options_;
  oci::TarWriter writer_;
  std::vector<std::byte> buffer_;
  std::map<std::pair<dev_t, ino_t>, std::string> links_;  // where a file of several names was written
};

// The entry of an open file (O_PATH will do), but for its type and what depends on that.
Result<TarEntry> LayerWriter::begin(int fd, const std::string& path) {
  FileAttributes attributes = TRY(read_attributes(fd));
  return TarEntry{.path = path,
                  .mode = attributes.mode,
                  .uid = attributes.uid,
                  .gid = attributes.gid,
                  .mtime = attributes.mtime,
                  .xattrs = std::move(attributes.xattrs)};
}

Result<void> LayerWriter::root(int upper, std::span<const int> lowers) {
  FileAttributes before{.mode = 0755};
  if (!lowers.empty()) before = TRY(read_attributes(lowers.front()));
  if (TRY(is_like(upper, before))) return {};
  TarEntry entry = TRY(begin(upper, "./"));
  entry.type = TarType::Directory;
  return writer_.add(entry);
}

// An empty file with a name that says something.
Result<void> LayerWriter::mark(const std::string& path) { return writer_.add({.path = path}); }

// `path` ends in a slash, or is "" for the root.
Result<void> LayerWriter::walk(int directory, const std::string& path, std::size_t depth) {
  if (options_.has_whiteouts && is_opaque(directory)) TRY(mark(path + std::string(kOpaqueName)));
  for (const std::string& name : TRY(sorted_names(directory))) {
    const struct stat st = TRY_DURING(stat_at(directory, name), "archive '{}'", printable(path + name));
    if (TRY(is_left_out(directory, name, st, path))) continue;
    TRY_DURING(entry(directory, name, st, path), "archive '{}'", printable(path + name));
    if (!S_ISDIR(st.st_mode)) continue;
    const UniqueFd fd = TRY(open_directory(directory, name, path + name, depth + 1));
    TRY(walk(fd.get(), path + name + "/", depth + 1));
  }
  return {};
}

Result<bool> LayerWriter::is_left_out(int directory, const std::string& name, const struct stat& st,
                                      const std::string& path) const {
  if (options_.left_out == nullptr || !options_.left_out->contains("/" + path + name)) return false;
  if (S_ISDIR(st.st_mode)) {
    // Empty but for what is left out, too.
    const UniqueFd fd = TRY(open_directory(directory, name, path + name, 0));
    if (is_opaque(fd.get())) return false;
    for (const std::string& inner : TRY(names_in(fd.get(), ".")))
      if (!TRY(is_left_out(fd.get(), inner, TRY(stat_at(fd.get(), inner)), path + name + "/"))) return false;
    return true;
  }
  return S_ISREG(st.st_mode) && st.st_size == 0;
}

Result<void> LayerWriter::entry(int directory, const std::string& name, const struct stat& st,
                                const std::string& path) {
  if (is_whiteout(st)) {
    if (!options_.has_whiteouts) return error(Code::InvalidArgument, "a whiteout, where none is expected");
    return mark(path + std::string(kWhiteoutPrefix) + name);
  }
  if (options_.has_whiteouts && name.starts_with(kWhiteoutPrefix))
    return error(Code::Unsupported, "a layer cannot hold a file of that name: it means a whiteout");

  // Not to be kept waiting by a fifo that took the file's place.
  const int flags = (S_ISREG(st.st_mode) ? O_RDONLY | O_NONBLOCK : O_PATH) | O_NOFOLLOW | O_CLOEXEC;
  const UniqueFd fd(::openat(directory, name.c_str(), flags));
  if (!fd) return sys_error("open");
  struct stat opened{};
  if (::fstat(fd.get(), &opened) < 0) return sys_error("stat");
  if ((opened.st_mode & S_IFMT) != (st.st_mode & S_IFMT))
    return error(Code::Conflict, "it became something else while it was read");

  TarEntry entry = TRY(begin(fd.get(), path + name));
  if (S_ISDIR(opened.st_mode)) {
    TRY(refuse_reference(fd.get(), "redirect", name));
    entry.type = TarType::Directory;
    entry.path += '/';
    return writer_.add(entry);
  }
  if (opened.st_nlink > 1) {
    const auto [first, is_new] = links_.try_emplace({opened.st_dev, opened.st_ino}, entry.path);
    if (!is_new) {
      entry.type = TarType::HardLink;
      entry.link_target = first->second;
      entry.xattrs.clear();
      return writer_.add(entry);
    }
  }
  switch (opened.st_mode & S_IFMT) {
    case S_IFREG:
      TRY(refuse_reference(fd.get(), "metacopy", name));
      entry.size = static_cast<std::uint64_t>(opened.st_size);
      if (opened.st_blocks * 512 < opened.st_size) entry.segments = TRY(segments_of(fd.get(), entry.size));
      // One that begins at the beginning and ends at the end has no holes.
      if (entry.segments == std::vector<TarSegment>{{0, entry.size}}) entry.segments.reset();
      return file(fd.get(), std::move(entry));
    case S_IFLNK: {
      char target[PATH_MAX];
      const ssize_t size = ::readlinkat(fd.get(), "", target, sizeof target);
      if (size < 0) return sys_error("read link");
      entry.type = TarType::SymbolicLink;
      entry.link_target.assign(target, static_cast<std::size_t>(size));
      break;
    }
    case S_IFCHR:
    case S_IFBLK:
      entry.type = S_ISCHR(opened.st_mode) ? TarType::CharacterDevice : TarType::BlockDevice;
      entry.device_major = major(opened.st_rdev);
      entry.device_minor = minor(opened.st_rdev);
      break;
    case S_IFIFO: entry.type = TarType::Fifo; break;
    case S_IFSOCK: entry.type = TarType::Socket; break;
    default: return error(Code::Unsupported, "a file of an unknown type");
  }
  return writer_.add(entry);
}

Result<void> LayerWriter::file(int fd, TarEntry entry) {
  TRY(writer_.add(entry));
  if (!entry.segments) return contents(fd, 0, entry.size);
  for (const TarSegment& segment : *entry.segments) TRY(contents(fd, segment.offset, segment.length));
  return {};
}

Result<void> LayerWriter::contents(int fd, std::uint64_t offset, std::uint64_t length) {
  while (length > 0) {
    const std::size_t room = std::min<std::uint64_t>(buffer_.size(), length);
    const ssize_t n = ::pread(fd, buffer_.data(), room, static_cast<off_t>(offset));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return sys_error("read");
    if (n == 0) return error(Code::Conflict, "it became shorter while it was read");
    const auto size = static_cast<std::size_t>(n);
    TRY(writer_.write(std::span(buffer_).first(size)));
    offset += size;
    length -= size;
  }
  return {};
}

// lseek(2), SEEK_DATA. A file system that knows nothing about holes says that all is data.
Result<std::vector<TarSegment>> LayerWriter::segments_of(int fd, std::uint64_t size) {
  std::vector<TarSegment> segments;
  std::uint64_t at = 0;
  while (at < size) {
    const off_t data = ::lseek(fd, static_cast<off_t>(at), SEEK_DATA);
    if (data < 0 && errno == ENXIO) break;  // nothing but a hole up to the end
    if (data < 0) return sys_error("find data");
    const off_t hole = ::lseek(fd, data, SEEK_HOLE);
    if (hole < 0) return sys_error("find holes");
    const std::uint64_t begin = std::min<std::uint64_t>(static_cast<std::uint64_t>(data), size);
    at = std::min<std::uint64_t>(static_cast<std::uint64_t>(hole), size);
    if (at > begin) segments.push_back({begin, at - begin});
  }
  return segments;
}

}  // namespace

Result<std::vector<Change>> changes(int upper, std::span<const int> lowers) {
  UniqueFd root(::openat(upper, ".", kOpenDirectory));
  if (!root) return sys_error("open the writable layer");
  const MergedDirectory lower = TRY(MergedDirectory::of(lowers));
  ChangeList list;
  TRY_DURING(list.walk(root.get(), lower, "", 0), "list changes");
  return list.take();
}

Result<void> write_layer(int upper, std::span<const int> lowers, const LayerOptions& options, ByteSink& tar) {
  UniqueFd root(::openat(upper, ".", kOpenDirectory));
  if (!root) return sys_error("open the writable layer");
  LayerWriter writer(options, tar);
  TRY_DURING(writer.root(root.get(), lowers), "archive './'");
  TRY(writer.walk(root.get(), "", 0));
  return writer.finish();
}

}  // namespace gantry::image
