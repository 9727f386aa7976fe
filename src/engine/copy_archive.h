// SPDX-License-Identifier: Apache-2.0
//
// Files in and out of a container as tar, with the rules of Docker's archive calls.
//
//   PathStat stat = TRY(stat_path(root, "/etc/motd"));
//   TRY(copy_out(root, "/etc/motd", sink));             // the tar holds "motd"
//   TRY(copy_in(root, "/srv", tar, {}));                // "/srv" is a directory
//
// `root` is the container's root directory by descriptor (O_PATH will do): /proc/<pid>/root of one that runs,
// StoppedRoot of one that does not. Every name is resolved by the kernel with that directory as "/" and the
// file that was opened is looked at again, so a container that swaps names for links while we work can only
// change what it gets or gives of its own. No file is opened that could block (fifos, devices), none on a
// file system that is an interface of the kernel (proc, sysfs, cgroup ...) is read or written.
//
// Errors: NotFound "Could not find the file x in container", InvalidArgument "not a directory",
// PermissionDenied where the place is read-only.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "base/byte_stream.h"
#include "base/error.h"
#include "base/json_codec.h"
#include "kernel/id_map.h"

namespace gantry::engine {

// The header X-Docker-Container-Path-Stat, as JSON (in base64 there).
struct PathStat {
  std::string name;         // the last component of what was asked for
  std::int64_t size = 0;    // bytes
  std::uint32_t mode = 0;   // Go's os.FileMode: permissions, and a bit for each kind
  std::string mtime;        // RFC 3339
  std::string link_target;  // of a symbolic link: where it leads inside the container, absolute
};
void fields(json::Fields& f, PathStat& stat);

// Of what the path names, without following a link that is its last component (unless "/" or "/." follows).
Result<PathStat> stat_path(int root, const std::string& path);

struct CopyOutOptions {
  kernel::IdMaps id_maps;  // of the container's user namespace; empty: none
};
// A file alone, or a directory with all in it, named by the last component of `path`. What goes away
// meanwhile is left out; a file that shrinks is filled up with zeros.
Result<void> copy_out(int root, const std::string& path, ByteSink& tar, const CopyOutOptions& options = {});

struct CopyInOptions {
  // Refuse to put a directory in the place of something else, and the other way round.
  bool no_overwrite_dir_non_dir = false;
  // Who owns what is written; absent: as the archive says.
  std::optional<std::pair<uid_t, gid_t>> owner;
  kernel::IdMaps id_maps;  // as above
};
// Reads the archive (compressed or not) to its end. What was written before a failure stays.
Result<void> copy_in(int root, const std::string& path, ByteSource& tar, const CopyInOptions& options);

}  // namespace gantry::engine
