// SPDX-License-Identifier: Apache-2.0
#include "engine/changes.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <map>
#include <span>
#include <string_view>

#include "base/unique_fd.h"
#include "image/file_attributes.h"
#include "kernel/rooted_path.h"

namespace gantry::engine {
namespace {

using image::Change;
using image::ChangeKind;

std::string parent_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  return slash == 0 ? "/" : path.substr(0, slash);
}

Result<UniqueFd> open_in(int layer, const std::string& path) {
  UniqueFd directory(::openat(layer, ".", O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!directory) return sys_error("open a layer");
  return kernel::RootDir(std::move(directory)).open_without_links(path, O_PATH | O_NOFOLLOW);
}

// Whether nothing but the time of the directory was changed.
bool is_only_touched(const image::Snapshots::Parts& parts, const std::string& path) {
  const Result<UniqueFd> now = open_in(parts.upper.get(), path);
  if (!now) return false;
  for (const UniqueFd& lower : parts.lowers) {
    const Result<UniqueFd> before = open_in(lower.get(), path);
    if (!before) continue;
    const auto a = image::read_attributes(now->get()), b = image::read_attributes(before->get());
    return a && b && a->mode == b->mode && a->uid == b->uid && a->gid == b->gid && a->xattrs == b->xattrs;
  }
  return false;
}

bool is_empty_file(const image::Snapshots::Parts& parts, const std::string& path) {
  const Result<UniqueFd> file = open_in(parts.upper.get(), path);
  struct stat st{};
  return file && ::fstat(file->get(), &st) == 0 && S_ISREG(st.st_mode) && st.st_size == 0;
}

bool is_directory(const image::Snapshots::Parts& parts, const std::string& path) {
  const Result<UniqueFd> file = open_in(parts.upper.get(), path);
  struct stat st{};
  return file && ::fstat(file->get(), &st) == 0 && S_ISDIR(st.st_mode);
}

// What is known of the children of a directory when it is its turn.
struct Children {
  bool has_placeholders = false;  // that are not listed
  bool has_new_names = false;     // that are, added or deleted
  bool has_any = false;
};

}  // namespace

std::set<std::string> placeholders() {
  return {"/.dockerenv",   "/dev",       "/dev/console", "/dev/mqueue",      "/dev/pts", "/dev/shm", "/etc",
          "/etc/hostname", "/etc/hosts", "/etc/mtab",    "/etc/resolv.conf", "/proc",    "/sys"};
}

Result<std::vector<Change>> container_changes(const image::Snapshots::Parts& parts,
                                              const std::set<std::string>& placeholders) {
  std::vector<int> lowers;
  for (const UniqueFd& lower : parts.lowers) lowers.push_back(lower.get());
  std::vector<Change> all = TRY(image::changes(parts.upper.get(), lowers));
  std::ranges::sort(all, {}, &Change::path);
  std::map<std::string, Children> children;  // by the directory's path
  std::vector<Change> listed;
  // From the end: what is in a directory comes behind it.
  for (auto change = all.rbegin(); change != all.rend(); ++change) {
    const std::string& path = change->path;
    const Children own = children[path];
    Children& siblings = children[parent_of(path)];
    const bool is_placeholder = change->kind == ChangeKind::Added && placeholders.contains(path) &&
                                !own.has_any && (is_empty_file(parts, path) || is_directory(parts, path));
    const bool is_for_placeholders = change->kind == ChangeKind::Modified && own.has_placeholders &&
                                     !own.has_new_names && is_only_touched(parts, path);
    if (is_placeholder) siblings.has_placeholders = true;
    if (is_placeholder || is_for_placeholders) continue;
    siblings.has_any = true;
    if (change->kind != ChangeKind::Modified) siblings.has_new_names = true;
    listed.push_back(std::move(*change));
  }
  std::ranges::reverse(listed);
  return listed;
}

}  // namespace gantry::engine
