// SPDX-License-Identifier: Apache-2.0
#include "build/source_tree.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <climits>
#include <map>
#include <utility>

#include <fmt/format.h>

#include "base/file.h"
#include "base/printable.h"
#include "image/unpack.h"

namespace gantry::build {
namespace {

std::string joined(const std::string& directory, const std::string& name) {
  return directory.empty() ? name : directory + "/" + name;
}

Result<std::vector<std::string>> sorted_names(int directory) {
  std::vector<std::string> names = TRY(names_in(directory, "."));
  std::ranges::sort(names);
  return names;
}

Result<std::string> read_link(int fd) {
  char target[PATH_MAX];
  const ssize_t size = ::readlinkat(fd, "", target, sizeof target);
  if (size < 0) return sys_error("read link");
  return std::string(target, static_cast<std::size_t>(size));
}

Error too_deep() {
  return error(Code::Unsupported, "more than {} directories inside each other", image::kMaxDepth);
}

}  // namespace

std::string clean_relative(std::string_view path) { return kernel::clean_path(path).substr(1); }

// ---- finding

Result<std::vector<std::string>> SourceTree::find(const std::string& source) const {
  const std::string path = clean_relative(source);
  std::vector<std::string> found;
  if (!dockerfile::is_pattern(path)) {
    found.push_back(path);
    return found;
  }
  TRY(dockerfile::check_pattern(path));
  const UniqueFd directory = TRY(root_->open_path("/", O_RDONLY | O_DIRECTORY));
  TRY(match(path, directory.get(), "", 0, found));
  return found;
}

// Looks only into directories that the pattern can lead to: as deep as it has slashes, or everywhere with
// "**".
Result<void> SourceTree::match(const std::string& pattern, int directory, const std::string& path,
                               std::size_t depth, std::vector<std::string>& found) const {
  if (depth > image::kMaxDepth) return too_deep();
  const bool is_deep = pattern.find("**") != pattern.npos;
  const bool is_last = !is_deep && depth >= static_cast<std::size_t>(std::ranges::count(pattern, '/'));
  // The pattern's part for this depth, so that "a/*/c" does not look into "b".
  std::size_t end = 0;
  for (std::size_t i = 0; i <= depth && end != pattern.npos; ++i)
    end = pattern.find('/', i == 0 ? 0 : end + 1);
  const std::string prefix = pattern.substr(0, end);
  for (const std::string& name : TRY(sorted_names(directory))) {
    const std::string child = joined(path, name);
    const bool is_match = dockerfile::matches(pattern, child);
    if (is_match && !is_ignored(child)) found.push_back(child);
    if (is_last || (is_match && !is_deep) || may_skip(child)) continue;
    if (!is_deep && !dockerfile::matches(prefix, child)) continue;
    const UniqueFd fd(::openat(directory, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (fd) TRY(match(pattern, fd.get(), child, depth + 1, found));
  }
  return {};
}

Result<SourceTree::Found> SourceTree::resolve(const std::string& path) const {
  const auto not_found = [&] {
    const char* why = is_ignored(path) ? " (.dockerignore leaves it out)" : "";
    return error(Code::NotFound, "'{}' is not there{}", printable(path.empty() ? "/" : path), why);
  };
  if (!path.empty() && is_ignored(path) && !ignored_->may_except_below(path)) return not_found();
  auto fd = root_->open_path("/" + path, O_PATH);
  if (!fd && (fd.error().errno_value() == ENOENT || fd.error().errno_value() == ENOTDIR)) return not_found();
  if (!fd) return std::move(fd).error();
  struct stat st{};
  if (::fstat(fd->get(), &st) < 0) return sys_error("stat '{}'", printable(path));
  // Behind all links: what is there is then opened without any.
  std::string inside = clean_relative(TRY(root_->path_inside(fd->get())));
  if (!inside.empty() && is_ignored(inside) && !ignored_->may_except_below(inside)) return not_found();
  return Found{std::move(inside), S_ISDIR(st.st_mode)};
}

// ---- collecting

struct SourceTree::Walk {
  const dockerfile::IgnoreList& excluded;
  std::vector<FileEntry>& entries;
  std::map<std::pair<dev_t, ino_t>, std::string> links = {};  // where a file of several names was met
};

Result<FileEntry> SourceTree::entry(int fd, const struct stat& st, const std::string& path,
                                    const std::string& target) const {
  FileEntry entry{.root = root_,
                  .path = path,
                  .text = {},
                  .target = target,
                  .type = st.st_mode & S_IFMT,
                  .attributes = {},
                  .size = 0,
                  .device_number = st.st_rdev,
                  .link_target = {},
                  .same_as = {},
                  .state = state_of(st)};
  entry.attributes = TRY(image::read_attributes(fd));
  if (owners_ == Owners::Root) entry.attributes.uid = entry.attributes.gid = 0;
  if (S_ISREG(st.st_mode)) entry.size = static_cast<std::uint64_t>(st.st_size);
  if (S_ISLNK(st.st_mode)) entry.link_target = TRY(read_link(fd));
  return entry;
}

Result<FileEntry> SourceTree::directory_entry(const std::string& path, const std::string& target) const {
  const UniqueFd fd = TRY(root_->open_path("/" + path, O_PATH | O_DIRECTORY));
  struct stat st{};
  if (::fstat(fd.get(), &st) < 0) return sys_error("stat '{}'", printable(path));
  return entry(fd.get(), st, path, target);
}

Result<void> SourceTree::collect(const Found& found, const std::string& target,
                                 const dockerfile::IgnoreList& excluded,
                                 std::vector<FileEntry>& entries) const {
  Walk walk{excluded, entries};
  const int flags = found.is_directory ? O_RDONLY | O_DIRECTORY : O_PATH | O_NOFOLLOW;
  const UniqueFd fd = TRY(root_->open_without_links("/" + found.path, flags));
  if (found.is_directory) return this->walk(walk, fd.get(), found.path, target, 0);
  struct stat st{};
  if (::fstat(fd.get(), &st) < 0) return sys_error("stat '{}'", printable(found.path));
  if (!excluded.is_ignored(target)) entries.push_back(TRY(entry(fd.get(), st, found.path, target)));
  return {};
}

Result<void> SourceTree::walk(Walk& walk, int directory, const std::string& path, const std::string& target,
                              std::size_t depth) const {
  if (depth > image::kMaxDepth) return too_deep();
  for (const std::string& name : TRY(sorted_names(directory))) {
    const std::string child = joined(path, name), child_target = joined(target, name);
    const bool is_left_out = is_ignored(child) || walk.excluded.is_ignored(child_target);
    UniqueFd fd(::openat(directory, name.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
    if (!fd) return sys_error("open '{}'", printable(child));
    struct stat st{};
    if (::fstat(fd.get(), &st) < 0) return sys_error("stat '{}'", printable(child));
    if (S_ISDIR(st.st_mode)) {
      if (may_skip(child) || may_skip(walk.excluded, child_target)) continue;
      // A directory that is left out comes in after all with what is taken from below it.
      const std::size_t place = walk.entries.size();
      walk.entries.push_back(TRY(entry(fd.get(), st, child, child_target)));
      UniqueFd listed(::openat(fd.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
      if (!listed) return sys_error("open directory '{}'", printable(child));
      TRY(this->walk(walk, listed.get(), child, child_target, depth + 1));
      if (is_left_out && walk.entries.size() == place + 1) walk.entries.pop_back();
      continue;
    }
    if (is_left_out || S_ISSOCK(st.st_mode)) continue;
    FileEntry found = TRY_DURING(entry(fd.get(), st, child, child_target), "look at '{}'", printable(child));
    if (st.st_nlink > 1) {
      const auto [first, is_new] = walk.links.try_emplace({st.st_dev, st.st_ino}, child_target);
      if (!is_new) found.same_as = first->second;
    }
    walk.entries.push_back(std::move(found));
  }
  return {};
}

}  // namespace gantry::build
