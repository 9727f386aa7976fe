// SPDX-License-Identifier: Apache-2.0
#include "image/content_store.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cassert>
#include <thread>

#include <fmt/format.h>

#include "base/beside.h"
#include "base/file.h"
#include "base/random.h"
#include "base/timestamp.h"
#include "image/locked_file.h"

namespace gantry::image {

// How many bytes of a large blob wait for the disk before they are sent on their way: then the fsync at the
// end has little left to do.
static constexpr std::uint64_t kWriteBehind = 8 << 20;

// From how many bytes on waking a thread that hashes them costs less than it gains.
static constexpr std::size_t kHashedBeside = 128 << 10;

struct ContentStore::State {
  UniqueFd directory;  // <root>/content
  database::Database* database;
  // More threads than there are processors would gain nothing, and the one that writes is one.
  ThreadPool hashers{{.name = "hash", .max_threads = std::max(1U, std::thread::hardware_concurrency() - 1)}};
};

struct Ingest::State {
  int directory;        // of its store
  ThreadPool* hashers;  // of its store
  DigestAlgorithm algorithm;
  oci::Hasher hasher;
  std::string key;  // empty: none
  std::uint64_t size = 0;
  std::string small;        // all of it, while it is small
  std::uint64_t saved = 0;  // bytes that are in the file
  std::uint64_t sent = 0;   // bytes that the kernel was told to write to disk
  std::string name;         // of the file, once there is one, below `directory`
  UniqueFd file;            // locked
  bool is_kept = false;
  // The transaction that linked the file has failed, perhaps after the link was made. The collector finds out
  // by the file's two names, if it still has the first.
  bool is_doubtful = false;

  bool is_small() const { return size <= kSmallBlob; }

  Result<void> make_file() {
    if (file) return {};
    name = "ingest/" + random_hex(16);
    // The collector may look at it before we have it locked.
    file = *TRY(lock_file(directory, name, IfMissing::Create, Wait::Yes));
    return {};
  }
  Result<void> write_file(std::span<const std::byte> bytes) {
    TRY(make_file());
    while (!bytes.empty()) {
      const ssize_t n = ::pwrite(file.get(), bytes.data(), bytes.size(), static_cast<off_t>(saved));
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) return sys_error("write to '{}' of the image store", name);
      saved += static_cast<std::uint64_t>(n);
      bytes = bytes.subspan(static_cast<std::size_t>(n));
    }
    if (saved - sent >= kWriteBehind) {
      // Only a hint: what fails here fails again in the fsync.
      (void)::sync_file_range(file.get(), static_cast<off_t>(sent), static_cast<off_t>(saved - sent),
                              SYNC_FILE_RANGE_WRITE);
      sent = saved;
    }
    return {};
  }
  // Writes and hashes.
  Result<void> take(std::span<const std::byte> bytes) {
    if (bytes.size() < kHashedBeside) {
      TRY(write_file(bytes));
      hasher.update(bytes);
      return {};
    }
    const Beside hashing(*hashers, [&] { hasher.update(bytes); });
    return write_file(bytes);
  }
  // After a part of what follows the first `size` bytes was written, or hashed.
  Result<void> forget_the_rest() {
    if (saved > size && ::ftruncate(file.get(), static_cast<off_t>(size)) < 0)
      return sys_error("cut '{}' of the image store to {} bytes", name, size);
    saved = std::min(saved, size);
    sent = std::min(sent, saved);
    return take_in(size);
  }
  Result<void> write_small_to_file() {
    if (!is_small() || saved == size) return {};
    return write_file(bytes_of(std::string_view(small).substr(saved)));
  }
  // Calls `use` with every byte so far, in pieces.
  template <class Use>
  Result<void> for_each_piece(Use use) const {
    if (is_small() && small.size() == size) {
      use(bytes_of(small));
      return {};
    }
    const auto buffer = std::make_unique<std::byte[]>(kStreamBuffer);
    for (std::uint64_t at = 0; at < size;) {
      const auto wanted = static_cast<std::size_t>(std::min<std::uint64_t>(kStreamBuffer, size - at));
      const ssize_t n = ::pread(file.get(), buffer.get(), wanted, static_cast<off_t>(at));
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) return sys_error("read '{}' of the image store", name);
      if (n == 0) return error(Code::DataLoss, "read '{}' of the image store: it was cut", name);
      use(std::span<const std::byte>(buffer.get(), static_cast<std::size_t>(n)));
      at += static_cast<std::uint64_t>(n);
    }
    return {};
  }
  // After the file's content or length was changed behind the hash.
  Result<void> take_in(std::uint64_t bytes) {
    size = bytes;
    hasher = oci::Hasher(algorithm);
    small.clear();
    std::string beginning;
    TRY(for_each_piece([&](std::span<const std::byte> piece) {
      hasher.update(piece);
      if (is_small()) beginning.append(text_of(piece));
    }));
    small = std::move(beginning);
    return {};
  }
};

// ---- Ingest

Ingest::Ingest(std::unique_ptr<State> state) : state_(std::move(state)) {}
Ingest::Ingest(Ingest&&) noexcept = default;

Ingest& Ingest::operator=(Ingest&& other) noexcept {
  std::swap(state_, other.state_);
  return *this;
}

Ingest::~Ingest() {
  if (!state_ || !state_->file || state_->is_kept || state_->is_doubtful) return;
  (void)::unlinkat(state_->directory, state_->name.c_str(), 0);
}

std::uint64_t Ingest::size() const { return state_->size; }

Result<void> Ingest::write(std::span<const std::byte> bytes) {
  State& state = *state_;
  if (state.size + bytes.size() <= kSmallBlob) {
    state.small.append(text_of(bytes));
    state.hasher.update(bytes);
  } else {
    TRY(state.write_small_to_file());
    if (Result<void> taken = state.take(bytes); !taken) {
      TRY(state.forget_the_rest());
      return taken;
    }
    state.small = {};
  }
  state.size += bytes.size();
  return {};
}

Result<void> Ingest::truncate(std::uint64_t size) {
  State& state = *state_;
  if (size > state.size)
    return error(Code::InvalidArgument, "cut an upload of {} bytes to {}", state.size, size);
  if (size == state.size) return {};
  TRY(state.write_small_to_file());
  if (::ftruncate(state.file.get(), static_cast<off_t>(size)) < 0)
    return sys_error("cut '{}' of the image store to {} bytes", state.name, size);
  state.saved = size;
  state.sent = std::min(state.sent, size);
  return state.take_in(size);
}

Result<void> Ingest::save() {
  assert(!state_->key.empty() && "nobody could find it again");
  TRY(state_->write_small_to_file());
  state_->is_kept = true;
  return {};
}

void Ingest::discard() { state_->is_kept = false; }

// ---- ContentStore

ContentStore::ContentStore(std::unique_ptr<State> state) : state_(std::move(state)) {}
ContentStore::ContentStore(ContentStore&&) noexcept = default;
ContentStore& ContentStore::operator=(ContentStore&&) noexcept = default;
ContentStore::~ContentStore() = default;

Result<ContentStore> ContentStore::open(const std::string& directory, database::Database& database) {
  for (const char* name : {"/ingest", "/blobs/sha256", "/blobs/sha512"})
    TRY(make_directories(directory + name, 0700));
  auto state = std::make_unique<State>();
  state->directory = TRY(open_at(AT_FDCWD, directory, O_RDONLY | O_DIRECTORY));
  state->database = &database;
  return ContentStore(std::move(state));
}

static std::string shard_of(const Digest& digest) {
  return fmt::format("blobs/{}/{}", name_of(digest.algorithm()), digest.hex().substr(0, 2));
}

static std::string path_of(const Digest& digest) {
  return fmt::format("{}/{}", shard_of(digest), digest.hex());
}

static Error not_here(const Digest& digest) {
  return error(Code::NotFound, "blob '{}' is not in the store", digest.str());
}

Result<bool> ContentStore::has(const Digest& digest) const {
  return state_->database->read([&](database::Connection& c) -> Result<bool> {
    return TRY(c.value<std::int64_t>("SELECT 1 FROM blobs WHERE digest = ?1", digest.str())).has_value();
  });
}

Result<std::uint64_t> ContentStore::size(const Digest& digest) const {
  const auto size = TRY(state_->database->read([&](database::Connection& c) {
    return c.value<std::uint64_t>("SELECT size FROM blobs WHERE digest = ?1", digest.str());
  }));
  if (!size) return not_here(digest);
  return *size;
}

// A sealed memory file, so that whoever has it can neither change it nor tell it from a file.
static Result<UniqueFd> memory_file(std::string_view content, const Digest& digest) {
  UniqueFd fd(::memfd_create("blob", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (!fd) return sys_error("make a memory file for blob '{}'", digest.str());
  TRY(write_all(fd.get(), content, digest.str()));
  if (::lseek(fd.get(), 0, SEEK_SET) < 0 ||
      ::fcntl(fd.get(), F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) < 0)
    return sys_error("seal the memory file of blob '{}'", digest.str());
  return fd;
}

Result<std::optional<std::string>> ContentStore::read_small(const Digest& digest) const {
  return state_->database->read([&](database::Connection& c) {
    return c.value<std::string>("SELECT content FROM small_blobs WHERE digest = ?1", digest.str());
  });
}

Result<UniqueFd> ContentStore::open_file(const Digest& digest) const {
  UniqueFd fd(::openat(directory(), path_of(digest).c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
  if (fd) return fd;
  if (errno != ENOENT) return sys_error("open blob '{}'", digest.str());
  if (!TRY(has(digest))) return not_here(digest);
  return error(Code::DataLoss, "blob '{}' should be in the store, but its file is missing: check the store",
               digest.str());
}

Result<UniqueFd> ContentStore::open(const Digest& digest) const {
  if (const auto content = TRY(read_small(digest))) return memory_file(*content, digest);
  return open_file(digest);
}

Result<std::string> ContentStore::read(const Digest& digest, std::size_t limit) const {
  if (auto content = TRY(read_small(digest))) {
    if (content->size() <= limit) return *std::move(content);
    return error(Code::ResourceExhausted, "read blob '{}': larger than {} bytes", digest.str(), limit);
  }
  UniqueFd fd = TRY(open_file(digest));
  return read_all(fd.get(), "blob " + digest.str(), limit);
}

Result<Ingest> ContentStore::ingest(DigestAlgorithm algorithm) const {
  return Ingest(std::make_unique<Ingest::State>(Ingest::State{.directory = directory(),
                                                              .hashers = &state_->hashers,
                                                              .algorithm = algorithm,
                                                              .hasher = oci::Hasher(algorithm)}));
}

Result<Ingest> ContentStore::saved(std::string_view key, DigestAlgorithm algorithm, bool may_create) const {
  auto state = std::make_unique<Ingest::State>(Ingest::State{.directory = directory(),
                                                             .hashers = &state_->hashers,
                                                             .algorithm = algorithm,
                                                             .hasher = oci::Hasher(algorithm)});
  state->key = key;
  state->name = "ingest/key-" + oci::digest_of(key).hex();  // a key may be anything, of any length
  auto file =
      lock_file(state->directory, state->name, may_create ? IfMissing::Create : IfMissing::Fail, Wait::No);
  if (!file && file.error().code() == Code::NotFound)
    return error(Code::NotFound, "nothing was saved of upload '{}'", key);
  if (!file) return std::move(file).error();
  if (!*file) return error(Code::Conflict, "upload '{}' is being written by someone else", key);
  state->file = *std::move(*file);
  struct stat st{};
  if (::fstat(state->file.get(), &st) < 0) return sys_error("look at '{}' of the image store", state->name);
  state->saved = state->sent = static_cast<std::uint64_t>(st.st_size);
  // What was saved stays saved until commit or discard(): this owner may be killed as well.
  state->is_kept = state->saved > 0;
  TRY(state->take_in(state->saved));
  return Ingest(std::move(state));
}

Result<Ingest> ContentStore::ingest(std::string_view key, DigestAlgorithm algorithm) const {
  return saved(key, algorithm, true);
}

Result<Ingest> ContentStore::resume(std::string_view key, DigestAlgorithm algorithm) const {
  return saved(key, algorithm, false);
}

Result<Digest> ContentStore::prepare(Ingest& ingest, const Expected& expected) const {
  Ingest::State& state = *ingest.state_;
  if (expected.size && *expected.size != state.size) {
    ingest.discard();
    return error(Code::InvalidArgument, "blob{}: {} bytes were expected, and {} came",
                 expected.digest ? " '" + expected.digest->str() + "'" : "", *expected.size, state.size);
  }
  Digest digest;
  if (expected.digest && expected.digest->algorithm() != state.algorithm) {
    oci::Hasher hasher(expected.digest->algorithm());
    TRY(state.for_each_piece([&](std::span<const std::byte> piece) { hasher.update(piece); }));
    digest = hasher.finish();
  } else {
    digest = state.hasher.finish();
  }
  if (expected.digest && *expected.digest != digest) {
    ingest.discard();
    return error(Code::InvalidArgument, "blob '{}': the {} bytes that came have the digest '{}'",
                 expected.digest->str(), state.size, digest.str());
  }
  if (!state.is_small() && ::fdatasync(state.file.get()) < 0)
    return sys_error("sync blob '{}' to disk", digest.str());
  return digest;
}

Result<Digest> ContentStore::commit(Ingest ingest, const Expected& expected, database::Durability durability,
                                    const Hold& hold) const {
  const Digest digest = TRY(prepare(ingest, expected));
  Result<void> placed = state_->database->write(durability, [&](database::Connection& c) -> Result<void> {
    TRY(hold(c, digest));
    return place(c, ingest, digest);
  });
  if (!placed) {
    withdraw(ingest, digest);
    return std::move(placed).error();
  }
  ingest.discard();
  return digest;
}

void ContentStore::withdraw(Ingest& ingest, const Digest& digest) const {
  Ingest::State& state = *ingest.state_;
  if (!state.is_doubtful) return;
  // Changes nothing in the database, so it works on a full disk too.
  const Result<void> withdrawn =
      state_->database->write(database::Durability::Lazy, [&](database::Connection& c) -> Result<void> {
        if (TRY(c.value<std::int64_t>("SELECT 1 FROM blobs WHERE digest = ?1", digest.str()))) return {};
        struct stat mine{}, placed{};
        const std::string path = path_of(digest);
        if (::fstat(state.file.get(), &mine) == 0 && ::fstatat(directory(), path.c_str(), &placed, 0) == 0 &&
            mine.st_ino == placed.st_ino && ::unlinkat(directory(), path.c_str(), 0) < 0)
          return sys_error("remove '{}' from the image store", path);
        return {};
      });
  if (withdrawn) state.is_doubtful = false;  // else it is left to the collector
}

Result<void> ContentStore::sync_directory(const std::string& path) const {
  UniqueFd fd = TRY(open_at(directory(), path, O_RDONLY | O_DIRECTORY));
  if (::fsync(fd.get()) < 0) return sys_error("sync directory '{}' of the image store", path);
  return {};
}

Result<void> ContentStore::place(database::Connection& c, Ingest& ingest, const Digest& digest) const {
  Ingest::State& state = *ingest.state_;
  const std::string name = digest.str();
  const bool is_new =
      TRY(c.execute("INSERT OR IGNORE INTO blobs (digest, size, is_small, added) VALUES (?1, ?2, ?3, ?4)",
                    name, state.size, state.is_small(), wall_clock_ns())) > 0;
  if (!is_new) return {};  // the ingest was for nothing
  if (state.is_small()) {
    TRY(c.execute("INSERT INTO small_blobs (digest, content) VALUES (?1, ?2)", name, bytes_of(state.small)));
    return {};
  }
  const std::string path = path_of(digest);
  state.is_doubtful = true;
  // The file keeps its name in ingest/ until the transaction is on disk: two names tell the collector of a
  // commit that was killed half way.
  while (::linkat(directory(), state.name.c_str(), directory(), path.c_str(), 0) < 0) {
    if (errno == ENOENT) {
      const std::string shard = shard_of(digest);
      if (::mkdirat(directory(), shard.c_str(), 0700) < 0)
        return sys_error("make '{}' in the image store", shard);
      TRY(sync_directory(shard.substr(0, shard.rfind('/'))));
    } else if (errno == EEXIST) {
      // There is no row, so this is what a killed process left: perhaps not even whole.
      if (::unlinkat(directory(), path.c_str(), 0) < 0)
        return sys_error("replace '{}' in the image store", path);
    } else {
      return sys_error("put blob '{}' into the image store", name);
    }
  }
  TRY(sync_directory(shard_of(digest)));
  TRY(c.execute("DELETE FROM removed_files WHERE digest = ?1", name));
  c.after_commit([&state] { state.is_doubtful = false; });
  return {};
}

void ContentStore::remove_file(const Digest& digest) const {
  (void)::unlinkat(directory(), path_of(digest).c_str(), 0);  // it may be gone
}

int ContentStore::directory() const { return state_->directory.get(); }

Result<std::optional<std::uint64_t>> ContentStore::remove(database::Connection& c,
                                                          const Digest& digest) const {
  const std::string name = digest.str();
  std::uint64_t size = 0;
  bool is_small = false;
  {
    database::Rows rows = TRY(c.query("SELECT size, is_small FROM blobs WHERE digest = ?1", name));
    if (!TRY(rows.next())) return std::optional<std::uint64_t>();
    size = rows.get<std::uint64_t>(0);
    is_small = rows.get<bool>(1);
  }
  TRY(c.execute("DELETE FROM blobs WHERE digest = ?1", name));
  TRY(c.execute("DELETE FROM manifests WHERE digest = ?1", name));
  TRY(c.execute("DELETE FROM edges WHERE parent = ?1", name));
  if (is_small) {
    TRY(c.execute("DELETE FROM small_blobs WHERE digest = ?1", name));
    return std::optional(size);
  }
  // The file goes once nobody can be told any more that it is there. If this process is killed in between,
  // the row tells the next collector.
  TRY(c.execute("INSERT OR IGNORE INTO removed_files VALUES (?1)", name));
  c.after_commit([this, &c, digest] {
    // Another writer of the same transaction may have put the blob back.
    const auto is_removed =
        c.value<std::int64_t>("SELECT 1 FROM removed_files WHERE digest = ?1", digest.str());
    if (is_removed && *is_removed) remove_file(digest);  // else it is left to the next collector
  });
  return std::optional(size);
}

}  // namespace gantry::image
