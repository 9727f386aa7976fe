// SPDX-License-Identifier: Apache-2.0
#include "build/tree_writer.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "base/file.h"
#include "base/printable.h"
#include "build/file_reader.h"

namespace gantry::build {
namespace {

std::vector<std::string> components(const std::string& path) {
  std::vector<std::string> parts;
  for (std::size_t begin = 0; begin < path.size();) {
    const std::size_t end = std::min(path.find('/', begin), path.size());
    if (end > begin) parts.push_back(path.substr(begin, end - begin));
    begin = end + 1;
  }
  return parts;
}

Result<UniqueFd> open_directory(int parent, const std::string& name) {
  UniqueFd fd(::openat(parent, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (fd) return fd;
  if (errno == ENOTDIR || errno == ELOOP)
    return error(Code::Conflict, "a directory cannot take the place of '{}', which is none", printable(name));
  return sys_error("open directory '{}'", printable(name));
}

// Copies by reference or inside of the kernel where it can and a file is worth it; otherwise through this
// process.
Result<void> copy_contents(FileReader& reader, int to, std::uint64_t size, Cancel& cancel) {
  constexpr std::size_t kPiece = 16 << 20;  // bytes
  constexpr std::uint64_t kSmall = 16 << 10;
  std::uint64_t done = 0;
  while (size > kSmall && done < size) {
    const ssize_t n = ::copy_file_range(reader.fd(), nullptr, to, nullptr, kPiece, 0);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) break;  // not between these file systems, or not at all: what is left is read below
    done += static_cast<std::uint64_t>(n);
    TRY(cancel.check());
  }
  while (true) {
    const auto piece = TRY(reader.next());
    if (piece.empty()) return {};
    TRY(write_all(to, text_of(piece), "the file"));
    TRY(cancel.check());
  }
}

}  // namespace

Result<UniqueFd> make_destination(const kernel::RootDir& root, const std::string& path, Owner owner) {
  std::string made = "/";
  for (const std::string& part : components(kernel::clean_path(path))) {
    made += made == "/" ? part : "/" + part;
    const auto found = root.open_path(made, O_PATH | O_DIRECTORY);
    if (found) continue;
    if (found.error().errno_value() == ENOTDIR)
      return error(Code::Conflict, "'{}' is not a directory", printable(made));
    if (found.error().errno_value() != ENOENT) return root.open_path(made, O_PATH | O_DIRECTORY);
    const UniqueFd fd = TRY(root.make_directory(made, 0755));
    if (::fchownat(fd.get(), "", owner.uid, owner.gid, AT_EMPTY_PATH) < 0)
      return sys_error("change the owner of '{}'", printable(made));
  }
  return root.open_path(made, O_RDONLY | O_DIRECTORY);
}

TreeWriter::TreeWriter(int directory, Cancel& cancel)
    : root_(directory), cancel_(cancel), attributes_(options_, losses_) {}

// Keeps open what this directory shares with the last.
Result<int> TreeWriter::enter(const std::string& directory) {
  const std::vector<std::string> parts = components(directory);
  std::size_t shared = 0;
  while (shared < parts.size() && shared < levels_.size() && levels_[shared].name == parts[shared]) ++shared;
  levels_.resize(shared);
  for (std::size_t i = shared; i < parts.size(); ++i) {
    const int parent = levels_.empty() ? root_ : levels_.back().fd.get();
    if (::mkdirat(parent, parts[i].c_str(), 0755) < 0 && errno != EEXIST)
      return sys_error("make directory '{}'", printable(parts[i]));
    levels_.emplace_back(parts[i], TRY(open_directory(parent, parts[i])));
  }
  return levels_.empty() ? root_ : levels_.back().fd.get();
}

Result<void> TreeWriter::add(const FileEntry& entry) {
  TRY(cancel_.check());
  const std::size_t slash = entry.target.rfind('/');
  const bool is_top = slash == entry.target.npos;
  const int directory = TRY(enter(is_top ? "" : entry.target.substr(0, slash)));
  const std::string name = is_top ? entry.target : entry.target.substr(slash + 1);
  TRY_DURING(write(directory, name, entry), "copy '{}'", printable(entry.target));
  return {};
}

Result<void> TreeWriter::write(int directory, const std::string& name, const FileEntry& entry) {
  if (S_ISDIR(entry.type)) return make_directory(directory, name, entry);
  if (S_ISREG(entry.type) && entry.same_as.empty()) return make_file(directory, name, entry);
  TRY(make_room(directory, name));
  if (!entry.same_as.empty()) return link_file(directory, name, entry);
  return make_node(directory, name, entry);
}

Result<void> TreeWriter::make_room(int directory, const std::string& name) {
  if (::unlinkat(directory, name.c_str(), 0) == 0 || errno == ENOENT) return {};
  if (errno == EISDIR)
    return error(Code::Conflict, "a file cannot take the place of the directory '{}'", printable(name));
  return sys_error("remove '{}'", printable(name));
}

Result<void> TreeWriter::make_directory(int directory, const std::string& name, const FileEntry& entry) {
  const bool is_new = ::mkdirat(directory, name.c_str(), 0700) == 0;
  if (!is_new && errno != EEXIST) return sys_error("make directory");
  const UniqueFd fd = TRY(open_directory(directory, name));
  const image::FileAttributes& attributes = entry.attributes;
  if (!is_new &&
      ::fchown(fd.get(), static_cast<uid_t>(attributes.uid), static_cast<gid_t>(attributes.gid)) < 0)
    return sys_error("change the owner");
  TRY(attributes_.set_on_directory(fd.get(), attributes, entry.target));
  directories_.push_back({entry.target, attributes.mtime});
  return {};
}

Result<void> TreeWriter::make_file(int directory, const std::string& name, const FileEntry& entry) {
  constexpr int kFlags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
  const mode_t mode = entry.attributes.mode & 0777;
  UniqueFd fd(::openat(directory, name.c_str(), kFlags, mode));
  if (!fd && errno == EEXIST) {  // seldom, so it is not looked for before
    TRY(make_room(directory, name));
    fd.reset(::openat(directory, name.c_str(), kFlags, mode));
  }
  if (!fd) return sys_error("make file");
  if (entry.root) {
    FileReader reader = TRY(FileReader::open(entry));
    TRY(copy_contents(reader, fd.get(), entry.size, cancel_));
    TRY(reader.check_unchanged());
  } else {
    TRY(write_all(fd.get(), entry.text, "the file"));
  }
  return attributes_.set_on_file(fd.get(), entry.attributes, entry.target);
}

Result<void> TreeWriter::make_node(int directory, const std::string& name, const FileEntry& entry) {
  const bool is_link = S_ISLNK(entry.type);
  const int made = is_link ? ::symlinkat(entry.link_target.c_str(), directory, name.c_str())
                           : ::mknodat(directory, name.c_str(), entry.type | (entry.attributes.mode & 0777),
                                       entry.device_number);
  if (made < 0) return sys_error("make it");
  return attributes_.set_on_node(directory, name, is_link, entry.attributes, entry.target);
}

// To what was written before from the same file.
Result<void> TreeWriter::link_file(int directory, const std::string& name, const FileEntry& entry) {
  const std::size_t slash = entry.same_as.rfind('/');
  UniqueFd parent(::openat(root_, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!parent) return sys_error("open the destination");
  if (slash != entry.same_as.npos)
    for (const std::string& part : components(entry.same_as.substr(0, slash)))
      parent = TRY(open_directory(parent.get(), part));
  const std::string first = slash == entry.same_as.npos ? entry.same_as : entry.same_as.substr(slash + 1);
  if (::linkat(parent.get(), first.c_str(), directory, name.c_str(), 0) < 0)
    return sys_error("link to '{}'", printable(entry.same_as));
  return {};
}

Result<void> TreeWriter::finish() {
  levels_.clear();
  for (const Directory& directory : directories_) {
    const int fd = TRY(enter(directory.path));
    const timespec times[2] = {directory.mtime, directory.mtime};
    if (::futimens(fd, times) < 0) return sys_error("set the time of '{}'", printable(directory.path));
  }
  return {};
}

}  // namespace gantry::build
