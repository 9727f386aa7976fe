// SPDX-License-Identifier: Apache-2.0
#include "oci/archive/tar_entry.h"

namespace gantry::oci {

const char* name_of(TarType type) {
  switch (type) {
    case TarType::File: return "file";
    case TarType::HardLink: return "hard link";
    case TarType::SymbolicLink: return "symbolic link";
    case TarType::CharacterDevice: return "character device";
    case TarType::BlockDevice: return "block device";
    case TarType::Directory: return "directory";
    case TarType::Fifo: return "fifo";
    case TarType::Socket: return "socket";
  }
  return "file";
}

}  // namespace gantry::oci
