// SPDX-License-Identifier: Apache-2.0
#include "image/repositories.h"

#include "base/timestamp.h"
#include "image/manifest_record.h"

namespace gantry::image {

using database::Connection;
using database::Durability;
using database::Rows;

// In a transaction. Nothing if it never had anything.
static Result<std::optional<std::int64_t>> find(Connection& c, std::string_view repository) {
  return c.value<std::int64_t>("SELECT id FROM repositories WHERE name = ?1", repository);
}

static Result<std::int64_t> find_or_make(Connection& c, std::string_view repository) {
  if (const auto id = TRY(find(c, repository))) return *id;
  TRY(c.execute("INSERT INTO repositories (name) VALUES (?1)", repository));
  return c.last_insert_id();
}

static Result<bool> has_blob(Connection& c, std::int64_t repository, std::string_view digest) {
  return TRY(c.value<std::int64_t>("SELECT 1 FROM repository_blobs WHERE repository = ?1 AND digest = ?2",
                                   repository, digest))
      .has_value();
}

static Result<bool> has_manifest(Connection& c, std::int64_t repository, std::string_view digest) {
  return TRY(c.value<std::int64_t>("SELECT 1 FROM repository_manifests WHERE repository = ?1 AND digest = ?2",
                                   repository, digest))
      .has_value();
}

static Result<void> check_quota(Connection& c, std::int64_t repository, std::string_view name,
                                std::uint64_t size, std::optional<std::uint64_t> quota) {
  if (!quota) return {};
  const auto used =
      TRY(c.value<std::uint64_t>("SELECT bytes FROM repositories WHERE id = ?1", repository)).value_or(0);
  if (size <= *quota && used <= *quota - size) return {};
  return error(Code::ResourceExhausted,
               "repository '{}': {} bytes more than the {} in it exceed its quota of {} bytes", name, size,
               used, *quota);
}

// What is there already stays, but waits for a manifest again: someone is about to push one.
static Result<void> link_blob(Connection& c, std::int64_t repository, std::string_view name,
                              std::string_view digest, std::uint64_t size,
                              std::optional<std::uint64_t> quota) {
  if (!TRY(has_blob(c, repository, digest))) TRY(check_quota(c, repository, name, size, quota));
  TRY(
      c.execute("INSERT INTO repository_blobs (repository, digest, size, pending) VALUES (?1, ?2, ?3, ?4) "
                "ON CONFLICT (repository, digest) DO UPDATE SET pending = excluded.pending",
                repository, digest, size, wall_clock_ns()));
  return {};
}

// ---- blobs

Result<std::optional<std::uint64_t>> Repositories::blob(std::string_view repository,
                                                        const Digest& digest) const {
  return database_.read([&](Connection& c) {
    return c.value<std::uint64_t>(
        "SELECT b.size FROM repository_blobs AS b JOIN repositories AS r ON r.id = b.repository "
        "WHERE r.name = ?1 AND b.digest = ?2",
        repository, digest.str());
  });
}

Result<std::optional<std::uint64_t>> Repositories::blob_for_push(std::string_view repository,
                                                                 const Digest& digest) {
  // Lazy: after a power loss there is no push any more that relies on it.
  return database_.write(Durability::Lazy, [&](Connection& c) -> Result<std::optional<std::uint64_t>> {
    const auto id = TRY(find(c, repository));
    if (!id) return std::optional<std::uint64_t>();
    TRY(c.execute("UPDATE repository_blobs SET pending = ?3 WHERE repository = ?1 AND digest = ?2", *id,
                  digest.str(), wall_clock_ns()));
    return c.value<std::uint64_t>("SELECT size FROM repository_blobs WHERE repository = ?1 AND digest = ?2",
                                  *id, digest.str());
  });
}

Result<Digest> Repositories::commit_blob(std::string_view repository, Ingest ingest, const Expected& expected,
                                         std::optional<std::uint64_t> quota) {
  const std::uint64_t size = ingest.size();
  return content_.commit(std::move(ingest), expected, Durability::Synced,
                         [&](Connection& c, const Digest& digest) -> Result<void> {
                           const std::int64_t id = TRY(find_or_make(c, repository));
                           return link_blob(c, id, repository, digest.str(), size, quota);
                         });
}

Result<bool> Repositories::mount_blob(std::string_view repository, std::string_view from,
                                      const Digest& digest, std::optional<std::uint64_t> quota) {
  return database_.write([&](Connection& c) -> Result<bool> {
    const std::string name = digest.str();
    if (!from.empty()) {
      const auto source = TRY(find(c, from));
      if (!source || !TRY(has_blob(c, *source, name))) return false;
    }
    const auto size = TRY(c.value<std::uint64_t>("SELECT size FROM blobs WHERE digest = ?1", name));
    if (!size) return false;
    TRY(link_blob(c, TRY(find_or_make(c, repository)), repository, name, *size, quota));
    return true;
  });
}

Result<bool> Repositories::remove_blob(std::string_view repository, const Digest& digest) {
  return database_.write([&](Connection& c) -> Result<bool> {
    const auto id = TRY(find(c, repository));
    if (!id) return false;
    return TRY(c.execute("DELETE FROM repository_blobs WHERE repository = ?1 AND digest = ?2", *id,
                         digest.str())) > 0;
  });
}

// ---- manifests and tags

static Result<void> record_tag_change(Connection& c, std::int64_t repository, std::string_view tag,
                                      std::optional<std::string> digest, std::string_view by) {
  TRY(c.execute(
      "INSERT INTO tag_history (repository, tag, digest, at, changed_by) VALUES (?1, ?2, ?3, ?4, ?5)",
      repository, tag, digest, wall_clock_ns(), by));
  return {};
}

static Result<void> set_tag(Connection& c, std::int64_t repository, std::string_view tag,
                            const std::string& digest, std::string_view by) {
  const auto old = TRY(
      c.value<std::string>("SELECT digest FROM tags WHERE repository = ?1 AND tag = ?2", repository, tag));
  if (old == digest) return {};
  TRY(c.execute("INSERT OR REPLACE INTO tags (repository, tag, digest) VALUES (?1, ?2, ?3)", repository, tag,
                digest));
  return record_tag_change(c, repository, tag, digest, by);
}

static Result<std::vector<Digest>> missing_in(Connection& c, std::int64_t repository,
                                              const ManifestRecord& record) {
  std::vector<Digest> missing;
  for (const ManifestRecord::Edge& edge : record.edges) {
    if (!edge.is_required) continue;
    const std::string child = edge.child.str();
    // An index may list a blob as if it were a manifest, and the other way round.
    if (!TRY(has_blob(c, repository, child)) && !TRY(has_manifest(c, repository, child)))
      missing.push_back(edge.child);
  }
  return missing;
}

Result<PutManifest> Repositories::put_manifest(std::string_view repository, std::string_view bytes,
                                               const oci::Document& document, const PutOptions& options) {
  Ingest ingest =
      TRY(content_.ingest(options.digest ? options.digest->algorithm() : DigestAlgorithm::Sha256));
  TRY(ingest.write(bytes_of(bytes)));
  const ManifestRecord record = record_of(document);
  PutManifest put;
  auto committed = content_.commit(
      std::move(ingest), {.digest = options.digest}, Durability::Synced,
      [&](Connection& c, const Digest& digest) -> Result<void> {
        const std::string name = digest.str();
        const std::int64_t id = TRY(find_or_make(c, repository));
        if (!options.is_partial) put.missing = TRY(missing_in(c, id, record));
        if (!put.missing.empty())
          return error(Code::NotFound, "manifest '{}' points at what is not there", name);
        if (!TRY(has_manifest(c, id, name))) TRY(check_quota(c, id, repository, bytes.size(), options.quota));
        TRY(insert_record(c, digest, record));
        TRY(c.execute(
            "INSERT OR IGNORE INTO repository_manifests (repository, digest, size, pushed, pushed_by) "
            "VALUES (?1, ?2, ?3, ?4, ?5)",
            id, name, bytes.size(), wall_clock_ns(), options.by));
        for (const ManifestRecord::Edge& edge : record.edges)
          TRY(c.execute("UPDATE repository_blobs SET pending = NULL WHERE repository = ?1 AND digest = ?2",
                        id, edge.child.str()));
        if (!options.tag.empty()) TRY(set_tag(c, id, options.tag, name, options.by));
        return {};
      });
  if (!put.missing.empty()) return put;
  put.digest = TRY(std::move(committed));
  return put;
}

static Result<std::optional<ImageStore::ManifestInfo>> manifest_in(Rows rows) {
  if (!TRY(rows.next())) return std::optional<ImageStore::ManifestInfo>();
  return std::optional(ImageStore::ManifestInfo{.digest = TRY(digest_in(rows, 0)),
                                                .media_type = rows.get<std::string>(1),
                                                .size = rows.get<std::uint64_t>(2)});
}

Result<std::optional<ImageStore::ManifestInfo>> Repositories::manifest(std::string_view repository,
                                                                       const Digest& digest) const {
  return database_.read([&](Connection& c) -> Result<std::optional<ImageStore::ManifestInfo>> {
    return manifest_in(
        TRY(c.query("SELECT digest, media_type, rm.size FROM repositories AS r "
                    "JOIN repository_manifests AS rm ON rm.repository = r.id "
                    "JOIN manifests USING (digest) WHERE r.name = ?1 AND digest = ?2",
                    repository, digest.str())));
  });
}

Result<std::optional<ImageStore::ManifestInfo>> Repositories::tagged(std::string_view repository,
                                                                     std::string_view tag) const {
  return database_.read([&](Connection& c) -> Result<std::optional<ImageStore::ManifestInfo>> {
    return manifest_in(
        TRY(c.query("SELECT t.digest, m.media_type, rm.size FROM repositories AS r "
                    "JOIN tags AS t ON t.repository = r.id "
                    "JOIN repository_manifests AS rm ON rm.repository = r.id AND rm.digest = t.digest "
                    "JOIN manifests AS m ON m.digest = t.digest WHERE r.name = ?1 AND t.tag = ?2",
                    repository, tag)));
  });
}

static Result<bool> remove_tag(Connection& c, std::int64_t repository, std::string_view tag,
                               std::string_view by) {
  if (TRY(c.execute("DELETE FROM tags WHERE repository = ?1 AND tag = ?2", repository, tag)) == 0)
    return false;
  TRY(record_tag_change(c, repository, tag, std::nullopt, by));
  return true;
}

Result<bool> Repositories::remove_manifest(std::string_view repository, const Digest& digest,
                                           std::string_view by) {
  return database_.write([&](Connection& c) -> Result<bool> {
    const auto id = TRY(find(c, repository));
    const std::string name = digest.str();
    if (!id || !TRY(has_manifest(c, *id, name))) return false;
    std::vector<std::string> tags;
    {
      Rows rows = TRY(c.query("SELECT tag FROM tags WHERE repository = ?1 AND digest = ?2", *id, name));
      while (TRY(rows.next())) tags.push_back(rows.get<std::string>(0));
    }
    for (const std::string& tag : tags) TRY(remove_tag(c, *id, tag, by));
    TRY(c.execute("DELETE FROM repository_manifests WHERE repository = ?1 AND digest = ?2", *id, name));
    // A pending blob stays: a push that is under way counts on it.
    TRY(
        c.execute("DELETE FROM repository_blobs WHERE repository = ?1 AND pending IS NULL "
                  "AND digest IN (SELECT child FROM edges WHERE parent = ?2) AND NOT EXISTS "
                  "(SELECT 1 FROM edges AS e JOIN repository_manifests AS m ON m.digest = e.parent "
                  " WHERE e.child = repository_blobs.digest AND m.repository = ?1)",
                  *id, name));
    return true;
  });
}

Result<void> Repositories::tag(std::string_view repository, std::string_view tag, const Digest& digest,
                               std::string_view by) {
  return database_.write([&](Connection& c) -> Result<void> {
    const auto id = TRY(find(c, repository));
    if (!id || !TRY(has_manifest(c, *id, digest.str())))
      return error(Code::NotFound, "tag '{}:{}': manifest '{}' is not in the repository", repository, tag,
                   digest.str());
    return set_tag(c, *id, tag, digest.str(), by);
  });
}

Result<bool> Repositories::untag(std::string_view repository, std::string_view tag, std::string_view by) {
  return database_.write([&](Connection& c) -> Result<bool> {
    const auto id = TRY(find(c, repository));
    if (!id) return false;
    return remove_tag(c, *id, tag, by);
  });
}

Result<std::vector<TagChange>> Repositories::history(std::string_view repository,
                                                     std::string_view tag) const {
  return database_.read([&](Connection& c) -> Result<std::vector<TagChange>> {
    std::vector<TagChange> changes;
    Rows rows =
        TRY(c.query("SELECT h.at, h.digest, h.changed_by FROM tag_history AS h "
                    "JOIN repositories AS r ON r.id = h.repository "
                    "WHERE r.name = ?1 AND h.tag = ?2 ORDER BY h.id DESC",
                    repository, tag));
    while (TRY(rows.next())) {
      TagChange change{.at = rows.get<std::int64_t>(0), .by = rows.get<std::string>(2)};
      if (rows.get<std::optional<std::string>>(1)) change.digest = TRY(digest_in(rows, 1));
      changes.push_back(std::move(change));
    }
    return changes;
  });
}

// ---- listings

static Result<std::vector<std::string>> texts_of(Rows rows) {
  std::vector<std::string> texts;
  while (TRY(rows.next())) texts.push_back(rows.get<std::string>(0));
  return texts;
}

Result<std::vector<std::string>> Repositories::repositories(std::string_view after, std::size_t limit) const {
  return database_.read([&](Connection& c) -> Result<std::vector<std::string>> {
    return texts_of(
        TRY(c.query("SELECT name FROM repositories WHERE name > ?1 AND EXISTS "
                    "(SELECT 1 FROM repository_manifests WHERE repository = id) ORDER BY name LIMIT ?2",
                    after, limit)));
  });
}

Result<std::vector<std::string>> Repositories::tags(std::string_view repository, std::string_view after,
                                                    std::size_t limit) const {
  return database_.read([&](Connection& c) -> Result<std::vector<std::string>> {
    return texts_of(
        TRY(c.query("SELECT tag FROM tags WHERE repository = (SELECT id FROM repositories WHERE name = ?1) "
                    "AND tag > ?2 ORDER BY tag LIMIT ?3",
                    repository, after, limit)));
  });
}

Result<std::vector<std::string>> Repositories::holders(const Digest& digest) const {
  return database_.read([&](Connection& c) -> Result<std::vector<std::string>> {
    return texts_of(
        TRY(c.query("SELECT name FROM repository_blobs AS b JOIN repositories AS r ON r.id = b.repository "
                    "WHERE b.digest = ?1",
                    digest.str())));
  });
}

Result<bool> Repositories::exists(std::string_view repository) const {
  return database_.read([&](Connection& c) -> Result<bool> {
    return TRY(c.value<std::int64_t>("SELECT 1 FROM repositories WHERE name = ?1 AND "
                                     "(EXISTS (SELECT 1 FROM repository_manifests WHERE repository = id) OR "
                                     " EXISTS (SELECT 1 FROM repository_blobs WHERE repository = id))",
                                     repository))
        .has_value();
  });
}

Result<std::vector<Referrer>> Repositories::referrers(std::string_view repository, const Digest& subject,
                                                      std::string_view artifact_type) const {
  return database_.read([&](Connection& c) -> Result<std::vector<Referrer>> {
    std::vector<Referrer> referrers;
    Rows rows = TRY(
        c.query("SELECT m.digest, m.media_type, rm.size, m.artifact_type, m.annotations FROM manifests AS m "
                "JOIN repository_manifests AS rm ON rm.digest = m.digest "
                "JOIN repositories AS r ON r.id = rm.repository "
                "WHERE m.subject = ?1 AND r.name = ?2 AND (?3 = '' OR m.artifact_type = ?3) "
                "ORDER BY m.digest",
                subject.str(), repository, artifact_type));
    while (TRY(rows.next())) {
      Referrer& referrer = referrers.emplace_back();
      referrer.digest = TRY(digest_in(rows, 0));
      referrer.media_type = rows.get<std::string>(1);
      referrer.size = rows.get<std::uint64_t>(2);
      referrer.artifact_type = rows.get<std::string>(3);
      referrer.annotations = TRY(decode_map(rows.get<std::string_view>(4)));
    }
    return referrers;
  });
}

Result<std::uint64_t> Repositories::usage(std::string_view repository) const {
  return TRY(database_.read([&](Connection& c) {
           return c.value<std::uint64_t>("SELECT bytes FROM repositories WHERE name = ?1", repository);
         }))
      .value_or(0);
}

}  // namespace gantry::image
