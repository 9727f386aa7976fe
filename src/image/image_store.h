// SPDX-License-Identifier: Apache-2.0
//
// Everything a host keeps of images, below one directory: blobs (content_store.h), what is known of them, the
// images and their names, the repositories of the registry (repositories.h), and what holds what. Registry
// and engine share it. Any thread and any process may use the same root at once, each through a store of its
// own.
//
//   ImageStore store = TRY(ImageStore::open("/var/lib/gantry"));
//   Lease lease = TRY(store.lease("pull docker.io/library/debian:12"));
//   for (const Digest& digest : TRY(lease.hold(wanted))) {          // those that are not here yet
//     Ingest ingest = TRY(store.content().ingest());
//     TRY(copy(*download(digest), ingest));
//     TRY(lease.commit(std::move(ingest), {.digest = digest}));
//   }
//   TRY(lease.add_manifest(bytes, document));                       // with its edges to config and layers
//   TRY(store.put_image(image, {"docker.io/library/debian:12"}));   // from here on the name holds all of it
//
// A blob stays while something holds it: a name, an image, a repository, a lease, or a blob that points at
// it. What is let go of becomes a candidate, in the same transaction, and collect() frees the candidates that
// nothing holds: the cost is that of what was let go of, not of what there is.
//
// What a call has answered survives kill -9 and power loss. A lease does not: it ends with its process.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "database/database.h"
#include "image/content_store.h"
#include "oci/image/digest.h"
#include "oci/image/document.h"

namespace gantry::image {

// Keeps blobs from the collector, from before they are there until it is released or its process ends.
// Thread-safe; its store outlives it. The destructor releases it.
class Lease {
 public:
  Lease(Lease&&) noexcept;
  Lease& operator=(Lease&&) noexcept;
  ~Lease();

  // Holds these, and answers those of them that are not in the store. What a held manifest points at is held
  // with it.
  Result<std::vector<Digest>> hold(std::span<const Digest> digests);
  // The same for one: whether it is in the store.
  Result<bool> hold(const Digest& digest);
  // Held, and in the store. InvalidArgument when it is not as expected, ResourceExhausted when the disk is
  // full; nothing is left then, except what save() kept of one with a key.
  Result<Digest> commit(Ingest ingest, const Expected& expected = {});
  Result<Digest> add(std::string_view bytes, const Expected& expected = {});
  // A manifest or index, with its edges to what it points at. `document` is what parsing `bytes` gave.
  Result<Digest> add_manifest(std::string_view bytes, const oci::Document& document,
                              const Expected& expected = {});

  Result<void> release();

 private:
  friend class ImageStore;
  struct State;
  explicit Lease(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

// What a listing needs to know of an image, so that it reads no blob.
struct Image {
  struct Name {
    std::string name;          // Reference::str()
    Digest target;             // the index or manifest that it was pulled as
    std::int64_t updated = 0;  // nanoseconds since 1970, as all times here; set by the store
  };

  Digest id;                        // of its config
  Digest manifest;                  // of its platform
  std::string platform;             // Platform::str()
  std::int64_t created = 0;         // what the config says; 0: nothing
  std::uint64_t size = 0;           // bytes of manifest, config and layers, as transferred
  std::uint64_t unpacked_size = 0;  // bytes of the files in its layers; 0: not unpacked
  std::map<std::string, std::string> labels;
  std::int64_t added = 0;   // set by the store
  std::vector<Name> names;  // by name; none: dangling
  // Who uses it ("container/3f2a…"), see add_user().
  std::vector<std::string> users;
};

// A name that an image is to have: Reference::str(), and the index or manifest it stands for.
struct NewName {
  std::string name;
  Digest target;
};

struct CollectOptions {
  // How long a blob of a repository waits for a manifest that points at it (repositories.h).
  std::chrono::seconds pending_blobs = std::chrono::hours(24);
  // How long what Ingest::save() kept waits to be continued.
  std::chrono::seconds saved_ingests = std::chrono::hours(24);
};

struct Collected {
  std::uint64_t blobs = 0;
  std::uint64_t ingests = 0;  // of dead processes, and saved ones that nobody came back for
  std::uint64_t leases = 0;   // of dead processes, and those whose time was up
  std::uint64_t bytes = 0;    // of blobs and ingests
};

// Bytes on disk: st_blocks of the files.
struct StoreUsage {
  std::uint64_t blobs = 0;
  std::uint64_t ingests = 0;
  std::uint64_t metadata = 0;   // the database, with the small blobs; locks and sessions
  std::uint64_t snapshots = 0;  // <root>/snapshots: unpacked layers and what containers wrote

  std::uint64_t total() const { return blobs + ingests + metadata + snapshots; }
};

class Repositories;

class ImageStore {
 public:
  // Makes what is missing. PermissionDenied, DataLoss (a damaged database), Unsupported (a later version's).
  static Result<ImageStore> open(const std::string& root);
  ImageStore(ImageStore&&) noexcept;
  ImageStore& operator=(ImageStore&&) noexcept;
  ~ImageStore();

  const std::string& root() const;
  const ContentStore& content() const;
  // For the tables that others keep beside ours (schema.h).
  database::Database& database();
  // The registry's view. Lives as long as this.
  Repositories& repositories();

  // `owner` says what for, to people. Lives until it is released, this process ends, or `lifetime` is over.
  Result<Lease> lease(std::string_view owner, std::optional<std::chrono::seconds> lifetime = std::nullopt);

  // ---- images

  // Records the image, or what is new about it, and gives it these names, taking them from whoever has them.
  // Its manifest and the names' targets have to be here (NotFound).
  Result<void> put_image(const Image& image, std::span<const NewName> names);
  // One more name for an image that is there. `target` empty: its manifest.
  Result<void> tag(const Digest& id, std::string_view name, const Digest& target = {});
  // Takes the name away; the image stays, perhaps without a name. NotFound.
  Result<void> untag(std::string_view name);
  // The image and all its names. Conflict while someone uses it, unless `force`. NotFound.
  enum class Force : std::uint8_t { No, Yes };
  Result<void> remove_image(const Digest& id, Force force = Force::No);

  // By exact name.
  Result<std::optional<Image>> image_named(std::string_view name) const;
  Result<std::optional<Image>> image(const Digest& id) const;
  // As people write it: a name in any form that Reference knows, an id, or the first digits of one. NotFound;
  // Conflict if the digits fit several.
  Result<Image> resolve(std::string_view name_or_id) const;
  // Every image, the newest first.
  Result<std::vector<Image>> images() const;

  // The image cannot be removed while it has users: one a container. Durable, unlike a lease; Lazy is for who
  // adds the users again after a power loss.
  Result<void> add_user(const Digest& id, std::string_view user,
                        database::Durability durability = database::Durability::Synced);
  Result<void> remove_user(const Digest& id, std::string_view user,
                           database::Durability durability = database::Durability::Synced);

  // ---- what is known of blobs

  // Media type and size of a manifest or index that add_manifest() recorded.
  struct ManifestInfo {
    Digest digest;
    std::string media_type;
    std::uint64_t size = 0;
  };
  Result<std::optional<ManifestInfo>> manifest(const Digest& digest) const;
  // What the manifest points at and is not here, all the way down. Layers that are fetched from elsewhere
  // (non-distributable) do not count.
  Result<std::vector<Digest>> missing_below(const Digest& manifest) const;

  // ---- upkeep

  // Frees what nothing holds, at once; safe while others pull, push and collect. Snapshots::collect() is to
  // be called after it, for the layers of images that are gone.
  Result<Collected> collect(const CollectOptions& options = {});
  Result<StoreUsage> usage() const;

 private:
  friend class Lease;
  struct State;
  explicit ImageStore(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace gantry::image
