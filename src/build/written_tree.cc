// SPDX-License-Identifier: Apache-2.0
#include "build/written_tree.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <functional>
#include <set>
#include <string>
#include <utility>

#include "base/file.h"
#include "base/printable.h"
#include "base/unique_fd.h"
#include "image/unpack.h"

namespace gantry::build {
namespace {

using Visit = std::function<Result<void>(int directory, const std::string& name, const struct stat& st)>;

// A directory after all that is in it, and without the one that is walked.
Result<void> walk(int directory, std::size_t depth, const Visit& visit) {
  if (depth > image::kMaxDepth)
    return error(Code::Unsupported, "more than {} directories inside each other", image::kMaxDepth);
  for (const std::string& name : TRY(names_in(directory, "."))) {
    struct stat st{};
    if (::fstatat(directory, name.c_str(), &st, AT_SYMLINK_NOFOLLOW) < 0)
      return sys_error("stat '{}'", printable(name));
    if (S_ISDIR(st.st_mode)) {
      const UniqueFd child(
          ::openat(directory, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
      if (!child) return sys_error("open directory '{}'", printable(name));
      TRY(walk(child.get(), depth + 1, visit));
    }
    TRY(visit(directory, name, st));
  }
  return {};
}

}  // namespace

Result<void> limit_times(int directory, std::int64_t latest) {
  const auto limit = [latest](int in, const std::string& name, const struct stat& st) -> Result<void> {
    if (st.st_mtim.tv_sec < latest || (st.st_mtim.tv_sec == latest && st.st_mtim.tv_nsec == 0)) return {};
    const timespec times[2] = {{.tv_sec = latest, .tv_nsec = 0}, {.tv_sec = latest, .tv_nsec = 0}};
    if (::utimensat(in, name.c_str(), times, AT_SYMLINK_NOFOLLOW) < 0)
      return sys_error("set the time of '{}'", printable(name));
    return {};
  };
  TRY(walk(directory, 0, limit));
  struct stat st{};
  if (::fstat(directory, &st) < 0) return sys_error("stat a layer");
  return limit(directory, ".", st);
}

Result<std::uint64_t> tree_size(int directory) {
  std::uint64_t size = 0;
  std::set<std::pair<dev_t, ino_t>> counted;
  TRY(walk(directory, 0, [&](int, const std::string&, const struct stat& st) -> Result<void> {
    const bool is_new = st.st_nlink == 1 || counted.insert({st.st_dev, st.st_ino}).second;
    if (S_ISREG(st.st_mode) && is_new) size += static_cast<std::uint64_t>(st.st_size);
    return {};
  }));
  return size;
}

}  // namespace gantry::build
