// SPDX-License-Identifier: Apache-2.0
#include "engine/copy_archive.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <climits>
#include <functional>
#include <thread>

#include <fmt/format.h>

#include "base/file.h"
#include "base/printable.h"
#include "base/timestamp.h"
#include "engine/kernel_file_system.h"
#include "engine/tree_archive.h"
#include "engine/tree_extract.h"
#include "kernel/file_user.h"
#include "kernel/rooted_path.h"
#include "oci/archive/compression.h"
#include "oci/archive/tar_reader.h"

namespace gantry::engine {
namespace {

using kernel::RootDir;

// os.FileMode of Go (pkg.go.dev/io/fs#FileMode): bits of its own for what is not a permission.
std::uint32_t go_mode(mode_t mode) {
  std::uint32_t bits = mode & 0777;
  switch (mode & S_IFMT) {
    case S_IFDIR: bits |= 1U << 31; break;
    case S_IFLNK: bits |= 1U << 27; break;
    case S_IFBLK: bits |= 1U << 26; break;
    case S_IFCHR: bits |= 1U << 26 | 1U << 21; break;
    case S_IFIFO: bits |= 1U << 25; break;
    case S_IFSOCK: bits |= 1U << 24; break;
  }
  if ((mode & S_ISUID) != 0) bits |= 1U << 23;
  if ((mode & S_ISGID) != 0) bits |= 1U << 22;
  if ((mode & S_ISVTX) != 0) bits |= 1U << 20;
  return bits;
}

// What a path of a client names. The last component is taken as it is, unless something says that it has to
// be a directory: then a link there is followed.
struct Target {
  std::string path;      // what is opened
  bool follows = false;  // a link at its end
  std::string name;      // of it, as the client knows it: "motd", "." or "/"
};

Target target_of(const std::string& path) {
  const bool has_dot = path == "." || path.ends_with("/.");
  const bool has_slash = path.ends_with('/');
  // Not cleaned: "link/.." is the parent of where the link leads, for the kernel as for the container.
  Target target{.path = "/" + path, .follows = has_dot || has_slash};
  std::string_view rest = target.path;
  while (rest.size() > 1 && rest.ends_with('/')) rest.remove_suffix(1);
  target.name = rest == "/" ? "/" : std::string(rest.substr(rest.rfind('/') + 1));
  if (target.name == "..") target.follows = true;
  return target;
}

Error no_such_file(const std::string& path) {
  return Error(Code::NotFound, ENOENT,
               fmt::format("Could not find the file {} in container", printable(path, 4096)));
}

Result<RootDir> open_root(int root) { return RootDir(TRY(open_at(root, ".", O_PATH | O_DIRECTORY))); }

Result<UniqueFd> open_target(const RootDir& root, const Target& target, const std::string& path) {
  Result<UniqueFd> fd = root.open_path(target.path, O_PATH | (target.follows ? 0 : O_NOFOLLOW));
  if (!fd && (fd.error().errno_value() == ENOENT || fd.error().errno_value() == ENOTDIR))
    return no_such_file(path);
  return fd;
}

// Where the link leads, as far as the container sees it; its own text if that is nowhere.
Result<std::string> resolve_link(const RootDir& root, int link, const Target& target) {
  char text[PATH_MAX];
  const ssize_t size = ::readlinkat(link, "", text, sizeof text);
  if (size < 0) return sys_error("read link '{}'", printable(target.path));
  const Result<UniqueFd> end = root.open_path(target.path, O_PATH);
  const Result<std::string> whole =
      end ? kernel::path_of(end->get()) : sys_error_of(ENOENT, "follow the link");
  const Result<std::string> top = kernel::path_of(root.fd());
  if (whole && top) {
    if (*top == "/") return *whole;
    if (*whole == *top) return std::string("/");
    if (whole->starts_with(*top + "/")) return whole->substr(top->size());
  }
  const std::string words(text, static_cast<std::size_t>(size));
  if (words.starts_with('/')) return kernel::clean_path(words);
  return kernel::clean_path(target.path.substr(0, target.path.rfind('/') + 1) + words);
}

// On a thread of its own, as who is root inside: the host's root does not exist there and can make no file.
Result<void> as_root_of(const kernel::IdMaps& maps, const std::function<Result<void>()>& work) {
  const kernel::IdRange* uid = kernel::find_range(maps.uids, 0);
  const kernel::IdRange* gid = kernel::find_range(maps.gids, 0);
  if (uid == nullptr || gid == nullptr) return error(Code::Internal, "the container's id map has no root");
  Result<void> outcome;
  std::thread([&] {
    outcome = kernel::act_on_files_as(uid->outside, gid->outside);
    if (outcome) outcome = work();
  }).join();
  return outcome;
}

}  // namespace

void fields(json::Fields& f, PathStat& stat) {
  using json::Presence;
  f("name", stat.name, Presence::Always);
  f("size", stat.size, Presence::Always);
  f("mode", stat.mode, Presence::Always);
  f("mtime", stat.mtime, Presence::Always);
  f("linkTarget", stat.link_target, Presence::Always);
}

Result<PathStat> stat_path(int root, const std::string& path) {
  const RootDir top = TRY(open_root(root));
  const Target target = target_of(path);
  const UniqueFd fd = TRY(open_target(top, target, path));
  struct stat st{};
  if (::fstat(fd.get(), &st) < 0) return sys_error("look at '{}'", printable(path));
  PathStat found{.name = target.name,
                 .size = st.st_size,
                 .mode = go_mode(st.st_mode),
                 .mtime = format_timestamp(st.st_mtim)};
  if (S_ISLNK(st.st_mode)) found.link_target = TRY(resolve_link(top, fd.get(), target));
  return found;
}

Result<void> copy_out(int root, const std::string& path, ByteSink& tar, const CopyOutOptions& options) {
  const RootDir top = TRY(open_root(root));
  const Target target = target_of(path);
  const UniqueFd fd = TRY(open_target(top, target, path));
  if (TRY(is_kernel_file_system(fd.get())))
    return error(Code::PermissionDenied, "'{}' is an interface of the kernel: its files cannot be copied",
                 printable(path));
  TreeArchive archive(tar, options.id_maps);
  TRY(archive.add(fd.get(), target.name));
  return archive.finish();
}

Result<void> copy_in(int root, const std::string& path, ByteSource& tar, const CopyInOptions& options) {
  const RootDir top = TRY(open_root(root));
  Result<UniqueFd> directory = top.open_path("/" + path, O_PATH);
  if (!directory && (directory.error().errno_value() == ENOENT || directory.error().errno_value() == ENOTDIR))
    return no_such_file(path);
  struct stat st{};
  if (::fstat(TRY(std::move(directory)).get(), &st) < 0) return sys_error("look at '{}'", printable(path));
  if (!S_ISDIR(st.st_mode)) return error(Code::InvalidArgument, "extraction point is not a directory");
  const auto unpack = [&]() -> Result<void> {
    const auto plain = TRY(oci::decompress(tar));
    oci::TarReader reader(*plain);
    TreeExtract extract(top, "/" + path, options);
    return extract.unpack(reader);
  };
  return options.id_maps.uids.empty() ? unpack() : as_root_of(options.id_maps, unpack);
}

}  // namespace gantry::engine
