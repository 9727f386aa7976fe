// SPDX-License-Identifier: Apache-2.0
#include "image/archive_files.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "base/printable.h"
#include "base/read_ahead.h"
#include "oci/archive/compression.h"
#include "oci/archive/tar_reader.h"

namespace gantry::image {
namespace {

constexpr std::size_t kMaxName = 4096;  // bytes
constexpr int kMaxLinks = 8;            // one after the other; docker-archive needs one

// "blobs/sha256/<hex>" of an image layout says what its content has to be.
std::optional<Digest> digest_of_name(std::string_view name) {
  constexpr std::string_view kBlobs = "blobs/";
  if (!name.starts_with(kBlobs)) return std::nullopt;
  std::string text(name.substr(kBlobs.size()));
  const std::size_t slash = text.find('/');
  if (slash == std::string::npos) return std::nullopt;
  text[slash] = ':';
  auto digest = Digest::parse(text);
  return digest ? std::optional(*digest) : std::nullopt;
}

Result<ArchiveFiles::File> keep(const ImageStore& store, Lease& lease, std::string_view name,
                                ByteSource& contents) {
  const std::optional<Digest> expected = digest_of_name(name);
  // What is there already was verified when it came, so this copy is only read over.
  if (expected && TRY(lease.hold(*expected))) {
    const std::uint64_t size = TRY(store.content().size(*expected));
    return ArchiveFiles::File{*expected, size};
  }
  Ingest ingest = TRY(store.content().ingest(expected ? expected->algorithm() : DigestAlgorithm::Sha256));
  const std::uint64_t size = TRY(copy(contents, ingest));
  return ArchiveFiles::File{TRY(lease.commit(std::move(ingest), {.digest = expected})), size};
}

// By words only: "a/./b//../c" is "a/c". Nothing if it leads out.
std::optional<std::string> clean_name(std::string_view name) {
  std::vector<std::string_view> parts;
  while (!name.empty()) {
    const std::size_t slash = std::min(name.find('/'), name.size());
    const std::string_view part = name.substr(0, slash);
    name.remove_prefix(std::min(slash + 1, name.size()));
    if (part.empty() || part == ".") continue;
    if (part != "..")
      parts.push_back(part);
    else if (parts.empty())
      return std::nullopt;
    else
      parts.pop_back();
  }
  return fmt::format("{}", fmt::join(parts, "/"));
}

Error not_there(std::string_view name) {
  return error(Code::NotFound, "'{}' is not in the archive", printable(name));
}

class TarFiles final : public ArchiveFiles {
 public:
  Result<void> read(const ImageStore& store, Lease& lease, ByteSource& tar, const ArchiveLimits& limits) {
    const auto plain = TRY(oci::decompress(tar, {.max_bytes = limits.max_bytes}));
    std::optional<ReadAhead> ahead;
    std::optional<BufferedPieces> buffered;
    oci::TarReader reader(plain->compression() == oci::Compression::None
                              ? static_cast<PieceSource&>(buffered.emplace(*plain))
                              : ahead.emplace(*plain));
    while (const auto entry = TRY(reader.next())) {
      if (files_.size() + links_.size() >= limits.max_files)
        return error(Code::ResourceExhausted, "there are more than {} files in the archive",
                     limits.max_files);
      if (entry->path.size() > kMaxName)
        return error(Code::InvalidArgument, "a name in the archive has {} bytes", entry->path.size());
      const auto name = clean_name(entry->path);
      if (!name) return error(Code::InvalidArgument, "'{}' leads out of the archive", printable(entry->path));
      switch (entry->type) {
        case oci::TarType::File:
          files_[*name] =
              TRY_DURING(keep(store, lease, *name, reader), "'{}' in the archive", printable(*name));
          links_.erase(*name);
          break;
        case oci::TarType::SymbolicLink:
          add_link(*name, entry->link_target.starts_with('/')
                              ? entry->link_target
                              : fmt::format("{}/../{}", *name, entry->link_target));
          break;
        case oci::TarType::HardLink: add_link(*name, entry->link_target); break;
        case oci::TarType::Directory: break;
        default:
          return error(Code::InvalidArgument, "'{}' in the archive is a {}", printable(*name),
                       oci::name_of(entry->type));
      }
    }
    return reader.drain();
  }

  Result<File> find(std::string_view wanted) override {
    auto name = clean_name(wanted);
    for (int links = 0; name && links <= kMaxLinks; ++links) {
      if (const auto file = files_.find(*name); file != files_.end()) return file->second;
      const auto link = links_.find(*name);
      if (link == links_.end()) return not_there(wanted);
      name = link->second;
    }
    return name ? error(Code::InvalidArgument, "'{}' is a link in a circle", printable(wanted))
                : not_there(wanted);
  }

 private:
  // A link that leads out leads nowhere.
  void add_link(const std::string& name, std::string_view target) {
    links_[name] = target.starts_with('/') ? std::nullopt : clean_name(target);
    files_.erase(name);
  }

  std::map<std::string, File> files_;
  std::map<std::string, std::optional<std::string>> links_;
};

class DirectoryFiles final : public ArchiveFiles {
 public:
  DirectoryFiles(const ImageStore& store, Lease& lease, UniqueFd directory)
      : store_(store), lease_(lease), directory_(std::move(directory)) {}

  Result<File> find(std::string_view wanted) override {
    const std::string name(wanted);
    const open_how how{.flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK,  // a FIFO would keep us waiting
                       .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS};
    UniqueFd fd(static_cast<int>(::syscall(SYS_openat2, directory_.get(), name.c_str(), &how, sizeof how)));
    if (!fd && errno == ENOENT) return not_there(name);
    if (!fd) return sys_error("open '{}' in the archive", printable(name));
    struct stat st{};
    if (::fstat(fd.get(), &st) < 0) return sys_error("look at '{}' in the archive", printable(name));
    if (!S_ISREG(st.st_mode))
      return error(Code::InvalidArgument, "'{}' in the archive is no file", printable(name));
    FdSource contents(fd.get(), name);
    return TRY_DURING(keep(store_, lease_, name, contents), "'{}' in the archive", printable(name));
  }

 private:
  const ImageStore& store_;
  Lease& lease_;
  UniqueFd directory_;
};

}  // namespace

Result<std::unique_ptr<ArchiveFiles>> read_archive(const ImageStore& store, Lease& lease, ByteSource& tar,
                                                   const ArchiveLimits& limits) {
  auto files = std::make_unique<TarFiles>();
  TRY(files->read(store, lease, tar, limits));
  return files;
}

std::unique_ptr<ArchiveFiles> open_archive_directory(const ImageStore& store, Lease& lease,
                                                     UniqueFd directory) {
  return std::make_unique<DirectoryFiles>(store, lease, std::move(directory));
}

}  // namespace gantry::image
