// SPDX-License-Identifier: Apache-2.0
//
// What containers and volumes take on disk (`docker system df`), and whether what is on disk is what the
// records say (`gantry system check`).
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "base/error.h"
#include "engine/container_record.h"
#include "engine/volumes.h"
#include "image/image_store.h"
#include "image/snapshots.h"

namespace gantry::engine {

struct ContainerSize {
  std::uint64_t written = 0;  // SizeRw: bytes in its writable layer
  std::uint64_t whole = 0;    // SizeRootFs: with its image
};
// Walks the writable layer. NotFound when there is no snapshot of that key.
Result<ContainerSize> container_size(const image::Snapshots& snapshots, const std::string& snapshot_key);

struct VolumeSize {
  VolumeRef volume;
  std::int64_t bytes = -1;  // -1: not on our disk, or it could not be read
  std::int64_t users = 0;
};
std::vector<VolumeSize> volume_sizes(const Volumes& volumes);

// What lies below the root and belongs to nobody, and what is missing: a sentence each; empty: all is well.
struct DiskCheckInput {
  std::string root;
  std::set<std::string> owners;                  // ids of containers and pods
  std::map<std::string, std::string> snapshots;  // keys of containers' snapshots, to their ids
  std::set<std::string> unfinished;              // ids of what is being made or removed: may have anything
};
Result<std::vector<std::string>> check_disk(const DiskCheckInput& input, const image::Snapshots& snapshots,
                                            const Volumes& volumes);

}  // namespace gantry::engine
