// SPDX-License-Identifier: Apache-2.0
#include "buildkit/file_receiver.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <climits>
#include <map>
#include <optional>
#include <unordered_set>

#include "base/file.h"
#include "base/printable.h"
#include "buildkit/file_mode.h"
#include "buildkit/message.h"
#include "kernel/rooted_path.h"

namespace gantry::buildkit {
namespace {

constexpr std::string_view kDiffCopy = "/moby.filesync.v1.FileSync/DiffCopy";
constexpr std::size_t kMostEntries = 10'000'000;

timespec to_timespec(std::int64_t nanoseconds) {
  constexpr std::int64_t kSecond = 1'000'000'000;
  std::int64_t rest = nanoseconds % kSecond;
  if (rest < 0) rest += kSecond;
  return {.tv_sec = (nanoseconds - rest) / kSecond, .tv_nsec = rest};
}

bool is_clean(std::string_view path) {
  if (path.empty() || path.size() >= PATH_MAX || path.find('\0') != std::string_view::npos) return false;
  std::size_t begin = 0;
  while (begin <= path.size()) {
    const std::size_t end = std::min(path.find('/', begin), path.size());
    const std::string_view part = path.substr(begin, end - begin);
    if (part.empty() || part == "." || part == ".." || part.size() > NAME_MAX) return false;
    begin = end + 1;
  }
  return true;
}

// Values of metadata are ASCII; others are percent-encoded, and a field beside them says so.
void add_values(grpc::HeaderFields& fields, const std::string& key, const std::vector<std::string>& values) {
  bool is_encoded = false;
  for (const std::string& value : values)
    for (const char c : value) is_encoded = is_encoded || static_cast<unsigned char>(c) > 0x7e || c < 0x20;
  for (const std::string& value : values) {
    std::string text;
    for (const char c : value) {
      const auto byte = static_cast<unsigned char>(c);
      if (!is_encoded || (byte > 0x20 && byte < 0x7f && c != '%' && c != '+' && c != '&'))
        text += c;
      else
        text += fmt::format("%{:02X}", byte);
    }
    fields.emplace_back(key, std::move(text));
  }
  if (is_encoded) fields.emplace_back(key + "-encoded", "1");
}

class FileReceiver {
 public:
  FileReceiver(grpc::ClientCall& call, kernel::RootDir root) : call_(call), root_(std::move(root)) {}

  Result<SyncCounts> run();

 private:
  // A directory or link whose attributes come last, or a file that is on its way.
  struct Entry {
    std::string path;
    mode_t mode = 0;
    timespec modified{};
    uid_t uid = 0;
    gid_t gid = 0;
    std::uint64_t missing = 0;  // bytes that are still to come
    UniqueFd file;              // while its contents arrive
  };
  struct Place {
    int parent;  // O_PATH, of this object
    std::string name;
  };

  Result<void> on_stat(const pb::Stat& stat, std::uint32_t id);
  Result<void> on_data(std::uint32_t id, std::string_view data);
  static Error changed(const Entry& entry) {
    return error(Code::Conflict, "'{}' was changed while it was sent; build again once nobody writes to it",
                 printable(entry.path));
  }
  Result<void> take(const pb::Stat& stat, mode_t mode, std::uint32_t id);
  Result<void> take_file(const pb::Stat& stat, Entry entry, const Place& place, const struct stat* there,
                         std::uint32_t id);
  Result<Place> place_of(const std::string& path);
  Result<void> make_way(const Place& place, const struct stat* there) const;
  Result<void> set_attributes(const Entry& entry);
  Result<void> finish();
  Result<void> remove_untold(int directory, const std::string& prefix);
  Result<void> send(pb::Packet::Type type, std::uint32_t id = 0);

  grpc::ClientCall& call_;
  const kernel::RootDir root_;
  SyncCounts counts_;
  bool has_all_ = false;  // entries
  bool is_finished_ = false;
  std::unordered_set<std::string> told_;
  std::map<std::uint32_t, Entry> coming_;
  std::vector<Entry> directories_;
  std::vector<std::pair<std::string, std::string>> hard_links_;  // path and target
  std::string parent_path_;
  UniqueFd parent_;
};

Result<SyncCounts> FileReceiver::run() {
  std::uint32_t next_id = 0;
  for (;;) {
    const std::optional<std::string> bytes = TRY(call_.read());
    if (!bytes) return error(Code::DataLoss, "the client ended the transfer of its files early");
    const auto packet = TRY(parse<pb::Packet>(*bytes, kDiffCopy));
    switch (packet.type()) {
      case pb::Packet::STAT:
        if (packet.has_stat())
          TRY(on_stat(packet.stat(), next_id++));
        else
          has_all_ = true;
        break;
      case pb::Packet::DATA: TRY(on_data(packet.id(), packet.data())); break;
      case pb::Packet::ERR: return error(Code::Internal, "the client: {}", printable(packet.data()));
      case pb::Packet::FIN:
        if (!is_finished_) return error(Code::DataLoss, "the client ended the transfer of its files early");
        return counts_;
      default: return error(Code::InvalidArgument, "the client sent a packet of type {}", int{packet.type()});
    }
    if (has_all_ && coming_.empty() && !is_finished_) {
      TRY(finish());
      TRY(send(pb::Packet::FIN));
      TRY(call_.finish_writing());
      is_finished_ = true;
    }
  }
}

Result<void> FileReceiver::send(pb::Packet::Type type, std::uint32_t id) {
  pb::Packet packet;
  packet.set_type(type);
  packet.set_id(id);
  return call_.write(packet.SerializeAsString());
}

Result<void> FileReceiver::on_stat(const pb::Stat& stat, std::uint32_t id) {
  if (has_all_ || !is_clean(stat.path()) || !told_.insert(stat.path()).second)
    return error(Code::InvalidArgument, "the client tells of a file '{}'", printable(stat.path()));
  if (++counts_.entries > kMostEntries)
    return error(Code::ResourceExhausted, "the client sends more than {} files", kMostEntries);
  TRY_DURING(take(stat, from_go_mode(stat.mode()), id), "receive '{}'", printable(stat.path()));
  return {};
}

Result<void> FileReceiver::take(const pb::Stat& stat, mode_t mode, std::uint32_t id) {
  if (S_ISSOCK(mode)) return {};  // means nothing elsewhere
  const Place place = TRY(place_of(stat.path()));
  struct stat found{};
  const bool is_there = ::fstatat(place.parent, place.name.c_str(), &found, AT_SYMLINK_NOFOLLOW) == 0;
  if (!is_there && errno != ENOENT) return sys_error("look at it");
  const struct stat* there = is_there ? &found : nullptr;
  Entry entry{stat.path(), mode, to_timespec(stat.mod_time()), stat.uid(), stat.gid(), 0, {}};

  if (S_ISDIR(mode)) {
    if (there == nullptr || !S_ISDIR(there->st_mode)) {
      TRY(make_way(place, there));
      if (::mkdirat(place.parent, place.name.c_str(), 0700) < 0) return sys_error("make a directory");
    }
    directories_.push_back(std::move(entry));
    return {};
  }
  if (S_ISREG(mode)) {
    if (stat.linkname().empty()) return take_file(stat, std::move(entry), place, there, id);
    hard_links_.emplace_back(stat.path(), stat.linkname());
    return {};
  }
  TRY(make_way(place, there));
  if (S_ISLNK(mode)) {
    if (::symlinkat(stat.linkname().c_str(), place.parent, place.name.c_str()) < 0)
      return sys_error("make a link");
  } else {
    const dev_t device =
        makedev(static_cast<unsigned>(stat.devmajor()), static_cast<unsigned>(stat.devminor()));
    if (::mknodat(place.parent, place.name.c_str(), (mode & S_IFMT) | 0600, device) < 0)
      return sys_error("make a special file");
  }
  return set_attributes(entry);
}

Result<void> FileReceiver::take_file(const pb::Stat& stat, Entry entry, const Place& place,
                                     const struct stat* there, std::uint32_t id) {
  if (there != nullptr && S_ISREG(there->st_mode) && there->st_size == stat.size() &&
      there->st_mode == entry.mode && there->st_mtim.tv_sec == entry.modified.tv_sec &&
      there->st_mtim.tv_nsec == entry.modified.tv_nsec && there->st_uid == entry.uid &&
      there->st_gid == entry.gid && there->st_nlink == 1)
    return {};
  TRY(make_way(place, there));
  // Until all of it is here it has a time of its own, so that the next transfer does not take it for
  // complete.
  entry.file = UniqueFd(
      ::openat(place.parent, place.name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!entry.file) return sys_error("make a file");
  for (const auto& [name, value] : stat.xattrs())
    if (::fsetxattr(entry.file.get(), name.c_str(), value.data(), value.size(), 0) < 0 && errno != ENOTSUP)
      return sys_error("set the attribute '{}'", printable(name));
  // Many are on their way at once.
  entry.file.reset();
  entry.missing = static_cast<std::uint64_t>(std::max<std::int64_t>(stat.size(), 0));
  coming_.emplace(id, std::move(entry));
  return send(pb::Packet::REQ, id);
}

Result<void> FileReceiver::on_data(std::uint32_t id, std::string_view data) {
  const auto found = coming_.find(id);
  if (found == coming_.end())
    return error(Code::InvalidArgument, "the client sends a file that nobody asked for");
  Entry& entry = found->second;
  if (!data.empty()) {
    if (!entry.file) {
      const Place place = TRY(place_of(entry.path));
      entry.file = UniqueFd(::openat(place.parent, place.name.c_str(), O_WRONLY | O_NOFOLLOW | O_CLOEXEC));
      if (!entry.file) return sys_error("open '{}'", printable(entry.path));
    }
    if (data.size() > entry.missing) return changed(entry);
    entry.missing -= data.size();
    counts_.bytes += data.size();
    return write_all(entry.file.get(), data, entry.path);
  }
  if (entry.missing > 0) return changed(entry);
  entry.file.reset();
  ++counts_.received;
  TRY(set_attributes(entry));
  coming_.erase(found);
  return {};
}

// Entries come after the directory that holds them, so what was told last is often the parent still.
Result<FileReceiver::Place> FileReceiver::place_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  const std::string parent = slash == std::string::npos ? "" : path.substr(0, slash);
  if (!parent_ || parent != parent_path_) {
    if (!parent.empty() && !told_.contains(parent))
      return error(Code::InvalidArgument, "the client did not tell of its directory");
    parent_ = TRY(root_.open_without_links(parent.empty() ? "." : parent, O_PATH | O_DIRECTORY));
    parent_path_ = parent;
  }
  return Place{parent_.get(), slash == std::string::npos ? path : path.substr(slash + 1)};
}

Result<void> FileReceiver::make_way(const Place& place, const struct stat* there) const {
  if (there == nullptr) return {};
  return remove_tree_at(place.parent, place.name);
}

Result<void> FileReceiver::set_attributes(const Entry& entry) {
  const Place place = TRY(place_of(entry.path));
  const char* name = place.name.c_str();
  if (::fchownat(place.parent, name, entry.uid, entry.gid, AT_SYMLINK_NOFOLLOW) < 0)
    return sys_error("change the owner of '{}'", printable(entry.path));
  if (!S_ISLNK(entry.mode) && ::fchmodat(place.parent, name, entry.mode & 07777, 0) < 0)
    return sys_error("change the mode of '{}'", printable(entry.path));
  const std::array<timespec, 2> times = {entry.modified, entry.modified};
  if (::utimensat(place.parent, name, times.data(), AT_SYMLINK_NOFOLLOW) < 0)
    return sys_error("change the times of '{}'", printable(entry.path));
  return {};
}

Result<void> FileReceiver::finish() {
  for (const auto& [path, target] : hard_links_) {
    if (!told_.contains(target) || !is_clean(target))
      return error(Code::InvalidArgument, "'{}' is a link to '{}', which the client does not send",
                   printable(path), printable(target));
    const auto [source, source_name] = TRY(place_of(target));
    const UniqueFd source_parent(::fcntl(source, F_DUPFD_CLOEXEC, 0));
    const Place place = TRY(place_of(path));
    if (::unlinkat(place.parent, place.name.c_str(), 0) < 0 && errno != ENOENT)
      TRY(remove_tree_at(place.parent, place.name));
    if (::linkat(source_parent.get(), source_name.c_str(), place.parent, place.name.c_str(), 0) < 0)
      return sys_error("link '{}' to '{}'", printable(path), printable(target));
  }
  const UniqueFd top = TRY(root_.open_without_links(".", O_RDONLY | O_DIRECTORY));
  TRY(remove_untold(top.get(), ""));
  // From the leaves up: what is made or removed in a directory changes its time.
  for (auto entry = directories_.rbegin(); entry != directories_.rend(); ++entry) TRY(set_attributes(*entry));
  return {};
}

Result<void> FileReceiver::remove_untold(int directory, const std::string& prefix) {
  for (const std::string& name : TRY(names_in(directory, "."))) {
    const std::string path = prefix + name;
    if (!told_.contains(path)) {
      TRY(remove_tree_at(directory, name));
      continue;
    }
    const UniqueFd below(::openat(directory, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (below)
      TRY(remove_untold(below.get(), path + "/"));
    else if (errno != ENOTDIR && errno != ELOOP)
      return sys_error("open '{}'", printable(path));
  }
  return {};
}

}  // namespace

Result<grpc::ClientCall> begin_sync(Session& session, const SyncRequest& request) {
  TRY(session.require(kDiffCopy));
  grpc::HeaderFields fields;
  add_values(fields, "dir-name", {request.name});
  add_values(fields, "include-patterns", request.includes);
  add_values(fields, "exclude-patterns", request.excludes);
  add_values(fields, "followpaths", request.follow_paths);
  return grpc::ClientCall::begin(session.connection(), kDiffCopy, fields);
}

Result<SyncCounts> receive_files(grpc::ClientCall& call, int directory) {
  UniqueFd own(::fcntl(directory, F_DUPFD_CLOEXEC, 0));
  if (!own) return sys_error("duplicate a descriptor");
  return FileReceiver(call, kernel::RootDir(std::move(own))).run();
}

}  // namespace gantry::buildkit
