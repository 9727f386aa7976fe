// SPDX-License-Identifier: Apache-2.0
//
// Unpacked layers, and what containers write above them.
//
// A *layer* is the unpacked difference of one image layer, known by its chain id (image specification,
// "Layer ChainID"): itself and everything below. Layers with the same diff id share one directory, whatever
// is below them, unless unpacking had to look at what is below. A *snapshot* is a key (a container's id) with
// a writable directory above up to 128 layers.
//
//   LayerTicket ticket = TRY(snapshots.begin_layer(parent_chain, diff_id));   // waits for another builder
//   if (!ticket.is_done()) {
//     TRY(unpack(..., ticket.directory(), ...));
//     TRY(ticket.commit({.size = bytes}));
//   }
//   TRY(snapshots.prepare("web", top, {}));
//   kernel::OverlayMount root = TRY(snapshots.mount("web"));
//
// Directories are <root>/snapshots/<number>/{fs,work}; the rows are in the store's database
// (docs/formats/snapshots.md). Any thread and any process may use the same root at once. What a killed
// process left is found by its lock being free, and removed by collect() or by the next who builds the same
// layer.
//
// A layer stays while an image's config, a snapshot, a layer above it or a lease needs it: who brings layers
// in holds their chain ids by a Lease until keep_layers() or prepare().
//
// Layers are not synced one by one: what was unpacked since the host started is marked so until settle(), and
// forgotten (to be unpacked again from its blob, which is synced) if the host went down before.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/unique_fd.h"
#include "database/database.h"
#include "image/disk_usage.h"
#include "kernel/id_map.h"
#include "kernel/overlay.h"
#include "oci/image/digest.h"

namespace gantry::image {

struct Layer {
  oci::Digest chain_id;
  oci::Digest diff_id;
  std::optional<oci::Digest> parent;  // its chain id
  std::uint64_t size = 0;             // bytes of the files in it, as an image listing counts
  std::int64_t number = 0;            // of its directory
};

struct SnapshotOptions {
  bool is_read_only = false;
  kernel::IdMaps id_maps;  // empty: none. Nothing is copied or chowned
  // Never synced, neither by fsync(2) inside nor when it is unmounted. Once the host has gone down while it
  // was mounted, it cannot be mounted again.
  bool is_volatile = false;
};

struct Snapshot {
  std::string key;
  std::optional<oci::Digest> top;  // chain id; none: the snapshot stands on nothing
  SnapshotOptions options;
  std::int64_t number = 0;   // of its directory
  std::int64_t created = 0;  // nanoseconds since 1970
};

struct BuiltLayer {
  std::uint64_t size = 0;  // bytes of the files in it
  // Unpacking asked for nothing below, so that other chains may use the directory too.
  bool is_independent = true;
  // The layer says what owner, mode and attributes the root directory has. If none of an image does: root's,
  // 0755.
  bool has_root = false;
};

// The right to build one layer, or the news that it is there. Its destructor removes what was not committed.
class LayerTicket {
 public:
  LayerTicket(LayerTicket&&) noexcept;
  LayerTicket& operator=(LayerTicket&&) noexcept;
  ~LayerTicket();

  // The layer is there already: nothing to build, and no directory.
  bool is_done() const;
  // The empty directory to unpack into; belongs to the ticket.
  int directory() const;
  // Lets others begin the same difference above other parents: to be called before waiting for the
  // parents, or two builders could wait for each other. The layer will not be shared then.
  void depend_on_parents();
  // The layer is there from now on. With "depend_on_parents" `is_independent` is false whatever it says.
  Result<Layer> commit(const BuiltLayer& built);

 private:
  friend class Snapshots;
  struct State;
  explicit LayerTicket(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

class Snapshots {
 public:
  // `root` is the store's root; `database` the store's and outlives this object. What was unpacked before a
  // crash of the host and never settled is forgotten.
  static Result<Snapshots> open(const std::string& root, database::Database& database);
  Snapshots(Snapshots&&) noexcept;
  Snapshots& operator=(Snapshots&&) noexcept;
  ~Snapshots();

  // ---- layers

  Result<std::optional<Layer>> layer(const oci::Digest& chain_id) const;
  Result<std::vector<Layer>> layers() const;
  // The layer and all below it, the topmost first. NotFound if one is missing.
  Result<std::vector<Layer>> layers_of(const oci::Digest& top) const;
  // Takes the layer's lock; blocks while another thread or process builds it, then answers its work. `parent`
  // need not be there yet.
  Result<LayerTicket> begin_layer(const std::optional<oci::Digest>& parent, const oci::Digest& diff_id);
  // The layer and all below it belong to a blob (an image's config) and stay as long as the blob is in the
  // store.
  Result<void> keep_layers(const oci::Digest& top, const oci::Digest& config);
  // A read-only mount of the layer and all below it, attached nowhere. The caller's lease keeps them.
  Result<kernel::OverlayMount> mount_layers(const oci::Digest& top) const;
  // The directory with the layer's own files.
  Result<UniqueFd> open_layer(const oci::Digest& chain_id) const;

  // ---- snapshots

  // The key is any text. AlreadyExists if there is one of that key, NotFound if a layer is missing. Lazy is
  // for who finds out after a power loss which of his snapshots are there.
  Result<Snapshot> prepare(const std::string& key, const std::optional<oci::Digest>& top,
                           const SnapshotOptions& options,
                           database::Durability durability = database::Durability::Synced);
  Result<std::optional<Snapshot>> snapshot(const std::string& key) const;
  Result<std::vector<Snapshot>> snapshots() const;
  // Its root file system, attached nowhere. To be mounted once at a time. NotFound.
  Result<kernel::OverlayMount> mount(const std::string& key) const;
  // The directory that holds what was written ("fs"), and the layers' directories, the topmost first: what
  // image/layer_diff.h compares.
  struct Parts {
    UniqueFd upper;
    std::vector<UniqueFd> lowers;
  };
  Result<Parts> parts(const std::string& key) const;
  // With all that was written. NotFound; Conflict while it is mounted anywhere, if that is to be refused. Who
  // knows that nobody uses it any more removes it all the same: copies of the mount may be about in
  // namespaces that are just being made, and in those of whoever looks at the host.
  enum class IfMounted : std::uint8_t { Refuse, Remove };
  Result<void> remove(const std::string& key, IfMounted if_mounted = IfMounted::Refuse,
                      database::Durability durability = database::Durability::Synced);
  Result<DiskUsage> usage(const std::string& key) const;

  // ---- upkeep

  // Removes what nothing needs: layers of no blob, snapshot, layer above or running builder, and directories
  // without a row. Answers the bytes that came free. Safe at any time.
  Result<std::uint64_t> collect();
  // Syncs what was unpacked since the host started, so that it outlives a crash of the host.
  Result<void> settle();
  // Bytes on disk of all layers, and of all snapshots.
  struct TotalUsage {
    DiskUsage layers, snapshots;
  };
  Result<TotalUsage> total_usage() const;

 private:
  struct State;
  explicit Snapshots(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace gantry::image
