// SPDX-License-Identifier: Apache-2.0
#include "image/layer_tree.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <climits>
#include <utility>

#include <fmt/format.h>

#include "base/byte_stream.h"
#include "base/file.h"
#include "base/printable.h"
#include "image/overlay_marks.h"

namespace gantry::image {
namespace {

constexpr int kMaxLinks = 40;  // as the kernel's own limit (path_resolution(7))
// Of a directory that neither this layer nor one below describes.
constexpr mode_t kImpliedMode = 0755;
constexpr int kOpenLevel = O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;

// Takes the first name off `path`: "" where two slashes follow each other.
std::string_view take_name(std::string_view& path) {
  const std::size_t slash = path.find('/');
  const std::string_view name = path.substr(0, slash);
  path.remove_prefix(slash == std::string_view::npos ? path.size() : slash + 1);
  return name;
}

// The part of a path before its last name: "" if that is in the root.
std::string_view parent_of(std::string_view path) {
  const std::size_t slash = path.rfind('/');
  return slash == std::string_view::npos ? std::string_view() : path.substr(0, slash);
}

Result<std::string> read_link(int dir, const std::string& name) {
  char target[PATH_MAX];
  const ssize_t size = ::readlinkat(dir, name.c_str(), target, sizeof target);
  if (size < 0) return sys_error("read link '{}'", printable(name));
  return std::string(target, static_cast<std::size_t>(size));
}

}  // namespace

Result<LayerTree> LayerTree::open(int directory, const UnpackOptions& options, ParentView* parents,
                                  UnpackResult& result) {
  UniqueFd root(::openat(directory, ".", kOpenLevel));
  if (!root) return sys_error("open the directory to unpack into");
  // It would be inherited by, and change the modes of, everything that is unpacked.
  const std::string path = fmt::format("/proc/self/fd/{}", root.get());
  if (::getxattr(path.c_str(), "system.posix_acl_default", nullptr, 0) > 0)
    return error(Code::InvalidArgument, "the directory to unpack into has a default ACL");
  if (!TRY(names_in(root.get(), ".")).empty())
    return error(Code::InvalidArgument, "the directory to unpack into is not empty");
  return LayerTree(std::move(root), options, parents, result);
}

std::string LayerTree::path_of(std::string_view name) const {
  std::string path;
  path.reserve(path_.size() + 1 + name.size());
  path = path_;
  if (!path.empty()) path += '/';
  return path += name;
}

void LayerTree::leave_to(std::size_t levels) {
  while (levels_.size() > levels) {
    const std::size_t name = levels_.back().name.size();
    path_.resize(path_.size() - name);
    if (!path_.empty()) path_.pop_back();
    levels_.pop_back();
  }
}

Result<void> LayerTree::enter(std::string_view path) {
  if (is_entered_ && path == entered_) return {};
  is_entered_ = false;
  // A level is a directory by its name, no link, so what the paths have in common needs no second look.
  std::string_view rest = path;
  std::size_t shared = 1;
  while (shared < levels_.size()) {
    std::string_view after = rest;
    if (take_name(after) != levels_[shared].name) break;
    rest = after;
    ++shared;
  }
  leave_to(shared);
  int links = 0;
  TRY(walk(rest, links));
  entered_ = path;
  is_entered_ = true;
  return {};
}

Result<void> LayerTree::walk(std::string_view path, int& links) {
  while (!path.empty()) {
    const std::string name(take_name(path));
    if (name.empty() || name == ".") continue;
    if (name == "..") {  // only links have them; what was entered last is no link itself
      leave_to(std::max<std::size_t>(levels_.size() - 1, 1));
      continue;
    }
    const std::optional<std::string> target = TRY(step(name));
    if (!target) continue;
    if (++links > kMaxLinks)
      return error(Code::InvalidArgument, "more than {} links on the way to one file", kMaxLinks);
    if (target->starts_with('/')) leave_to(1);
    TRY(walk(*target, links));
  }
  return {};
}

// Enters `name`, or answers where it points if it is a link.
Result<std::optional<std::string>> LayerTree::step(const std::string& name) {
  UniqueFd next(::openat(fd(), name.c_str(), kOpenLevel));
  if (next) {
    if (depth() == kMaxDepth)
      return error(Code::InvalidArgument, "more than {} directories inside each other", kMaxDepth);
    bool hides_below = levels_.back().hides_below;
    path_ = path_of(name);
    if (const auto known = directories_.find(path_); known != directories_.end())
      hides_below = hides_below || known->second.is_opaque;
    levels_.push_back({name, std::move(next), hides_below});
    return std::nullopt;
  }
  if (errno == ENOENT) return step_to_missing(name);
  if (errno != ENOTDIR && errno != ELOOP) return sys_error("open directory '{}'", printable(path_of(name)));
  struct stat st{};
  if (::fstatat(fd(), name.c_str(), &st, AT_SYMLINK_NOFOLLOW) < 0)
    return sys_error("stat '{}'", printable(path_of(name)));
  if (S_ISLNK(st.st_mode)) return TRY(read_link(fd(), name));
  if (!is_whiteout(st))
    return error(Code::InvalidArgument, "'{}' is not a directory", printable(path_of(name)));
  TRY(add_directory(name, {.mode = kImpliedMode}));
  return step(name);
}

// Nothing of this layer has the name: the layers below say what it is.
Result<std::optional<std::string>> LayerTree::step_to_missing(const std::string& name) {
  FileAttributes attributes{.mode = kImpliedMode};
  if (const std::optional<UniqueFd> below = TRY(find_below(name))) {
    struct stat st{};
    if (::fstat(below->get(), &st) < 0)
      return sys_error("stat '{}' in the layers below", printable(path_of(name)));
    if (S_ISLNK(st.st_mode)) return TRY(read_link(below->get(), ""));
    // Of a file that stands there nothing is left: this layer has a directory.
    if (S_ISDIR(st.st_mode))
      attributes =
          TRY_DURING(read_attributes(below->get()), "read attributes of '{}'", printable(path_of(name)));
  }
  TRY(add_directory(name, std::move(attributes)));
  return step(name);
}

Result<void> LayerTree::add_directory(const std::string& name, FileAttributes attributes) {
  bool replaces_whiteout = false;
  if (::mkdirat(fd(), name.c_str(), 0700) < 0) {
    if (errno != EEXIST) return sys_error("make directory '{}'", printable(path_of(name)));
    struct stat st{};
    if (::fstatat(fd(), name.c_str(), &st, AT_SYMLINK_NOFOLLOW) < 0)
      return sys_error("stat '{}'", printable(path_of(name)));
    if (!S_ISDIR(st.st_mode)) {
      TRY(clear(name));
      if (::mkdirat(fd(), name.c_str(), 0700) < 0)
        return sys_error("make directory '{}'", printable(path_of(name)));
      replaces_whiteout = is_whiteout(st);
    }
  }
  Directory& directory = directories_[path_of(name)];
  directory.attributes = std::move(attributes);
  // What stood there below stays hidden.
  directory.is_opaque = directory.is_opaque || replaces_whiteout;
  return {};
}

void LayerTree::describe_root(FileAttributes attributes) {
  directories_[""].attributes = std::move(attributes);
  result_.has_root = true;
}

Result<void> LayerTree::clear(const std::string& name) {
  if (::unlinkat(fd(), name.c_str(), 0) == 0) return {};
  if (errno != EISDIR) return sys_error("replace '{}'", printable(path_of(name)));
  TRY(remove_tree_at(fd(), name));
  const std::string path = path_of(name);
  directories_.erase(path);
  // All that begins with the path and a slash; "0" is the next character.
  directories_.erase(directories_.lower_bound(path + "/"), directories_.lower_bound(path + "0"));
  return {};
}

Result<void> LayerTree::hide(const std::string& name) {
  if (levels_.back().hides_below) return {};
  const std::string path = path_of(name);
  if (::mknodat(fd(), name.c_str(), S_IFCHR, ::makedev(0, 0)) == 0) {
    whiteouts_.push_back(path);
    return {};
  }
  if (errno != EEXIST) return sys_error("make whiteout '{}'", printable(path));
  // What this layer has in its place stays, and hides a file by itself.
  if (const auto directory = directories_.find(path); directory != directories_.end())
    directory->second.is_opaque = true;
  return {};
}

void LayerTree::hide_all() {
  levels_.back().hides_below = true;
  if (depth() > 0)
    directories_[path_].is_opaque = true;
  else
    is_root_opaque_ = true;
}

Result<const kernel::RootDir*> LayerTree::below() {
  if (parents_ != nullptr && !has_asked_parents_) {
    has_asked_parents_ = true;
    const int directory = TRY(parents_->directory());
    if (directory >= 0) {
      UniqueFd root(::openat(directory, ".", O_PATH | O_DIRECTORY | O_CLOEXEC));
      if (!root) return sys_error("open the layers below");
      below_.emplace(std::move(root));
      result_.has_used_parents = true;
    }
  }
  return below_ ? &*below_ : nullptr;
}

// What the layers below have as `name` in the current directory, as an O_PATH descriptor.
Result<std::optional<UniqueFd>> LayerTree::find_below(const std::string& name) {
  if (levels_.back().hides_below) return std::nullopt;
  const kernel::RootDir* root = TRY(below());
  if (root == nullptr) return std::nullopt;
  // This layer has directories all the way; a link that stands in place of one below is hidden by it.
  Result<UniqueFd> found = root->open_without_links(path_of(name), O_PATH | O_NOFOLLOW);
  if (found) return std::move(*found);
  const int why = found.error().errno_value();
  if (why == ENOENT || why == ENOTDIR || why == ELOOP) return std::nullopt;
  return std::move(found).error().during("look into the layers below");
}

Result<bool> LayerTree::copy_up(const std::string& name) {
  const std::optional<UniqueFd> found = TRY(find_below(name));
  if (!found) return false;
  const std::string path = path_of(name);
  struct stat st{};
  if (::fstat(found->get(), &st) < 0) return sys_error("stat '{}' in the layers below", printable(path));
  const FileAttributes attributes =
      TRY_DURING(read_attributes(found->get()), "read attributes of '{}'", printable(path));
  if (S_ISLNK(st.st_mode)) {
    const std::string target = TRY(read_link(found->get(), ""));
    if (::symlinkat(target.c_str(), fd(), name.c_str()) < 0)
      return sys_error("make link '{}'", printable(path));
    TRY(writer_.set_on_node(fd(), name, true, attributes, path));
    return true;
  }
  if (!S_ISREG(st.st_mode))
    return error(Code::Unsupported, "'{}' in the layers below is neither a file nor a link", printable(path));
  TRY_DURING(copy_file(found->get(), name, attributes), "copy '{}' from the layers below", printable(path));
  result_.size += static_cast<std::uint64_t>(st.st_size);
  return true;
}

Result<void> LayerTree::copy_file(int from, const std::string& name, const FileAttributes& attributes) {
  UniqueFd source = TRY(open_at(AT_FDCWD, fmt::format("/proc/self/fd/{}", from), O_RDONLY));
  UniqueFd copied(::openat(fd(), name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
                           attributes.mode & 0777));
  if (!copied) return sys_error("make '{}'", printable(name));
  FdSource bytes(source.get(), name);
  FdSink sink(copied.get(), name);
  TRY(copy(bytes, sink));
  return writer_.set_on_file(copied.get(), attributes, name);
}

Result<void> LayerTree::finish() {
  TRY(remove_needless_whiteouts());
  if (is_root_opaque_) TRY(hide_root());
  for (auto it = directories_.rbegin(); it != directories_.rend(); ++it)
    TRY(finish_directory(it->first, it->second));
  return {};
}

// In a directory that hides all below, a whiteout hides nothing, and would be listed: overlayfs looks for
// whiteouts only where directories are merged.
Result<void> LayerTree::remove_needless_whiteouts() {
  const auto is_hidden = [this](std::string_view directory) {
    for (; !directory.empty(); directory = parent_of(directory)) {
      const auto known = directories_.find(std::string(directory));
      if (known != directories_.end() && known->second.is_opaque) return true;
    }
    return is_root_opaque_;
  };
  for (const std::string& path : whiteouts_) {
    const std::string_view parent = parent_of(path);
    const bool is_there = parent.empty() || directories_.contains(std::string(parent));
    if (!is_there || !is_hidden(parent)) continue;
    TRY(enter(parent));
    const std::string name(path.substr(parent.empty() ? 0 : parent.size() + 1));
    struct stat st{};
    if (::fstatat(fd(), name.c_str(), &st, AT_SYMLINK_NOFOLLOW) < 0 || !is_whiteout(st)) continue;
    if (::unlinkat(fd(), name.c_str(), 0) < 0) return sys_error("remove whiteout '{}'", printable(path));
  }
  return {};
}

// overlayfs does not look at its layers' topmost directories, so all that is below is hidden by name.
Result<void> LayerTree::hide_root() {
  const kernel::RootDir* root = TRY(below());
  if (root == nullptr) return {};
  TRY(enter(""));
  levels_.back().hides_below = false;
  for (const std::string& name : TRY(names_in(root->fd(), "."))) TRY(hide(name));
  return {};
}

Result<void> LayerTree::finish_directory(const std::string& path, const Directory& directory) {
  const std::string_view parent = parent_of(path);
  TRY(enter(parent));
  const std::string name = path.empty() ? "." : path.substr(parent.empty() ? 0 : parent.size() + 1);
  UniqueFd opened(::openat(fd(), name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!opened) return sys_error("open directory '{}'", printable(path));
  if (directory.is_opaque) {
    const char* mark = options_.marks == OverlayMarks::Trusted ? kTrustedOpaque : kUserOpaque;
    if (::fsetxattr(opened.get(), mark, "y", 1, 0) < 0)
      return sys_error("mark directory '{}' with '{}'", printable(path), mark);
  }
  return writer_.set_on_directory(opened.get(), directory.attributes, path.empty() ? "/" : path);
}

}  // namespace gantry::image
