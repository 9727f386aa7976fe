// SPDX-License-Identifier: Apache-2.0
//
// The bytes of one blob from a registry: in order, and exactly as many as its descriptor says. What was cut
// is taken up where it stopped; a large blob that comes slowly is fetched in ranges over several connections.
//
//   std::unique_ptr<ByteSource> source = download(registry, repository, layer, 0, options);
//
// Whether they are the right bytes is for the reader to hash.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "base/byte_stream.h"
#include "image/transfer/registry_client.h"
#include "oci/image/descriptor.h"

namespace gantry::image {

struct DownloadOptions {
  Control control;
  // Ranges pay where one connection does not fill the line: when the first `probe` bytes came slower than
  // `slow` and at least `worth` are left.
  std::uint64_t probe = 8 << 20;   // bytes
  std::uint64_t worth = 32 << 20;  // bytes
  double slow = 60e6;              // bytes a second
  unsigned connections = 4;
  std::size_t segment = 2 << 20;  // bytes; up to connections + 2 of them are in memory
};

// From `offset` on. `registry` outlives the source. Nothing is asked before the first read.
std::unique_ptr<ByteSource> download(RegistryClient& registry, const std::string& repository,
                                     const oci::Descriptor& blob, std::uint64_t offset,
                                     const DownloadOptions& options);

}  // namespace gantry::image
