// SPDX-License-Identifier: Apache-2.0
#include "image/store_check.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>

#include <fmt/format.h>

#include "base/file.h"
#include "image/collector.h"
#include "image/manifest_record.h"
#include "oci/image/document.h"

namespace gantry::image {

using database::Connection;
using database::Rows;

std::string_view name_of(Damage damage) {
  switch (damage) {
    case Damage::Database: return "database";
    case Damage::BlobMissing: return "blob-missing";
    case Damage::BlobSize: return "blob-size";
    case Damage::BlobContent: return "blob-content";
    case Damage::BlobUnreadable: return "blob-unreadable";
    case Damage::OrphanedFile: return "orphaned-file";
    case Damage::ForeignFile: return "foreign-file";
    case Damage::Unreferenced: return "unreferenced";
    case Damage::Incomplete: return "incomplete";
    case Damage::Edges: return "edges";
    case Damage::Usage: return "usage";
  }
  return "";
}

// Others use the store meanwhile. So what looks like damage is looked at again under the lock of the writers,
// by the same transaction that repairs it.
class StoreCheck {
 public:
  StoreCheck(ImageStore& store, const CheckOptions& options)
      : database_(store.database()), content_(store.content()), options_(options) {}

  Result<StoreReport> run() {
    TRY_DURING(database(), "check the database");
    if (!report_.findings.empty()) return std::move(report_);  // what it says cannot be relied on
    TRY_DURING(blobs(), "check blobs");
    TRY_DURING(files(), "check files");
    TRY_DURING(references(), "check references");
    TRY_DURING(repositories(), "check repositories");
    // Last, so that what was removed above shows.
    TRY_DURING(completeness(), "check images");
    return std::move(report_);
  }

 private:
  struct Blob {
    Digest digest;
    std::uint64_t size;
    bool is_small;
  };

  bool repairs() const { return options_.repair == Repair::Yes; }

  void found(Damage damage, std::string subject, std::string message, bool is_repaired) {
    report_.findings.push_back({damage, std::move(subject), std::move(message), is_repaired});
  }

  Result<void> database() {
    const std::string damage = TRY(database_.damage());
    if (!damage.empty()) found(Damage::Database, "metadata.db", damage, false);
    return {};
  }

  // ---- every row has its bytes

  Result<void> blobs() {
    std::vector<Blob> blobs;
    std::uint64_t total = 0;
    TRY(database_.read([&](Connection& c) -> Result<void> {
      Rows rows = TRY(c.query("SELECT digest, size, is_small FROM blobs ORDER BY digest"));
      while (TRY(rows.next())) {
        blobs.push_back({TRY(digest_in(rows, 0)), rows.get<std::uint64_t>(1), rows.get<bool>(2)});
        total += blobs.back().size;
      }
      return {};
    }));
    for (const Blob& blob : blobs) {
      ++report_.blobs;
      TRY(check(blob));
      if (options_.on_progress) options_.on_progress(report_.bytes, total);
    }
    return {};
  }

  struct Fault {
    Damage damage;
    std::string message;
  };

  Result<void> check(const Blob& blob) {
    auto fault = look_at(blob);
    if (!fault) return {};
    // Only a blob that is still recorded is damaged: it may have been removed since the list was made.
    const bool is_there = TRY(content_.has(blob.digest));
    if (!is_there) return {};
    if (repairs())
      TRY(database_.write([&](Connection& c) -> Result<void> {
        TRY(content_.remove(c, blob.digest));
        return {};
      }));
    found(fault->damage, blob.digest.str(), std::move(fault->message), repairs());
    return {};
  }

  std::optional<Fault> look_at(const Blob& blob) {
    const std::string name = blob.digest.str();
    auto fd = content_.open(blob.digest);
    if (!fd)
      return Fault{fd.error().code() == Code::DataLoss ? Damage::BlobMissing : Damage::BlobUnreadable,
                   fd.error().message()};
    struct stat st{};
    if (::fstat(fd->get(), &st) < 0)
      return Fault{Damage::BlobUnreadable, sys_error("look at '{}'", name).message()};
    if (static_cast<std::uint64_t>(st.st_size) != blob.size)
      return Fault{Damage::BlobSize,
                   fmt::format("blob '{}' has {} bytes instead of {}", name, st.st_size, blob.size)};
    if (!options_.read_contents) return std::nullopt;
    oci::Hasher hasher(blob.digest.algorithm());
    FdSource source(fd->get(), name);
    for (;;) {
      const auto n = source.read(buffer_);
      if (!n) return Fault{Damage::BlobUnreadable, n.error().message()};
      if (*n == 0) break;
      hasher.update(std::span(buffer_).first(*n));
      report_.bytes += *n;
    }
    const Digest actual = hasher.finish();
    if (actual == blob.digest) return std::nullopt;
    return Fault{Damage::BlobContent,
                 fmt::format("the bytes of blob '{}' have the digest '{}'", name, actual.str())};
  }

  // ---- every file has its row

  Result<void> files() {
    const int content = content_.directory();
    for (const std::string algorithm : {"sha256", "sha512"})
      for (const std::string& shard : TRY(names_in(content, "blobs/" + algorithm))) {
        const std::string path = "blobs/" + algorithm + "/" + shard;
        auto names = names_in(content, path);
        if (!names && names.error().errno_value() == ENOTDIR) {
          foreign(path);
          continue;
        }
        for (const std::string& hex : TRY(std::move(names))) TRY(check_file(algorithm, shard, hex));
      }
    return {};
  }

  void foreign(const std::string& path) {
    found(Damage::ForeignFile, path, fmt::format("'content/{}' is not of the store", path), false);
  }

  Result<void> check_file(const std::string& algorithm, const std::string& shard, const std::string& hex) {
    const std::string path = fmt::format("blobs/{}/{}/{}", algorithm, shard, hex);
    const auto digest = Digest::parse(algorithm + ":" + hex);
    struct stat st{};
    const bool is_there = ::fstatat(content_.directory(), path.c_str(), &st, AT_SYMLINK_NOFOLLOW) == 0;
    if (!is_there) return {};
    if (!digest || !hex.starts_with(shard) || !S_ISREG(st.st_mode)) {
      foreign(path);
      return {};
    }
    // Whoever places a blob or finishes its removal does so under this lock.
    const bool is_orphan =
        TRY(database_.write(database::Durability::Lazy, [&](Connection& c) -> Result<bool> {
          if (TRY(c.value<std::int64_t>("SELECT 1 FROM blobs WHERE digest = ?1 AND NOT is_small",
                                        digest->str())))
            return false;
          if (::fstatat(content_.directory(), path.c_str(), &st, AT_SYMLINK_NOFOLLOW) < 0) return false;
          if (repairs()) content_.remove_file(*digest);
          return true;
        }));
    if (is_orphan)
      found(Damage::OrphanedFile, path, fmt::format("no blob belongs to '{}' ({} bytes)", path, st.st_size),
            repairs());
    return {};
  }

  // ---- every blob is held, and holds what it says

  Result<void> references() {
    std::vector<std::string> unheld;
    std::vector<std::string> manifests;
    TRY(database_.read([&](Connection& c) -> Result<void> {
      {
        Rows rows =
            TRY(c.query("SELECT digest FROM blobs WHERE digest NOT IN held AND digest NOT IN candidates"));
        while (TRY(rows.next())) unheld.push_back(rows.get<std::string>(0));
      }
      Rows rows = TRY(c.query("SELECT digest FROM manifests ORDER BY digest"));
      while (TRY(rows.next())) manifests.push_back(rows.get<std::string>(0));
      return {};
    }));
    for (const std::string& digest : unheld) TRY(check_unheld(digest));
    for (const std::string& digest : manifests) TRY(check_edges(TRY(Digest::parse(digest))));
    return {};
  }

  Result<void> check_unheld(const std::string& digest) {
    const bool is_lost = TRY(database_.write([&](Connection& c) -> Result<bool> {
      if (TRY(is_held(c, digest))) return false;
      if (!repairs()) return true;
      TRY(c.execute("INSERT OR IGNORE INTO candidates VALUES (?1)", digest));
      return true;
    }));
    if (is_lost)
      found(Damage::Unreferenced, digest, fmt::format("nothing holds blob '{}'", digest), repairs());
    return {};
  }

  Result<void> check_edges(const Digest& digest) {
    const auto bytes = content_.read(digest);
    if (!bytes) return {};  // gone, or found damaged above
    const auto type = TRY(database_.read([&](Connection& c) {
      return c.value<std::string>("SELECT media_type FROM manifests WHERE digest = ?1", digest.str());
    }));
    const auto document = oci::parse_document(*bytes, type.value_or(""));
    if (!document) {
      found(Damage::Edges, digest.str(),
            fmt::format("manifest '{}': {}", digest.str(), document.error().message()), false);
      return {};
    }
    const ManifestRecord record = record_of(*document);
    const bool is_wrong = TRY(database_.write([&](Connection& c) -> Result<bool> {
      if (!TRY(c.value<std::int64_t>("SELECT 1 FROM manifests WHERE digest = ?1", digest.str())))
        return false;
      if (TRY(recorded_edges(c, digest)) == record.edges) return false;
      if (!repairs()) return true;
      TRY(c.execute("DELETE FROM edges WHERE parent = ?1", digest.str()));
      TRY(c.execute("DELETE FROM manifests WHERE digest = ?1", digest.str()));
      TRY(insert_record(c, digest, record));
      return true;
    }));
    if (is_wrong)
      found(Damage::Edges, digest.str(),
            fmt::format("the record of what manifest '{}' points at is wrong", digest.str()), repairs());
    return {};
  }

  static Result<std::vector<ManifestRecord::Edge>> recorded_edges(Connection& c, const Digest& digest) {
    std::vector<ManifestRecord::Edge> edges;
    Rows rows =
        TRY(c.query("SELECT child, is_required, is_manifest FROM edges WHERE parent = ?1", digest.str()));
    while (TRY(rows.next()))
      edges.push_back({.child = TRY(digest_in(rows, 0)),
                       .is_required = rows.get<bool>(1),
                       .is_manifest = rows.get<bool>(2)});
    std::ranges::sort(edges);
    return edges;
  }

  // ---- repositories

  Result<void> repositories() {
    struct Wrong {
      std::string name;
      std::int64_t recorded, actual;
    };
    std::vector<Wrong> wrong;
    TRY(database_.write([&](Connection& c) -> Result<void> {
      {
        Rows rows = TRY(c.query(
            "SELECT name, bytes, (SELECT coalesce(sum(size), 0) FROM repository_blobs WHERE repository = id) "
            "+ "
            "(SELECT coalesce(sum(size), 0) FROM repository_manifests WHERE repository = id) AS actual "
            "FROM repositories WHERE bytes <> actual"));
        while (TRY(rows.next()))
          wrong.push_back({rows.get<std::string>(0), rows.get<std::int64_t>(1), rows.get<std::int64_t>(2)});
      }
      if (!repairs()) return {};
      for (const Wrong& repository : wrong)
        TRY(c.execute("UPDATE repositories SET bytes = ?2 WHERE name = ?1", repository.name,
                      repository.actual));
      return {};
    }));
    for (const Wrong& repository : wrong)
      found(Damage::Usage, repository.name,
            fmt::format("repository '{}' has {} bytes, and {} are recorded", repository.name,
                        repository.actual, repository.recorded),
            repairs());
    return {};
  }

  // ---- what people named is whole

  Result<void> completeness() {
    return database_.read([&](Connection& c) -> Result<void> {
      // Of an image, the manifest of its platform; of an index, whatever manifests are here.
      Rows images =
          TRY(c.query("WITH needed (image, digest) AS (SELECT id, manifest FROM images UNION "
                      "SELECT image, target FROM names UNION "
                      "SELECT id, child FROM images JOIN edges ON parent = manifest WHERE is_required) "
                      "SELECT image, digest, (SELECT group_concat(name, ', ') FROM names WHERE names.image = "
                      "needed.image) "
                      "FROM needed WHERE digest NOT IN (SELECT digest FROM blobs) ORDER BY image, digest"));
      while (TRY(images.next())) {
        const std::string id = images.get<std::string>(0);
        const std::string names = images.get<std::optional<std::string>>(2).value_or(id);
        found(Damage::Incomplete, id,
              fmt::format("image '{}' lacks blob '{}': pull it again", names, images.get<std::string>(1)),
              false);
      }
      Rows tagged = TRY(c.query(
          "WITH needed (repository, manifest, digest) AS (SELECT repository, digest, digest FROM "
          "repository_manifests "
          "UNION SELECT repository, digest, child FROM repository_manifests JOIN edges ON parent = digest "
          "WHERE is_required) "
          "SELECT r.name, n.manifest, n.digest FROM needed AS n JOIN repositories AS r ON r.id = "
          "n.repository "
          "WHERE n.digest NOT IN (SELECT digest FROM blobs) ORDER BY r.name, n.manifest, n.digest"));
      while (TRY(tagged.next())) {
        const std::string subject =
            fmt::format("{}@{}", tagged.get<std::string_view>(0), tagged.get<std::string_view>(1));
        found(Damage::Incomplete, subject,
              fmt::format("'{}' lacks blob '{}': push it again", subject, tagged.get<std::string_view>(2)),
              false);
      }
      return {};
    });
  }

  database::Database& database_;
  const ContentStore& content_;
  const CheckOptions& options_;
  StoreReport report_;
  std::vector<std::byte> buffer_ = std::vector<std::byte>(kStreamBuffer);
};

Result<StoreReport> check_store(ImageStore& store, const CheckOptions& options) {
  StoreCheck check(store, options);
  return TRY_DURING(check.run(), "check image store '{}'", store.root());
}

}  // namespace gantry::image
