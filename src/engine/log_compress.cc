// SPDX-License-Identifier: Apache-2.0
#include "engine/log_compress.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <optional>
#include <utility>

#include "base/byte_stream.h"
#include "base/file.h"
#include "engine/log_file.h"
#include "oci/archive/compression.h"

namespace gantry::engine {
namespace {

constexpr const char* kCompressing = ".compressing";

struct Inode {
  dev_t device = 0;
  ino_t number = 0;
  friend bool operator==(const Inode&, const Inode&) = default;
};

Result<Inode> inode_of(const std::string& path) {
  struct stat st{};
  if (::lstat(path.c_str(), &st) < 0) return sys_error("look at '{}'", path);
  return Inode{st.st_dev, st.st_ino};
}

Result<bool> is_plain_file(int fd) {
  struct stat st{};
  if (::fstat(fd, &st) < 0) return sys_error("look at it");
  std::byte head[4];
  const ssize_t size = ::pread(fd, head, sizeof head, 0);
  if (size < 0) return sys_error("read it");
  return S_ISREG(st.st_mode) && st.st_size > 0 &&
         oci::detect_compression(std::span(head, static_cast<std::size_t>(size))) == oci::Compression::None;
}

// With owner, mode and times of what it is made of, and on disk.
Result<void> write_compressed(int from, const std::string& path) {
  struct stat st{};
  if (::fstat(from, &st) < 0) return sys_error("look at it");
  const UniqueFd to =
      TRY(open_at(AT_FDCWD, path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, st.st_mode & 0777));
  FdSource source(from, path);
  FdSink sink(to.get(), path);
  const auto compressor = TRY(oci::compress(sink, {.compression = oci::Compression::Zstd, .threads = 1}));
  TRY(copy(source, *compressor));
  TRY(compressor->finish());
  const timespec times[2] = {st.st_atim, st.st_mtim};
  if (::fchown(to.get(), st.st_uid, st.st_gid) < 0 || ::fchmod(to.get(), st.st_mode & 0777) < 0 ||
      ::futimens(to.get(), times) < 0 || ::fdatasync(to.get()) < 0)
    return sys_error("finish '{}'", path);
  return {};
}

Result<void> exchange(const std::string& a, const std::string& b) {
  if (::renameat2(AT_FDCWD, a.c_str(), AT_FDCWD, b.c_str(), RENAME_EXCHANGE) < 0)
    return sys_error("exchange '{}' and '{}'", a, b);
  return {};
}

// The rotated name that `wanted` has now; empty: none, it was removed.
Result<std::string> name_of(const std::string& log, const Inode& wanted) {
  const unsigned last = TRY(last_rotated_index(log)) + 1;
  // Upwards, as files move.
  for (unsigned index = 1; index <= last; ++index) {
    std::string name = rotated_log_name(log, index);
    if (const Result<Inode> inode = inode_of(name); inode && *inode == wanted) return name;
  }
  return std::string();
}

// Puts `compressed` in the place of the file `plain`, wherever that is now. Names may move at any time, so
// they are exchanged and it is looked what came out: if it is another file, it goes back in the same way.
// Nothing is ever removed but what was found to be `plain`.
Result<void> take_place(const std::string& log, const std::string& compressed, const Inode& plain) {
  const Inode own = TRY(inode_of(compressed));
  for (Inode wanted = plain;;) {
    const std::string name = TRY(name_of(log, wanted));
    if (name.empty()) break;
    if (Result<void> done = exchange(compressed, name); !done) {
      if (done.error().code() == Code::NotFound) continue;
      return done;
    }
    const Inode out = TRY(inode_of(compressed));
    if (out == plain) break;
    wanted = out == own ? plain : own;
  }
  const Inode left = TRY(inode_of(compressed));
  if (left == plain || left == own) return remove_tree_at(AT_FDCWD, compressed);
  return error(Code::Internal, "'{}' is left under another name", compressed);
}

// What a killed process left. A plain file there may be one whose name it had taken a moment before.
Result<void> settle_left_over(const std::string& log, const std::string& compressed) {
  const Result<std::optional<LogFile>> left = LogFile::open(compressed);
  if (left && !*left) return {};
  if (left && !(*left)->is_compressed()) {
    bool is_known = false;
    for (const LogFile& file : TRY(open_log_files(log))) is_known = is_known || file.is_same(**left);
    if (!is_known) {
      const std::string name = rotated_log_name(log, TRY(last_rotated_index(log)) + 1);
      if (::rename(compressed.c_str(), name.c_str()) < 0) return sys_error("rename '{}'", compressed);
      return {};
    }
  }
  return remove_tree_at(AT_FDCWD, compressed);
}

Result<void> compress_file(const std::string& log, const std::string& path) {
  const UniqueFd from(::open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  if (!from && errno == ENOENT) return {};
  if (!from) return sys_error("open '{}'", path);
  if (!TRY(is_plain_file(from.get()))) return {};
  struct stat st{};
  if (::fstat(from.get(), &st) < 0) return sys_error("look at '{}'", path);
  const std::string compressed = log + kCompressing;
  Result<void> written = write_compressed(from.get(), compressed);
  if (!written) {
    (void)::unlink(compressed.c_str());  // the first failure counts
    return written;
  }
  return take_place(log, compressed, {st.st_dev, st.st_ino});
}

}  // namespace

Result<void> compress_rotated(const std::string& path) {
  TRY_DURING(settle_left_over(path, path + kCompressing), "log '{}'", path);
  const unsigned last = TRY(last_rotated_index(path));
  // The oldest first: what is rotated meanwhile is met again.
  for (unsigned index = last; index > 0; --index)
    TRY_DURING(compress_file(path, rotated_log_name(path, index)), "compress '{}'",
               rotated_log_name(path, index));
  return {};
}

}  // namespace gantry::engine
