// SPDX-License-Identifier: Apache-2.0
//
// Blobs by digest, verified on the way in. A blob exists when its row does: a file alone is nothing. Small
// ones (up to kSmallBlob bytes) are in the database, where one fsync makes them durable together with
// whatever is recorded about them; the rest are files. docs/formats/image-store.md has the layout.
//
//   Ingest ingest = TRY(store.content().ingest());
//   TRY(copy(response.body(), ingest));
//   Digest digest = TRY(lease.commit(std::move(ingest), {.digest = wanted, .size = length}));
//
// An Ingest is committed by what holds the blob from then on, so that the collector never sees it free: a
// Lease (image_store.h) or a repository of the registry (repositories.h).
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/byte_stream.h"
#include "base/error.h"
#include "base/unique_fd.h"
#include "database/database.h"
#include "oci/image/digest.h"

namespace gantry::image {

using oci::Digest;
using oci::DigestAlgorithm;

inline constexpr std::size_t kSmallBlob = 64 << 10;  // bytes

// What is known of a blob before it arrives.
struct Expected {
  std::optional<Digest> digest;
  std::optional<std::uint64_t> size;
};

// A blob on its way in, hashed as it is written. One thread at a time. What is not committed goes away with
// it, and after kill -9 with the next collection; one that has a key can be saved, and opened again by
// anyone.
class Ingest final : public ByteSink {
 public:
  Ingest(Ingest&&) noexcept;
  Ingest& operator=(Ingest&&) noexcept;
  ~Ingest() override;

  // ResourceExhausted when the disk is full; the ingest is then as it was before. Large pieces are hashed on
  // a second thread while they are written, if one is free: a few hundred KiB are a good size.
  Result<void> write(std::span<const std::byte> bytes) override;
  std::uint64_t size() const;
  // Back to the first `size` bytes, which are read again to hash them.
  Result<void> truncate(std::uint64_t size);

  // For one with a key: what was written so far stays when this object, or this process, goes away without
  // commit. Not synced: a power loss costs the upload, not its correctness, since the digest is verified.
  Result<void> save();
  // Undoes save(): the destructor removes it.
  void discard();

 private:
  friend class ContentStore;
  struct State;
  explicit Ingest(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

// Thread-safe; used by several processes at once.
class ContentStore {
 public:
  // `directory` (<root>/content) is made when missing. `database` has the tables of schema.h and outlives
  // this.
  static Result<ContentStore> open(const std::string& directory, database::Database& database);
  ContentStore(ContentStore&&) noexcept;
  ContentStore& operator=(ContentStore&&) noexcept;
  ~ContentStore();

  Result<bool> has(const Digest& digest) const;
  // NotFound if it is not here, as for all that follow.
  Result<std::uint64_t> size(const Digest& digest) const;
  // Read-only, at its beginning, an offset of its own; a file or a sealed memory file: read, mmap and
  // sendfile work.
  Result<UniqueFd> open(const Digest& digest) const;
  // The whole of a manifest or config; ResourceExhausted if it has more than `limit` bytes.
  Result<std::string> read(const Digest& digest, std::size_t limit = 16 << 20) const;

  // A new one. It is in memory until it outgrows kSmallBlob or is saved.
  Result<Ingest> ingest(DigestAlgorithm algorithm = DigestAlgorithm::Sha256) const;
  // The one saved under `key` (any text), with what it holds read and hashed again, or a new one. Conflict
  // while another thread or process has it.
  Result<Ingest> ingest(std::string_view key, DigestAlgorithm algorithm = DigestAlgorithm::Sha256) const;
  // The same, but NotFound if nothing was saved.
  Result<Ingest> resume(std::string_view key, DigestAlgorithm algorithm = DigestAlgorithm::Sha256) const;

 private:
  friend class ImageStore;
  friend class Lease;
  friend class Repositories;
  friend class Collector;
  friend class StoreCheck;
  struct State;
  explicit ContentStore(std::unique_ptr<State> state);

  Result<std::optional<std::string>> read_small(const Digest& digest) const;
  Result<UniqueFd> open_file(const Digest& digest) const;
  Result<Ingest> saved(std::string_view key, DigestAlgorithm algorithm, bool may_create) const;
  Result<void> sync_directory(const std::string& path) const;

  // Makes the blob exist, in one transaction with `hold`, which records who holds it and may refuse. Before
  // that the bytes are verified (InvalidArgument) and synced.
  using Hold = std::function<Result<void>(database::Connection&, const Digest&)>;
  Result<Digest> commit(Ingest ingest, const Expected& expected, database::Durability durability,
                        const Hold& hold) const;
  Result<Digest> prepare(Ingest& ingest, const Expected& expected) const;
  Result<void> place(database::Connection& connection, Ingest& ingest, const Digest& digest) const;
  // After a transaction with place() in it has failed.
  void withdraw(Ingest& ingest, const Digest& digest) const;
  // In a transaction: the blob does not exist any more. Its size in bytes, if it did.
  Result<std::optional<std::uint64_t>> remove(database::Connection& connection, const Digest& digest) const;

  void remove_file(const Digest& digest) const;
  // Descriptor of <root>/content.
  int directory() const;

  std::unique_ptr<State> state_;
};

}  // namespace gantry::image
