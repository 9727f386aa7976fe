// SPDX-License-Identifier: Apache-2.0
//
// Modes as Go's os.FileMode has them, which is what files are described by on the wire.
#pragma once

#include <sys/stat.h>

#include <cstdint>

namespace gantry::buildkit {

inline constexpr std::uint32_t kGoDirectory = 1u << 31;
inline constexpr std::uint32_t kGoSymlink = 1u << 27;
inline constexpr std::uint32_t kGoDevice = 1u << 26;
inline constexpr std::uint32_t kGoPipe = 1u << 25;
inline constexpr std::uint32_t kGoSocket = 1u << 24;
inline constexpr std::uint32_t kGoSetuid = 1u << 23;
inline constexpr std::uint32_t kGoSetgid = 1u << 22;
inline constexpr std::uint32_t kGoCharacterDevice = 1u << 21;
inline constexpr std::uint32_t kGoSticky = 1u << 20;

// As stat(2) has it.
constexpr mode_t from_go_mode(std::uint32_t mode) {
  mode_t result = mode & 0777;
  if ((mode & kGoSetuid) != 0) result |= S_ISUID;
  if ((mode & kGoSetgid) != 0) result |= S_ISGID;
  if ((mode & kGoSticky) != 0) result |= S_ISVTX;
  if ((mode & kGoDirectory) != 0) return result | S_IFDIR;
  if ((mode & kGoSymlink) != 0) return result | S_IFLNK;
  if ((mode & kGoDevice) != 0) return result | ((mode & kGoCharacterDevice) != 0 ? S_IFCHR : S_IFBLK);
  if ((mode & kGoPipe) != 0) return result | S_IFIFO;
  if ((mode & kGoSocket) != 0) return result | S_IFSOCK;
  return result | S_IFREG;
}

constexpr std::uint32_t to_go_mode(mode_t mode) {
  std::uint32_t result = mode & 0777;
  if ((mode & S_ISUID) != 0) result |= kGoSetuid;
  if ((mode & S_ISGID) != 0) result |= kGoSetgid;
  if ((mode & S_ISVTX) != 0) result |= kGoSticky;
  switch (mode & S_IFMT) {
    case S_IFDIR: return result | kGoDirectory;
    case S_IFLNK: return result | kGoSymlink;
    case S_IFCHR: return result | kGoDevice | kGoCharacterDevice;
    case S_IFBLK: return result | kGoDevice;
    case S_IFIFO: return result | kGoPipe;
    case S_IFSOCK: return result | kGoSocket;
    default: return result;
  }
}

}  // namespace gantry::buildkit
