// SPDX-License-Identifier: Apache-2.0
#include "engine/log_compress.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

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

Result<Inode> inode_of(const UniqueFd& file) {
  struct stat st{};
  if (::fstat(file.get(), &st) < 0) return sys_error("look at a log");
  return Inode{st.st_dev, st.st_ino};
}

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

// The rotated name that `wanted` has now; empty: none, it was removed.
Result<std::string> name_of(const std::string& log, const Inode& wanted) {
  const unsigned last = TRY(last_rotated_index(log));
  for (unsigned index = 1; index <= last; ++index) {
    std::string name = rotated_log_name(log, index);
    if (const Result<Inode> inode = inode_of(name); inode && *inode == wanted) return name;
  }
  return std::string();
}

// Names stay as they are while this is held: the writer rotates only with a lock on its current file. None if
// it is rotating just now. It never waits for us, nor we for it.
Result<UniqueFd> hold_names(const std::string& log) {
  UniqueFd current(::open(log.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  if (!current && errno == ENOENT) return UniqueFd();
  if (!current) return sys_error("open '{}'", log);
  if (::flock(current.get(), LOCK_EX | LOCK_NB) < 0) {
    if (errno == EWOULDBLOCK) return UniqueFd();
    return sys_error("lock '{}'", log);
  }
  const Inode locked = TRY(inode_of(current));
  const Result<Inode> named = inode_of(log);
  if (!named || *named != locked) return UniqueFd();  // rotated before we had the lock
  return current;
}

// Puts `compressed` in the place of the file `plain`, wherever that is now; where it cannot be done now, or
// that file has gone, the copy goes.
Result<void> take_place(const std::string& log, const std::string& compressed, const Inode& plain) {
  const UniqueFd held = TRY(hold_names(log));
  const std::string name = held ? TRY(name_of(log, plain)) : std::string();
  if (name.empty()) return remove_tree_at(AT_FDCWD, compressed);
  if (::rename(compressed.c_str(), name.c_str()) < 0) return sys_error("rename '{}'", compressed);
  return {};
}

Result<void> compress_file(const std::string& log, const std::string& path) {
  const UniqueFd from(::open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  if (!from && errno == ENOENT) return {};
  if (!from) return sys_error("open '{}'", path);
  if (!TRY(is_plain_file(from.get()))) return {};
  const Inode plain = TRY(inode_of(from));
  const std::string compressed = log + kCompressing;
  Result<void> written = write_compressed(from.get(), compressed);
  if (!written) {
    (void)::unlink(compressed.c_str());  // the first failure counts
    return written;
  }
  return take_place(log, compressed, plain);
}

}  // namespace

Result<void> compress_rotated(const std::string& path) {
  TRY_DURING(remove_tree_at(AT_FDCWD, path + kCompressing), "log '{}'", path);  // what a killed one left
  const unsigned last = TRY(last_rotated_index(path));
  // The oldest first: what is rotated meanwhile is met again.
  for (unsigned index = last; index > 0; --index)
    TRY_DURING(compress_file(path, rotated_log_name(path, index)), "compress '{}'",
               rotated_log_name(path, index));
  return {};
}

}  // namespace gantry::engine
