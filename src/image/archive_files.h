// SPDX-License-Identifier: Apache-2.0
//
// The files of an image archive, by their names in it. Their contents are in the store, as blobs that a lease
// holds: nothing of a foreign archive ever becomes a path, and a layer has arrived where it belongs once it
// was read.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "base/byte_stream.h"
#include "base/error.h"
#include "base/unique_fd.h"
#include "image/image_store.h"

namespace gantry::image {

class ArchiveFiles {
 public:
  struct File {
    Digest digest;  // sha256, or what its name "blobs/<algorithm>/..." says
    std::uint64_t size = 0;
  };

  virtual ~ArchiveFiles() = default;
  // NotFound if there is none of that name. InvalidArgument if its name is that of a blob and its content is
  // not.
  virtual Result<File> find(std::string_view name) = 0;
};

struct ArchiveLimits {
  std::uint64_t max_bytes = std::uint64_t{1} << 42;  // of the archive, uncompressed
  std::size_t max_files = 100'000;                   // with links; names may have 4096 bytes
};

// Everything in a tar, compressed or not, read to its end. Links (docker-archive has some for layers that are
// equal) are followed by name among its members. `store` and `lease` outlive the answer.
Result<std::unique_ptr<ArchiveFiles>> read_archive(const ImageStore& store, Lease& lease, ByteSource& tar,
                                                   const ArchiveLimits& limits);

// Those of a directory, read when they are asked for. No link is followed.
std::unique_ptr<ArchiveFiles> open_archive_directory(const ImageStore& store, Lease& lease,
                                                     UniqueFd directory);

}  // namespace gantry::image
