// SPDX-License-Identifier: Apache-2.0
//
// The least that unpacking a layer can be: decompress it (ISA-L, libzstd) and write the files that are known
// beforehand to be in it, on one thread; nothing is hashed, checked or parsed. What bench_unpack and
// bench_pull_floor measure ours against. Any failure ends the program.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

#include "oci/archive/compression.h"

namespace gantry::bench {

// An entry of the archive, in its order, and where its contents are in it.
struct Planned {
  enum class Type : std::uint8_t { File, Directory, Symlink, HardLink };
  std::string path;
  Type type = Type::File;
  std::uint64_t offset = 0;  // bytes into the archive
  std::uint64_t size = 0;    // bytes
  mode_t mode = 0755;
  std::string target;  // of a link
};

// Reads `fd` (a file, a socket) to its end, and writes below the directory `root`.
void unpack_floor(const std::vector<Planned>& plan, oci::Compression compression, int fd, int root);

[[noreturn]] void fail(const std::string& why);

}  // namespace gantry::bench
