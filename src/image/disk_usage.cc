// SPDX-License-Identifier: Apache-2.0
#include "image/disk_usage.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

#include <memory>
#include <set>
#include <utility>

#include "base/file.h"

namespace gantry::image {
namespace {

class Walk {
 public:
  Result<void> directory(int dir, const std::string& path) {
    UniqueFd fd = TRY(open_at(dir, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
    struct stat st{};
    if (::fstat(fd.get(), &st) < 0) return sys_error("look at '{}'", path);
    add(st);
    const std::unique_ptr<DIR, int (*)(DIR*)> stream(::fdopendir(fd.get()), ::closedir);
    if (!stream) return sys_error("list '{}'", path);
    const int inside = fd.release();  // the stream's
    for (;;) {
      errno = 0;
      const dirent* entry = ::readdir(stream.get());
      if (entry == nullptr) break;
      const std::string name = entry->d_name;
      if (name == "." || name == "..") continue;
      if (::fstatat(inside, name.c_str(), &st, AT_SYMLINK_NOFOLLOW) < 0) {
        if (errno == ENOENT) continue;
        return sys_error("look at '{}/{}'", path, name);
      }
      if (!S_ISDIR(st.st_mode)) {
        if (st.st_nlink == 1 || linked_.emplace(st.st_dev, st.st_ino).second) add(st);
        continue;
      }
      auto below = directory(inside, name);
      if (!below && below.error().code() != Code::NotFound) return below;
    }
    if (errno != 0) return sys_error("list '{}'", path);
    return {};
  }

  DiskUsage usage;

 private:
  void add(const struct stat& st) {
    usage.bytes += static_cast<std::uint64_t>(st.st_blocks) * 512;
    ++usage.inodes;
  }
  std::set<std::pair<dev_t, ino_t>> linked_;
};

}  // namespace

Result<DiskUsage> disk_usage(int dir, const std::string& path) {
  Walk walk;
  TRY(walk.directory(dir, path));
  return walk.usage;
}

}  // namespace gantry::image
