// SPDX-License-Identifier: Apache-2.0
//
// The file system of one step: the layers so far, with a new one above that takes what the step writes.
//
//   StepRoot root = TRY(StepRoot::open(session, state.top()));
//   ... write to root.directory(), or run a container on it ...
//   NewLayer layer = TRY(root.commit({}));
//
// What is not committed is gone with it.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/byte_stream.h"
#include "base/error.h"
#include "base/unique_fd.h"
#include "build/session.h"
#include "image/snapshots.h"
#include "kernel/id_map.h"
#include "kernel/mount.h"
#include "kernel/rooted_path.h"
#include "oci/image/descriptor.h"
#include "oci/image/digest.h"

namespace gantry::build {

struct NewLayer {
  oci::Descriptor blob;  // in the store, held by the session's lease
  oci::Digest diff_id;
  std::int64_t created = 0;  // nanoseconds since 1970
};

struct CommitOptions {
  // Times of files are no later than this (seconds since 1970), so that building again gives the same bytes.
  std::optional<std::int64_t> latest_time;
};

class StepRoot {
 public:
  // `top`: chain id of layers that are unpacked and held by the session's lease; none: the step begins with
  // nothing. The session outlives this.
  // `id_maps`: those of a user namespace that its files are shown to, and written from; empty: this
  // process's.
  static Result<StepRoot> open(const Session& session, const std::optional<oci::Digest>& top,
                               const kernel::IdMaps& id_maps = {});
  StepRoot(StepRoot&& other) noexcept;
  ~StepRoot();

  // The root directory.
  const kernel::RootDir& directory() const { return *directory_; }
  // Attached nowhere unless somebody attaches it; whoever does, detaches it before commit().
  kernel::DetachedMount& mount() { return *mount_; }

  // Ends the mount, and makes what was written the next layer: its blob, and its unpacked directory.
  Result<NewLayer> commit(const CommitOptions& options);
  // The same where what was written changes little of the layer `before`, which is the topmost here, and the
  // new one is to take its place, above `parent`: its archive is made of that of `before`, and its directory
  // stands on that layer's. What was removed has to be in no layer of `parent`.
  Result<NewLayer> commit_change(const NewLayer& before, const std::optional<oci::Digest>& parent,
                                 const CommitOptions& options);

 private:
  StepRoot(const Session& session, std::optional<oci::Digest> top)
      : session_(&session), top_(std::move(top)) {}
  Result<void> mount_snapshot(const kernel::IdMaps& id_maps);
  Result<void> make_plain(const kernel::IdMaps& id_maps);
  struct Written {
    image::Snapshots::Parts parts;
    std::vector<int> lowers;  // of the parts
    int upper() const { return parts.upper.get(); }
  };
  Result<Written> end_mount(const CommitOptions& options);
  // Makes a blob of the tar that `write` writes.
  Result<NewLayer> store(const std::function<Result<void>(ByteSink& tar)>& write) const;
  Result<void> keep_directory(image::LayerTicket& ticket, const Written& written,
                              image::BuiltLayer built) const;
  Result<void> keep_layer(const std::optional<oci::Digest>& parent, const NewLayer& layer) const;

  const Session* session_;
  std::string key_;  // of the snapshot; empty: there is none
  UniqueFd plain_;   // without layers below, no overlay: a directory alone
  std::optional<oci::Digest> top_;
  std::optional<kernel::DetachedMount> mount_;
  std::optional<kernel::RootDir> directory_;
};

// Makes sure that a layer whose blob is in the store is unpacked above `parent`, and held by the lease.
Result<void> unpack_layer(const Session& session, const std::optional<oci::Digest>& parent,
                          const oci::Descriptor& blob, const oci::Digest& diff_id);

}  // namespace gantry::build
