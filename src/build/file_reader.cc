// SPDX-License-Identifier: Apache-2.0
#include "build/file_reader.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "base/byte_stream.h"
#include "base/printable.h"

namespace gantry::build {

FileState state_of(const struct stat& st) {
  return {.device = st.st_dev,
          .inode = st.st_ino,
          .size = static_cast<std::uint64_t>(st.st_size),
          .mtime = st.st_mtim,
          .ctime = st.st_ctim};
}

Result<FileReader> FileReader::open(const FileEntry& entry) {
  // Not to be kept waiting by a fifo that took the file's place.
  UniqueFd fd = TRY(entry.root->open_without_links(entry.path, O_RDONLY | O_NONBLOCK));
  FileReader reader(entry, std::move(fd));
  TRY(reader.check_unchanged());
  return reader;
}

Result<std::span<const std::byte>> FileReader::next() {
  if (buffer_.empty()) buffer_.resize(std::clamp<std::size_t>(entry_->size, 1, kStreamBuffer));
  while (true) {
    const ssize_t n = ::read(fd_.get(), buffer_.data(), buffer_.size());
    if (n >= 0) return std::span<const std::byte>(buffer_).first(static_cast<std::size_t>(n));
    if (errno != EINTR) return sys_error("read '{}'", printable(entry_->path));
  }
}

Result<void> FileReader::check_unchanged() const {
  struct stat st{};
  if (::fstat(fd_.get(), &st) < 0) return sys_error("stat '{}'", printable(entry_->path));
  if (S_ISREG(st.st_mode) && state_of(st) == entry_->state) return {};
  return error(Code::Conflict, "'{}' was changed while it was read; build again once nobody writes to it",
               printable(entry_->path));
}

}  // namespace gantry::build
