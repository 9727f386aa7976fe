// SPDX-License-Identifier: Apache-2.0
//
// What a tar archive says of one file: what TarReader answers and TarWriter takes. Names are bytes, in no
// encoding, never empty and without NUL; nothing about them has been checked or cleaned beyond that: "..",
// a leading "/" and a trailing one are as in the archive.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <ctime>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace gantry::oci {

enum class TarType : std::uint8_t {
  File,
  HardLink,
  SymbolicLink,
  CharacterDevice,
  BlockDevice,
  Directory,
  Fifo,
  Socket,  // in the archive an empty file with SCHILY.filetype=socket, as star writes it
};
// "directory", "hard link", ... for sentences.
const char* name_of(TarType type);

// A piece of a sparse file that was stored; between them are holes.
struct TarSegment {
  std::uint64_t offset = 0;
  std::uint64_t length = 0;
  friend bool operator==(const TarSegment&, const TarSegment&) = default;
};

struct TarEntry {
  TarType type = TarType::File;
  std::string path;
  std::string link_target;  // of links: of a hard link a path in the archive, of a symbolic one any text
  mode_t mode = 0;          // permissions, set-id and sticky bits: 07777
  std::uint64_t uid = 0;
  std::uint64_t gid = 0;
  std::uint64_t size = 0;  // bytes of the contents, holes included; 0 for all but files
  timespec mtime{};        // tv_nsec is 0..999'999'999 also before 1970
  std::uint32_t device_major = 0;
  std::uint32_t device_minor = 0;
  std::vector<std::pair<std::string, std::string>> xattrs;  // name ("user.x"), value of any bytes
  // Of a sparse file: in order, without overlaps, none empty, all within `size`.
  std::optional<std::vector<TarSegment>> segments;
};

}  // namespace gantry::oci
