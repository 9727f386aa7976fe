// SPDX-License-Identifier: Apache-2.0
#include "store/snapshot_file.h"

#include <fcntl.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <memory>
#include <string_view>
#include <vector>

#include "base/file.h"
#include "base/unique_fd.h"
#include "database/copy.h"
#include "store/change_log.h"

namespace gantry::store {
namespace {

// Behind the database stand these, and the SHA-256 of all before them.
constexpr std::string_view kMark = "gantry-snapshot1";
constexpr std::size_t kDigest = 32;
constexpr std::uint64_t kTrailer = kMark.size() + kDigest;
constexpr std::size_t kPiece = 1 << 20;  // bytes

// A file on its way to its name. Goes away, with what SQLite puts beside it, unless it gets there.
class Partial {
 public:
  static Result<Partial> make(const std::string& path) {
    Partial partial(path, path + ".partial");
    partial.remove();  // of one who was killed
    partial.fd_ = TRY(open_at(AT_FDCWD, partial.name_, O_RDWR | O_CREAT | O_EXCL, 0600));
    return partial;
  }
  Partial(Partial&&) noexcept = default;
  Partial& operator=(Partial&&) = delete;
  ~Partial() {
    if (fd_) remove();
  }

  int fd() const { return fd_.get(); }
  const std::string& name() const { return name_; }
  Result<void> commit() {
    if (::fsync(fd_.get()) < 0) return sys_error("sync '{}'", name_);
    if (::renameat2(AT_FDCWD, name_.c_str(), AT_FDCWD, path_.c_str(), RENAME_NOREPLACE) < 0)
      return errno == EEXIST ? error(Code::AlreadyExists, "'{}' exists already", path_)
                             : sys_error("rename '{}' to '{}'", name_, path_);
    fd_.reset();
    const std::size_t slash = path_.rfind('/');
    const std::string directory = slash == std::string::npos ? "." : path_.substr(0, slash + 1);
    const UniqueFd opened = TRY(open_at(AT_FDCWD, directory, O_RDONLY | O_DIRECTORY));
    if (::fsync(opened.get()) < 0) return sys_error("sync '{}'", directory);
    return {};
  }

 private:
  Partial(std::string path, std::string name) : path_(std::move(path)), name_(std::move(name)) {}
  void remove() const {
    for (const char* beside : {"", "-wal", "-shm"}) ::unlink((name_ + beside).c_str());
  }

  std::string path_;
  std::string name_;
  UniqueFd fd_;  // none: it has its name
};

class Sha256 {
 public:
  Sha256() : context_(EVP_MD_CTX_new()) { EVP_DigestInit_ex(context_.get(), EVP_sha256(), nullptr); }
  void update(std::string_view bytes) { EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size()); }
  std::string finish() {
    std::array<unsigned char, kDigest> hash{};
    EVP_DigestFinal_ex(context_.get(), hash.data(), nullptr);
    return {reinterpret_cast<const char*>(hash.data()), hash.size()};
  }

 private:
  struct Free {
    void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
  };
  std::unique_ptr<EVP_MD_CTX, Free> context_;
};

Result<void> refuse_if_there(const std::string& path) {
  if (::access(path.c_str(), F_OK) == 0) return error(Code::AlreadyExists, "'{}' exists already", path);
  return {};
}

Result<std::uint64_t> size_of(int fd, const std::string& path) {
  struct stat info{};
  if (::fstat(fd, &info) < 0) return sys_error("look at '{}'", path);
  return static_cast<std::uint64_t>(info.st_size);
}

// The SHA-256 of the next `size` bytes; each piece is given to `also`.
template <class Also>
Result<std::string> hash_of(int fd, const std::string& path, std::uint64_t size, Also&& also) {
  Sha256 hash;
  std::vector<char> piece(kPiece);
  for (std::uint64_t left = size; left > 0;) {
    const ssize_t count = ::read(fd, piece.data(), std::min<std::uint64_t>(left, piece.size()));
    if (count < 0) return sys_error("read '{}'", path);
    if (count == 0) return error(Code::DataLoss, "'{}' ends too early", path);
    const std::string_view bytes(piece.data(), static_cast<std::size_t>(count));
    hash.update(bytes);
    TRY(also(bytes));
    left -= bytes.size();
  }
  return hash.finish();
}

// The database in `file`, whose digest is right, is written to `to`.
Result<void> take_out(const std::string& file, int to) {
  const UniqueFd from = TRY(open_at(AT_FDCWD, file, O_RDONLY));
  const std::uint64_t size = TRY(size_of(from.get(), file));
  std::array<char, kTrailer> trailer{};
  const bool has_trailer =
      size > kTrailer && ::pread(from.get(), trailer.data(), trailer.size(),
                                 static_cast<off_t>(size - kTrailer)) == ssize_t{kTrailer};
  const std::string_view end(trailer.data(), trailer.size());
  if (!has_trailer || !end.starts_with(kMark))
    return error(Code::DataLoss, "'{}' is no snapshot, or was cut off", file);
  const std::string digest = TRY(hash_of(from.get(), file, size - kTrailer, [&](std::string_view bytes) {
    return write_all(to, bytes, "the store");
  }));
  if (end.substr(kMark.size()) != digest)
    return error(Code::DataLoss, "'{}' has changed since it was saved: its digest is another", file);
  return {};
}

// What is in it is whole, and no revision comes a second time.
Result<Revision> put_right(const std::string& path) {
  ChangeLog log = TRY(ChangeLog::open(path));
  if (const std::string damage = TRY(log.damage()); !damage.empty())
    return error(Code::DataLoss, "the store in the snapshot is damaged: {}", damage);
  const ChangeLog::Start start = TRY(log.load([](const std::string&, const Change&) {}));
  const Revision revision = start.revision + kAheadOfSnapshot;
  TRY(log.set_compacted(revision, revision));
  TRY(log.shrink());
  return revision;
}

}  // namespace

Result<std::uint64_t> save_snapshot(const std::string& store, const std::string& file) {
  if (::access(store.c_str(), F_OK) < 0) return sys_error("open store '{}'", store);
  TRY(refuse_if_there(file));
  Partial partial = TRY(Partial::make(file));
  TRY(database::save_copy(store, partial.name()));
  const std::uint64_t size = TRY(size_of(partial.fd(), partial.name()));
  const std::string digest =
      TRY(hash_of(partial.fd(), partial.name(), size, [](std::string_view) { return Result<void>(); }));
  TRY(write_all(partial.fd(), kMark, partial.name()));  // where the reading has come to: the end
  TRY(write_all(partial.fd(), digest, partial.name()));
  TRY(partial.commit());
  return size + kTrailer;
}

Result<Revision> restore_snapshot(const std::string& file, const std::string& store) {
  TRY(refuse_if_there(store));
  Partial partial = TRY(Partial::make(store));
  TRY(take_out(file, partial.fd()));
  const Revision revision = TRY(put_right(partial.name()));
  TRY(partial.commit());
  return revision;
}

}  // namespace gantry::store
