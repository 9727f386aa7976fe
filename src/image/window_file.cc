// SPDX-License-Identifier: Apache-2.0
#include "image/window_file.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include <utility>

#include "base/file.h"

namespace gantry::image {

Result<WindowFile> WindowFile::make(const std::string& directory, std::uint64_t bytes) {
  const UniqueFd file = TRY(open_at(AT_FDCWD, directory, O_RDWR | O_TMPFILE, 0600));
  // A page that finds no room on the disk when it is written ends the process (SIGBUS). So the room is taken
  // now; and btrfs, which would want it anew for each change, is asked to write in place (others have no such
  // flag).
  int flags = FS_NOCOW_FL;
  (void)::ioctl(file.get(), FS_IOC_SETFLAGS, &flags);
  errno = ::posix_fallocate(file.get(), 0, static_cast<off_t>(bytes));
  if (errno != 0) return sys_error("make room for a zstd window of {} bytes in '{}'", bytes, directory);
  void* memory = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, file.get(), 0);
  if (memory == MAP_FAILED) return sys_error("map a zstd window of {} bytes", bytes);
  return WindowFile({static_cast<std::byte*>(memory), bytes});
}

WindowFile::WindowFile(WindowFile&& other) noexcept : bytes_(std::exchange(other.bytes_, {})) {}

WindowFile& WindowFile::operator=(WindowFile&& other) noexcept {
  std::swap(bytes_, other.bytes_);
  return *this;
}

WindowFile::~WindowFile() {
  if (!bytes_.empty()) (void)::munmap(bytes_.data(), bytes_.size());
}

void WindowFile::let_go() { (void)::madvise(bytes_.data(), bytes_.size(), MADV_DONTNEED); }

}  // namespace gantry::image
