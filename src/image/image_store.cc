// SPDX-License-Identifier: Apache-2.0
#include "image/image_store.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <numeric>
#include <unordered_map>
#include <utility>

#include <fmt/format.h>

#include "base/file.h"
#include "base/mutex.h"
#include "base/random.h"
#include "base/timestamp.h"
#include "image/collector.h"
#include "image/disk_usage.h"
#include "image/locked_file.h"
#include "image/manifest_record.h"
#include "image/repositories.h"
#include "image/schema.h"
#include "oci/image/reference.h"

namespace gantry::image {

using database::Connection;
using database::Durability;
using database::Rows;

struct ImageStore::State {
  State(std::string path, UniqueFd fd, database::Database db, UniqueFd sessions_fd)
      : root(std::move(path)),
        directory(std::move(fd)),
        sessions(std::move(sessions_fd)),
        database(std::move(db)) {}
  ~State() {
    if (session_file) (void)::unlinkat(sessions.get(), session.c_str(), 0);
  }

  const std::string root;
  const UniqueFd directory;
  const UniqueFd sessions;
  database::Database database;
  std::optional<ContentStore> content;         // after open()
  std::unique_ptr<Repositories> repositories;  // after open()

  Mutex mutex;                              // guards what follows
  std::string session GUARDED_BY(mutex);    // made with the first lease
  UniqueFd session_file GUARDED_BY(mutex);  // locked as long as this lives

  // The name of the file that says that we live.
  Result<std::string> live() {
    MutexLock lock(mutex);
    if (!session_file) {
      std::string name = random_hex(16);
      session_file = *TRY(lock_file(sessions.get(), name, IfMissing::Create, Wait::Yes));
      session = std::move(name);
    }
    return session;
  }
};

// ---- Lease

struct Lease::State {
  database::Database& database;
  const ContentStore& content;
  std::int64_t id;
  std::string owner;

  // In a transaction.
  Result<void> hold(Connection& c, std::string_view digest) const {
    TRY(c.execute("INSERT OR IGNORE INTO lease_blobs (lease, digest) SELECT id, ?2 FROM leases WHERE id = ?1",
                  id, digest));
    if (!TRY(c.value<std::int64_t>("SELECT 1 FROM leases WHERE id = ?1", id)))
      return error(Code::Conflict, "the lease for '{}' is over", owner);
    return {};
  }
};

Lease::Lease(std::unique_ptr<State> state) : state_(std::move(state)) {}
Lease::Lease(Lease&&) noexcept = default;

Lease& Lease::operator=(Lease&& other) noexcept {
  std::swap(state_, other.state_);
  return *this;
}

Lease::~Lease() {
  if (state_) (void)release();  // if it cannot be written, the lease ends with the process
}

// All of a lease is lazy: what must outlive a power loss is what is recorded of the image afterwards, and
// that syncs what came before it.

Result<std::vector<Digest>> Lease::hold(std::span<const Digest> digests) {
  return state_->database.write(Durability::Lazy, [&](Connection& c) -> Result<std::vector<Digest>> {
    std::vector<Digest> missing;
    for (const Digest& digest : digests) {
      TRY(state_->hold(c, digest.str()));
      if (!TRY(c.value<std::int64_t>("SELECT 1 FROM blobs WHERE digest = ?1", digest.str())))
        missing.push_back(digest);
    }
    return missing;
  });
}

Result<bool> Lease::hold(const Digest& digest) { return TRY(hold(std::span(&digest, 1))).empty(); }

Result<Digest> Lease::commit(Ingest ingest, const Expected& expected) {
  return state_->content.commit(
      std::move(ingest), expected, Durability::Lazy,
      [&](Connection& c, const Digest& digest) { return state_->hold(c, digest.str()); });
}

// The algorithm that the bytes are to be known by.
static DigestAlgorithm algorithm_of(const Expected& expected) {
  return expected.digest ? expected.digest->algorithm() : DigestAlgorithm::Sha256;
}

Result<Digest> Lease::add(std::string_view bytes, const Expected& expected) {
  Ingest ingest = TRY(state_->content.ingest(algorithm_of(expected)));
  TRY(ingest.write(bytes_of(bytes)));
  return commit(std::move(ingest), expected);
}

Result<Digest> Lease::add_manifest(std::string_view bytes, const oci::Document& document,
                                   const Expected& expected) {
  Ingest ingest = TRY(state_->content.ingest(algorithm_of(expected)));
  TRY(ingest.write(bytes_of(bytes)));
  const ManifestRecord record = record_of(document);
  return state_->content.commit(std::move(ingest), expected, Durability::Lazy,
                                [&](Connection& c, const Digest& digest) -> Result<void> {
                                  TRY(state_->hold(c, digest.str()));
                                  return insert_record(c, digest, record);
                                });
}

Result<void> Lease::release() {
  const std::unique_ptr<State> state = std::move(state_);
  TRY(state->database.write(Durability::Lazy, [&](Connection& c) {
    return c.execute("DELETE FROM leases WHERE id = ?1", state->id);
  }));
  return {};
}

// ---- ImageStore

ImageStore::ImageStore(std::unique_ptr<State> state) : state_(std::move(state)) {}
ImageStore::ImageStore(ImageStore&&) noexcept = default;
ImageStore& ImageStore::operator=(ImageStore&&) noexcept = default;
ImageStore::~ImageStore() = default;

Result<ImageStore> ImageStore::open(const std::string& root) {
  const auto make = [&]() -> Result<ImageStore> {
    TRY(make_directories(root, 0711));  // others pass through, to what containers share with them
    for (const char* name : {"/sessions", "/locks"}) TRY(make_directories(root + name, 0700));
    UniqueFd directory = TRY(open_at(AT_FDCWD, root, O_RDONLY | O_DIRECTORY));
    UniqueFd sessions = TRY(open_at(directory.get(), "sessions", O_RDONLY | O_DIRECTORY));
    auto state = std::make_unique<State>(
        root, std::move(directory), TRY(database::Database::open(root + "/metadata.db", schema_versions())),
        std::move(sessions));
    state->content = TRY(ContentStore::open(root + "/content", state->database));
    state->repositories.reset(new Repositories(state->database, *state->content));
    return ImageStore(std::move(state));
  };
  return TRY_DURING(make(), "open image store '{}'", root);
}

const std::string& ImageStore::root() const { return state_->root; }
const ContentStore& ImageStore::content() const { return *state_->content; }
database::Database& ImageStore::database() { return state_->database; }
Repositories& ImageStore::repositories() { return *state_->repositories; }

Result<Lease> ImageStore::lease(std::string_view owner, std::optional<std::chrono::seconds> lifetime) {
  const std::string session = TRY(state_->live());
  const std::int64_t now = wall_clock_ns();
  std::optional<std::int64_t> expires;
  if (lifetime) expires = now + std::chrono::nanoseconds(*lifetime).count();
  const std::int64_t id =
      TRY(state_->database.write(Durability::Lazy, [&](Connection& c) -> Result<std::int64_t> {
        TRY(c.execute("INSERT INTO leases (session, owner, created, expires) VALUES (?1, ?2, ?3, ?4)",
                      session, owner, now, expires));
        return c.last_insert_id();
      }));
  return Lease(std::make_unique<Lease::State>(Lease::State{
      .database = state_->database, .content = *state_->content, .id = id, .owner = std::string(owner)}));
}

// ---- images

static Error no_image(const Digest& id) { return error(Code::NotFound, "there is no image '{}'", id.str()); }

// In a transaction: whoever records a name for a blob has it here.
static Result<void> must_have(Connection& c, const Digest& digest) {
  if (TRY(c.value<std::int64_t>("SELECT 1 FROM blobs WHERE digest = ?1", digest.str()))) return {};
  return error(Code::NotFound, "blob '{}' is not in the store", digest.str());
}

static Result<void> put_name(Connection& c, const Digest& id, std::string_view name, const Digest& target) {
  TRY_DURING(must_have(c, target), "name an image '{}'", name);
  TRY(c.execute(
      "INSERT INTO names (name, image, target, updated) VALUES (?1, ?2, ?3, ?4) ON CONFLICT (name) DO UPDATE "
      "SET image = excluded.image, target = excluded.target, updated = excluded.updated",
      name, id.str(), target.str(), wall_clock_ns()));
  return {};
}

Result<void> ImageStore::put_image(const Image& image, std::span<const NewName> names) {
  return state_->database.write([&](Connection& c) -> Result<void> {
    TRY_DURING(must_have(c, image.manifest), "record image '{}'", image.id.str());
    TRY(
        c.execute("INSERT INTO images (id, manifest, platform, created, size, unpacked_size, labels, added) "
                  "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT (id) DO UPDATE SET manifest = "
                  "excluded.manifest, "
                  "platform = excluded.platform, created = excluded.created, size = excluded.size, "
                  "unpacked_size = max(unpacked_size, excluded.unpacked_size), labels = excluded.labels",
                  image.id.str(), image.manifest.str(), image.platform, image.created, image.size,
                  image.unpacked_size, encode_map(image.labels), wall_clock_ns()));
    for (const NewName& name : names) TRY(put_name(c, image.id, name.name, name.target));
    return {};
  });
}

Result<void> ImageStore::tag(const Digest& id, std::string_view name, const Digest& target) {
  return state_->database.write([&](Connection& c) -> Result<void> {
    Rows rows = TRY(c.query("SELECT manifest FROM images WHERE id = ?1", id.str()));
    if (!TRY(rows.next())) return no_image(id);
    return put_name(c, id, name, target.is_empty() ? TRY(digest_in(rows, 0)) : target);
  });
}

Result<void> ImageStore::untag(std::string_view name) {
  const auto removed = TRY(state_->database.write(
      [&](Connection& c) { return c.execute("DELETE FROM names WHERE name = ?1", name); }));
  if (removed == 0) return error(Code::NotFound, "there is no image '{}'", name);
  return {};
}

Result<void> ImageStore::remove_image(const Digest& id, Force force) {
  return state_->database.write([&](Connection& c) -> Result<void> {
    const auto user = TRY(c.value<std::string>(
        "SELECT user FROM image_users WHERE image = ?1 ORDER BY user LIMIT 1", id.str()));
    if (user && force == Force::No)
      return error(Code::Conflict, "remove image '{}': '{}' uses it", id.str(), *user);
    TRY(c.execute("DELETE FROM names WHERE image = ?1", id.str()));
    if (TRY(c.execute("DELETE FROM images WHERE id = ?1", id.str())) == 0) return no_image(id);
    TRY(c.execute("DELETE FROM image_users WHERE image = ?1", id.str()));
    return {};
  });
}

// A row of: id, manifest, platform, created, size, unpacked_size, labels, added.
static Result<Image> image_in(const Rows& rows) {
  Image image{.platform = rows.get<std::string>(2),
              .created = rows.get<std::int64_t>(3),
              .size = rows.get<std::uint64_t>(4),
              .unpacked_size = rows.get<std::uint64_t>(5),
              .added = rows.get<std::int64_t>(7)};
  image.id = TRY(digest_in(rows, 0));
  image.manifest = TRY(digest_in(rows, 1));
  image.labels = TRY(decode_map(rows.get<std::string_view>(6)));
  return image;
}

static Result<Image::Name> name_in(const Rows& rows) {
  const Digest target = TRY(digest_in(rows, 1));
  return Image::Name{
      .name = rows.get<std::string>(0), .target = target, .updated = rows.get<std::int64_t>(2)};
}

static Result<std::optional<Image>> image_of(Connection& c, std::string_view id) {
  std::optional<Image> image;
  {
    Rows rows =
        TRY(c.query("SELECT id, manifest, platform, created, size, unpacked_size, labels, added FROM images "
                    "WHERE id = ?1",
                    id));
    if (!TRY(rows.next())) return image;
    image = TRY(image_in(rows));
  }
  Rows names = TRY(c.query("SELECT name, target, updated FROM names WHERE image = ?1 ORDER BY name", id));
  while (TRY(names.next())) image->names.push_back(TRY(name_in(names)));
  Rows users = TRY(c.query("SELECT user FROM image_users WHERE image = ?1 ORDER BY user", id));
  while (TRY(users.next())) image->users.push_back(users.get<std::string>(0));
  return image;
}

Result<std::optional<Image>> ImageStore::image(const Digest& id) const {
  return state_->database.read([&](Connection& c) { return image_of(c, id.str()); });
}

Result<std::optional<Image>> ImageStore::image_named(std::string_view name) const {
  return state_->database.read([&](Connection& c) -> Result<std::optional<Image>> {
    const auto id = TRY(c.value<std::string>("SELECT image FROM names WHERE name = ?1", name));
    if (!id) return std::optional<Image>();
    return image_of(c, *id);
  });
}

// The one id that begins so.
static Result<std::optional<Image>> image_with_prefix(Connection& c, std::string_view text) {
  std::string first(text);
  if (!text.starts_with("sha256:") && !text.starts_with("sha512:")) first.insert(0, "sha256:");
  if (first.find_first_not_of("0123456789abcdef", 7) != first.npos || first.size() == 7)
    return std::optional<Image>();
  std::string id;
  {
    // What begins with it sorts from it on, and before it with a letter after "f" behind.
    Rows rows = TRY(c.query("SELECT id FROM images WHERE id >= ?1 AND id < ?1 || 'g' LIMIT 2", first));
    if (!TRY(rows.next())) return std::optional<Image>();
    id = rows.get<std::string>(0);
    if (TRY(rows.next())) return error(Code::Conflict, "'{}' begins the ids of several images", text);
  }
  return image_of(c, id);
}

Result<Image> ImageStore::resolve(std::string_view name_or_id) const {
  std::optional<Image> image;
  // An id in full may not be a name, and Reference refuses it.
  if (const auto reference = oci::Reference::parse(name_or_id)) image = TRY(image_named(reference->str()));
  if (!image)
    image = TRY(state_->database.read([&](Connection& c) { return image_with_prefix(c, name_or_id); }));
  if (!image) return error(Code::NotFound, "there is no image '{}'", name_or_id);
  return *std::move(image);
}

// In place, with one move for each that changes its own: std::sort moves them a dozen times, a second vector
// is as much memory again, and SQLite would copy every row to where it sorts them.
static void sort_newest_first(std::vector<Image>& images) {
  std::vector<std::size_t> order(images.size());  // which image belongs where
  std::iota(order.begin(), order.end(), 0U);
  std::ranges::sort(order, [&](std::size_t a, std::size_t b) {
    if (images[a].created != images[b].created) return images[a].created > images[b].created;
    return images[a].id < images[b].id;
  });
  for (std::size_t start = 0; start < images.size(); ++start) {
    if (order[start] == start) continue;
    // Round the circle of those that stand in each other's places.
    Image displaced = std::move(images[start]);
    std::size_t hole = start;
    while (order[hole] != start) {
      images[hole] = std::move(images[order[hole]]);
      hole = std::exchange(order[hole], hole);
    }
    images[hole] = std::move(displaced);
    order[hole] = hole;
  }
}

Result<std::vector<Image>> ImageStore::images() const {
  return state_->database.read([&](Connection& c) -> Result<std::vector<Image>> {
    std::vector<Image> images;
    images.reserve(TRY(c.value<std::uint64_t>("SELECT count(*) FROM images")).value_or(0));
    {
      Rows rows = TRY(
          c.query("SELECT id, manifest, platform, created, size, unpacked_size, labels, added FROM images"));
      while (TRY(rows.next())) images.push_back(TRY(image_in(rows)));
    }
    std::unordered_map<Digest, Image*> index;
    index.reserve(images.size());
    for (Image& image : images) index.emplace(image.id, &image);
    // Names and users of ids that are images: others are damage, and check_store() finds them.
    const auto with = [&](const Digest& id) -> Image* {
      const auto found = index.find(id);
      return found == index.end() ? nullptr : found->second;
    };
    Rows names = TRY(c.query("SELECT name, target, updated, image FROM names ORDER BY name"));
    while (TRY(names.next()))
      if (Image* image = with(TRY(digest_in(names, 3)))) image->names.push_back(TRY(name_in(names)));
    Rows users = TRY(c.query("SELECT image, user FROM image_users ORDER BY user"));
    while (TRY(users.next()))
      if (Image* image = with(TRY(digest_in(users, 0)))) image->users.push_back(users.get<std::string>(1));
    sort_newest_first(images);
    return images;
  });
}

Result<void> ImageStore::add_user(const Digest& id, std::string_view user, Durability durability) {
  return state_->database.write(durability, [&](Connection& c) -> Result<void> {
    if (!TRY(c.value<std::int64_t>("SELECT 1 FROM images WHERE id = ?1", id.str()))) return no_image(id);
    TRY(c.execute("INSERT OR IGNORE INTO image_users (image, user) VALUES (?1, ?2)", id.str(), user));
    return {};
  });
}

Result<void> ImageStore::remove_user(const Digest& id, std::string_view user, Durability durability) {
  TRY(state_->database.write(durability, [&](Connection& c) {
    return c.execute("DELETE FROM image_users WHERE image = ?1 AND user = ?2", id.str(), user);
  }));
  return {};
}

// ---- what is known of blobs

Result<std::optional<ImageStore::ManifestInfo>> ImageStore::manifest(const Digest& digest) const {
  return state_->database.read([&](Connection& c) -> Result<std::optional<ManifestInfo>> {
    Rows rows = TRY(c.query(
        "SELECT media_type, size FROM manifests JOIN blobs USING (digest) WHERE digest = ?1", digest.str()));
    if (!TRY(rows.next())) return std::optional<ManifestInfo>();
    return std::optional(ManifestInfo{
        .digest = digest, .media_type = rows.get<std::string>(0), .size = rows.get<std::uint64_t>(1)});
  });
}

Result<std::vector<Digest>> ImageStore::missing_below(const Digest& manifest) const {
  return state_->database.read([&](Connection& c) -> Result<std::vector<Digest>> {
    std::vector<Digest> missing;
    // UNION, not UNION ALL: each blob once, however many manifests point at it.
    Rows rows = TRY(c.query(
        "WITH RECURSIVE below (digest) AS (SELECT child FROM edges WHERE parent = ?1 AND is_required UNION "
        "SELECT child FROM edges JOIN below ON parent = digest WHERE is_required) "
        "SELECT digest FROM below WHERE digest NOT IN (SELECT digest FROM blobs)",
        manifest.str()));
    while (TRY(rows.next())) missing.push_back(TRY(digest_in(rows, 0)));
    return missing;
  });
}

// ---- upkeep

Result<Collected> ImageStore::collect(const CollectOptions& options) {
  Collector collector(state_->database, *state_->content, state_->directory.get());
  return TRY_DURING(collector.run(options), "collect in image store '{}'", state_->root);
}

// Of a directory, which may not be there: snapshots are made by others.
static Result<std::uint64_t> bytes_below(int root, const std::string& path) {
  auto usage = disk_usage(root, path);
  if (!usage && usage.error().code() == Code::NotFound) return 0;
  return TRY(std::move(usage)).bytes;
}

Result<StoreUsage> ImageStore::usage() const {
  const int root = state_->directory.get();
  StoreUsage usage;
  usage.ingests = TRY(bytes_below(root, "content/ingest"));
  usage.blobs = TRY(bytes_below(root, "content/blobs"));
  usage.snapshots = TRY(bytes_below(root, "snapshots"));
  usage.metadata = TRY(bytes_below(root, "sessions")) + TRY(bytes_below(root, "locks"));
  // The files are not opened: closing a descriptor of the database would take SQLite's locks away (fcntl(2)).
  std::vector<std::string> names = TRY(names_in(root, "."));
  names.emplace_back(".");
  for (const std::string& name : names) {
    struct stat st{};
    if (::fstatat(root, name.c_str(), &st, AT_SYMLINK_NOFOLLOW) < 0) continue;  // gone meanwhile
    if (!S_ISDIR(st.st_mode) || name == "." || name == "content")
      usage.metadata += static_cast<std::uint64_t>(st.st_blocks) * 512;
  }
  return usage;
}

}  // namespace gantry::image
