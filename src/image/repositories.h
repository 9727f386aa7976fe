// SPDX-License-Identifier: Apache-2.0
//
// The repositories of the registry: which blobs and manifests are in which, tags and their history,
// referrers, quotas. The content is the store's; a repository only holds it, so that the same blob in many
// repositories, or in the engine, is there once.
//
//   Repositories& repositories = store.repositories();
//   TRY(repositories.commit_blob("team/web", std::move(ingest), {.digest = digest}, quota));
//   PutManifest put = TRY(repositories.put_manifest("team/web", bytes, document, {.tag = "v1", .by = user}));
//
// A blob comes before the manifest that points at it. Until then it is *pending*: collect() takes it away
// when that takes too long. Once a manifest of the repository points at it, it goes with the last of these.
// A repository exists while something is in it.
//
// Every call is one transaction; what it has answered survives kill -9 and power loss. Thread-safe.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "image/content_store.h"
#include "image/image_store.h"
#include "oci/image/digest.h"
#include "oci/image/document.h"

namespace gantry::image {

struct PutOptions {
  std::string tag;                     // empty: none
  std::string by;                      // who pushes, for the history; may be empty
  std::optional<Digest> digest;        // what the client says it is
  std::optional<std::uint64_t> quota;  // bytes the repository may hold
  bool is_partial = false;             // what it points at may come later: a cache
};

struct PutManifest {
  Digest digest;
  // What the manifest points at and is not in the repository. Not empty: nothing was recorded.
  std::vector<Digest> missing;
};

// What a listing of referrers says of one.
struct Referrer {
  Digest digest;
  std::string media_type;
  std::uint64_t size = 0;
  std::string artifact_type;  // the manifest's, or else the media type of its config
  std::map<std::string, std::string> annotations;
};

// One change of a tag.
struct TagChange {
  std::int64_t at = 0;           // nanoseconds since 1970
  std::optional<Digest> digest;  // none: the tag was removed
  std::string by;
};

class Repositories {
 public:
  Repositories(const Repositories&) = delete;
  Repositories& operator=(const Repositories&) = delete;

  // ---- blobs

  // Size in bytes; nothing if it is not in this repository.
  Result<std::optional<std::uint64_t>> blob(std::string_view repository, const Digest& digest) const;
  // The same for a client that will leave out the upload when it is there: the blob is pending again, so that
  // it does not go with a manifest that is removed meanwhile.
  Result<std::optional<std::uint64_t>> blob_for_push(std::string_view repository, const Digest& digest);
  // InvalidArgument when it is not as expected, ResourceExhausted for a full disk (with an errno) or quota
  // (without).
  Result<Digest> commit_blob(std::string_view repository, Ingest ingest, const Expected& expected,
                             std::optional<std::uint64_t> quota = std::nullopt);
  // Puts a blob of another repository, or (`from` empty) of the store, into this one without moving a byte.
  // False if it is not there.
  Result<bool> mount_blob(std::string_view repository, std::string_view from, const Digest& digest,
                          std::optional<std::uint64_t> quota = std::nullopt);
  // The repositories that the blob is in.
  Result<std::vector<std::string>> holders(const Digest& digest) const;
  // False if it was not there.
  Result<bool> remove_blob(std::string_view repository, const Digest& digest);

  // ---- manifests and tags

  Result<PutManifest> put_manifest(std::string_view repository, std::string_view bytes,
                                   const oci::Document& document, const PutOptions& options);
  Result<std::optional<ImageStore::ManifestInfo>> manifest(std::string_view repository,
                                                           const Digest& digest) const;
  Result<std::optional<ImageStore::ManifestInfo>> tagged(std::string_view repository,
                                                         std::string_view tag) const;
  // With its tags, and the blobs that no other manifest of the repository points at. False if it was not
  // there.
  Result<bool> remove_manifest(std::string_view repository, const Digest& digest, std::string_view by = {});

  // Moves or makes a tag: a rollback. NotFound if the manifest is not in the repository.
  Result<void> tag(std::string_view repository, std::string_view tag, const Digest& digest,
                   std::string_view by = {});
  // False if there was none.
  Result<bool> untag(std::string_view repository, std::string_view tag, std::string_view by = {});
  // Newest first. Outlives the tag, and the manifests.
  Result<std::vector<TagChange>> history(std::string_view repository, std::string_view tag) const;

  // ---- listings, in byte order, from the first after `after` on

  Result<std::vector<std::string>> repositories(std::string_view after, std::size_t limit) const;
  Result<std::vector<std::string>> tags(std::string_view repository, std::string_view after,
                                        std::size_t limit) const;
  Result<bool> exists(std::string_view repository) const;
  // `artifact_type` empty: all.
  Result<std::vector<Referrer>> referrers(std::string_view repository, const Digest& subject,
                                          std::string_view artifact_type = {}) const;

  // Bytes of all that is in the repository.
  Result<std::uint64_t> usage(std::string_view repository) const;

 private:
  friend class ImageStore;
  Repositories(database::Database& database, const ContentStore& content)
      : database_(database), content_(content) {}

  database::Database& database_;
  const ContentStore& content_;
};

}  // namespace gantry::image
