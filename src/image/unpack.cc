// SPDX-License-Identifier: Apache-2.0
#include "image/unpack.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <optional>
#include <string_view>
#include <utility>

#include "base/printable.h"
#include "image/layer_tree.h"
#include "image/overlay_marks.h"
#include "oci/archive/tar_reader.h"

namespace gantry::image {
namespace {

using oci::TarEntry;
using oci::TarReader;
using oci::TarType;

// A path of the archive as the names to go through and the last one; "" is the root itself.
struct Place {
  std::string_view directory;
  std::string name;
};

template <class Visit>
void for_each_name(std::string_view path, Visit visit) {
  while (!path.empty()) {
    const std::size_t slash = path.find('/');
    visit(path.substr(0, slash));
    path.remove_prefix(slash == std::string_view::npos ? path.size() : slash + 1);
  }
}

bool has_name(std::string_view path, std::string_view wanted) {
  // Most paths have it nowhere, not even inside of a name.
  if (path.find(wanted) == std::string_view::npos) return false;
  bool found = false;
  for_each_name(path, [&](std::string_view name) { found = found || name == wanted; });
  return found;
}

// `what` says whose path it is.
Result<Place> place_of(std::string_view path, const char* what, const UnpackOptions& options) {
  if (path.starts_with('/') && !options.allow_absolute_names)
    return error(Code::InvalidArgument, "{} is absolute: '{}'", what, printable(path));
  if (has_name(path, ".."))
    return error(Code::InvalidArgument, "{} has '..' in it: '{}'", what, printable(path));
  // "./a//b/./" is "a/b".
  while (path.ends_with('/') || path.ends_with("/.") || path == ".") path.remove_suffix(1);
  const std::size_t slash = path.rfind('/');
  if (slash == std::string_view::npos) return Place{{}, std::string(path)};
  std::string_view directory = path.substr(0, slash);
  while (directory.starts_with('/') || directory.starts_with("./")) directory.remove_prefix(1);
  if (directory == ".") directory = {};
  return Place{directory, std::string(path.substr(slash + 1))};
}

// Whether a link that is `depth` directories below the root points out of it, by its words alone. Where it is
// absolute it begins at the root.
bool leads_out(std::string_view target, std::size_t depth) {
  if (target.starts_with('/')) depth = 0;
  bool leads = false;
  for_each_name(target, [&](std::string_view name) {
    if (name == "..") {
      leads = leads || depth == 0;
      if (depth > 0) --depth;
    } else if (!name.empty() && name != ".") {
      ++depth;
    }
  });
  return leads;
}

FileAttributes attributes_of(TarEntry& entry) {
  return {.mode = entry.mode,
          .uid = entry.uid,
          .gid = entry.gid,
          .mtime = entry.mtime,
          .xattrs = std::move(entry.xattrs)};
}

class Unpacker {
 public:
  Unpacker(TarReader& reader, LayerTree& tree, const UnpackOptions& options, UnpackResult& result)
      : reader_(reader), tree_(tree), options_(options), result_(result) {}

  Result<void> unpack(TarEntry& entry);

 private:
  Result<void> whiteout(const Place& place);
  Result<void> file(const std::string& name, TarEntry& entry);
  Result<void> write_contents(int fd, const TarEntry& entry);
  Result<void> hard_link(const Place& place, const TarEntry& entry);
  Result<void> symbolic_link(const std::string& name, TarEntry& entry);
  Result<void> node(const std::string& name, TarEntry& entry);
  // Calls `make`, which makes something new of that name; once more after what has the name was removed.
  template <class Make>
  Result<int> make_new(const std::string& name, Make make);

  TarReader& reader_;
  LayerTree& tree_;
  const UnpackOptions& options_;
  UnpackResult& result_;
};

Result<void> Unpacker::unpack(TarEntry& entry) {
  Place place = TRY(place_of(entry.path, "the name", options_));
  if (place.name.empty()) {
    if (entry.type != TarType::Directory)
      return error(Code::InvalidArgument, "a {} in place of the root", name_of(entry.type));
    tree_.describe_root(attributes_of(entry));
    return {};
  }
  if (entry.path.find(kWhiteoutPrefix) != std::string::npos) {
    // What is inside of ".wh..wh.aufs" and ".wh..wh.plnk" is of use to aufs alone.
    constexpr std::string_view kAufs[] = {".wh..wh.aufs", ".wh..wh.orph", ".wh..wh.plnk"};
    for (const std::string_view name : kAufs)
      if (has_name(entry.path, name)) return {};
    bool is_inside_whiteout = false;
    for_each_name(place.directory, [&](std::string_view name) {
      is_inside_whiteout = is_inside_whiteout || name.starts_with(kWhiteoutPrefix);
    });
    if (is_inside_whiteout) return error(Code::InvalidArgument, "something inside of a whiteout");
    if (place.name.starts_with(kWhiteoutPrefix)) return whiteout(place);
  }
  if (entry.type == TarType::HardLink) return hard_link(place, entry);
  TRY(tree_.enter(place.directory));
  switch (entry.type) {
    case TarType::File: return file(place.name, entry);
    case TarType::Directory: return tree_.add_directory(place.name, attributes_of(entry));
    case TarType::SymbolicLink: return symbolic_link(place.name, entry);
    default: return node(place.name, entry);
  }
}

Result<void> Unpacker::whiteout(const Place& place) {
  TRY(tree_.enter(place.directory));
  if (place.name == kOpaqueName) {
    tree_.hide_all();
    return {};
  }
  const std::string hidden = place.name.substr(kWhiteoutPrefix.size());
  if (hidden.empty() || hidden == "." || hidden == ".." || hidden.starts_with(kWhiteoutPrefix))
    return error(Code::InvalidArgument, "a whiteout that names no file");
  return tree_.hide(hidden);
}

template <class Make>
Result<int> Unpacker::make_new(const std::string& name, Make make) {
  int made = make();
  if (made < 0 && errno == EEXIST) {
    TRY(tree_.clear(name));
    made = make();
  }
  if (made < 0) return sys_error("make '{}'", printable(tree_.path_of(name)));
  return made;
}

Result<void> Unpacker::file(const std::string& name, TarEntry& entry) {
  const UniqueFd fd(TRY(make_new(name, [&] {
    return ::openat(tree_.fd(), name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
                    entry.mode & 0777);
  })));
  TRY(write_contents(fd.get(), entry));
  result_.size += entry.size;
  return tree_.writer().set_on_file(fd.get(), attributes_of(entry), name);
}

Result<void> Unpacker::write_contents(int fd, const TarEntry& entry) {
  std::uint64_t end = 0;
  for (;;) {
    TarReader::Piece piece = TRY(reader_.next_piece());
    if (piece.data.empty()) break;
    while (!piece.data.empty()) {
      const ssize_t n = entry.segments ? ::pwrite(fd, piece.data.data(), piece.data.size(),
                                                  static_cast<off_t>(piece.offset))
                                       : ::write(fd, piece.data.data(), piece.data.size());
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) return sys_error("write");
      piece.offset += static_cast<std::uint64_t>(n);
      piece.data = piece.data.subspan(static_cast<std::size_t>(n));
    }
    end = piece.offset;
  }
  if (end < entry.size && ::ftruncate(fd, static_cast<off_t>(entry.size)) < 0)
    return sys_error("set size to {} bytes", entry.size);
  return {};
}

Result<void> Unpacker::hard_link(const Place& place, const TarEntry& entry) {
  const Place target = TRY(place_of(entry.link_target, "the target of a hard link", options_));
  if (target.name.empty()) return error(Code::InvalidArgument, "a hard link to the root");
  TRY(tree_.enter(target.directory));
  struct stat st{};
  if (::fstatat(tree_.fd(), target.name.c_str(), &st, AT_SYMLINK_NOFOLLOW) < 0) {
    if (errno != ENOENT) return sys_error("stat '{}'", printable(entry.link_target));
    if (!TRY(tree_.copy_up(target.name)))
      return error(Code::InvalidArgument, "a hard link to '{}', which is neither in this layer nor below",
                   printable(entry.link_target));
    if (::fstatat(tree_.fd(), target.name.c_str(), &st, AT_SYMLINK_NOFOLLOW) < 0)
      return sys_error("stat '{}'", printable(entry.link_target));
  }
  if (S_ISDIR(st.st_mode))
    return error(Code::InvalidArgument, "a hard link to the directory '{}'", printable(entry.link_target));
  if (is_whiteout(st))
    return error(Code::InvalidArgument, "a hard link to '{}', which this layer removes",
                 printable(entry.link_target));

  UniqueFd target_directory(::openat(tree_.fd(), ".", O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!target_directory) return sys_error("open the directory of '{}'", printable(entry.link_target));
  TRY(tree_.enter(place.directory));
  struct stat present{};
  // Removing what is there would remove the target.
  if (::fstatat(tree_.fd(), place.name.c_str(), &present, AT_SYMLINK_NOFOLLOW) == 0 &&
      present.st_dev == st.st_dev && present.st_ino == st.st_ino)
    return {};
  TRY(make_new(place.name, [&] {
    return ::linkat(target_directory.get(), target.name.c_str(), tree_.fd(), place.name.c_str(), 0);
  }));
  return {};
}

Result<void> Unpacker::symbolic_link(const std::string& name, TarEntry& entry) {
  if (leads_out(entry.link_target, tree_.depth()))
    return error(Code::InvalidArgument, "a symbolic link to '{}', out of the layer",
                 printable(entry.link_target));
  TRY(make_new(name, [&] { return ::symlinkat(entry.link_target.c_str(), tree_.fd(), name.c_str()); }));
  return tree_.writer().set_on_node(tree_.fd(), name, true, attributes_of(entry), name);
}

Result<void> Unpacker::node(const std::string& name, TarEntry& entry) {
  mode_t type = S_IFSOCK;
  if (entry.type == TarType::Fifo) type = S_IFIFO;
  if (entry.type == TarType::CharacterDevice) type = S_IFCHR;
  if (entry.type == TarType::BlockDevice) type = S_IFBLK;
  if (type == S_IFCHR || type == S_IFBLK) {
    // More bits than Linux has for them would come out as another device.
    const dev_t device = ::makedev(entry.device_major, entry.device_minor);
    if (entry.device_major >> 12 != 0 || entry.device_minor >> 20 != 0)
      return error(Code::InvalidArgument, "device {}:{}: Linux has no such number", entry.device_major,
                   entry.device_minor);
    if (type == S_IFCHR && device == 0)
      return error(Code::InvalidArgument, "device 0:0, which overlayfs takes for a whiteout");
    if (options_.devices == DevicePolicy::Refuse)
      return error(Code::PermissionDenied, "device {}:{}: no devices are allowed here", entry.device_major,
                   entry.device_minor);
    if (options_.devices == DevicePolicy::Skip) {
      add_loss(result_, fmt::format("device '{}' was left out", printable(tree_.path_of(name))));
      return {};
    }
  }
  TRY(make_new(name, [&] {
    return ::mknodat(tree_.fd(), name.c_str(), type | (entry.mode & 0777),
                     ::makedev(entry.device_major, entry.device_minor));
  }));
  return tree_.writer().set_on_node(tree_.fd(), name, false, attributes_of(entry), name);
}

}  // namespace

Result<UnpackResult> unpack(PieceSource& tar, int directory, const UnpackOptions& options,
                            ParentView* parents) {
  UnpackResult result;
  TarReader reader(tar, {.may_lack_end = options.may_lack_end});
  LayerTree tree = TRY(LayerTree::open(directory, options, parents, result));
  Unpacker unpacker(reader, tree, options, result);
  while (std::optional<TarEntry> entry = TRY(reader.next())) {
    if (++result.entries > options.max_entries)
      return error(Code::ResourceExhausted, "unpack: more than {} entries", options.max_entries);
    TRY_DURING(unpacker.unpack(*entry), "unpack '{}'", printable(entry->path));
  }
  TRY(reader.drain());
  TRY_DURING(tree.finish(), "unpack: finish directories");
  return result;
}

Result<UnpackResult> unpack(ByteSource& tar, int directory, const UnpackOptions& options,
                            ParentView* parents) {
  BufferedPieces pieces(tar);
  return unpack(pieces, directory, options, parents);
}

}  // namespace gantry::image
