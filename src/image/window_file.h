// SPDX-License-Identifier: Apache-2.0
//
// Memory for a zstd window that is too large to be kept in memory: the pages of a file without a name,
// mapped. They are the kernel's to write out, where it needs the room, and not this process's own.
//
//   WindowFile file = TRY(WindowFile::make("/var/lib/gantry", 128 << 20));
//   decompress_into(file.bytes());
//   file.let_go();                       // from time to time
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "base/error.h"

namespace gantry::image {

class WindowFile {
 public:
  // On the disk of that directory, which has room for all of it from now on: ResourceExhausted if it has not.
  static Result<WindowFile> make(const std::string& directory, std::uint64_t bytes);
  WindowFile(WindowFile&& other) noexcept;
  WindowFile& operator=(WindowFile&& other) noexcept;
  ~WindowFile();

  std::span<std::byte> bytes() const { return bytes_; }
  // Pages that were touched do not count as this process's any more. They are as they were when they are
  // touched again.
  void let_go();

 private:
  explicit WindowFile(std::span<std::byte> bytes) : bytes_(bytes) {}
  std::span<std::byte> bytes_;
};

}  // namespace gantry::image
