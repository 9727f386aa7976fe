// SPDX-License-Identifier: Apache-2.0
#include "image/compose/root_files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>

#include "base/file.h"
#include "base/split.h"

namespace gantry::image {
namespace {

using kernel::RootDir;

constexpr std::uint32_t kFirstUser = 1000;
constexpr std::uint32_t kLastUser = 59999;  // Debian's policy for users, 9.2.2
constexpr std::size_t kMostAccounts = 16 << 20;

std::optional<std::uint32_t> to_id(std::string_view text) {
  std::uint32_t id = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), id);
  if (text.empty() || failed != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return id;
}

// passwd(5) and group(5): lines of fields, of which the first is a name and the third an id.
class Accounts {
 public:
  static Result<Accounts> read(const RootDir& root, std::string path) {
    Accounts accounts;
    accounts.path_ = std::move(path);
    const auto file = root.open_path(accounts.path_, O_RDONLY);
    if (!file && file.error().code() != Code::NotFound)
      return Error(file.error().code(), 0, file.error().message());
    if (file) accounts.text_ = TRY(read_all(file->get(), accounts.path_, kMostAccounts));
    if (!accounts.text_.empty() && !accounts.text_.ends_with('\n')) accounts.text_ += '\n';
    return accounts;
  }

  std::optional<std::uint32_t> id_of(std::string_view name) const {
    for (const std::string_view line : split(text_, '\n')) {
      const auto parts = split(line, ':');
      if (parts.size() > 2 && parts[0] == name) return to_id(parts[2]);
    }
    return std::nullopt;
  }
  bool has_name(std::string_view name) const {
    return text_.starts_with(std::string(name) + ":") ||
           text_.find("\n" + std::string(name) + ":") != std::string::npos;
  }
  bool has_id(std::uint32_t id) const {
    return std::ranges::any_of(split(text_, '\n'), [&](std::string_view line) {
      const auto parts = split(line, ':');
      return parts.size() > 2 && to_id(parts[2]) == id;
    });
  }
  // The group that a user has by itself.
  std::optional<std::uint32_t> group_of(std::string_view user) const {
    for (const std::string_view line : split(text_, '\n')) {
      const auto parts = split(line, ':');
      if (parts.size() > 3 && parts[0] == user) return to_id(parts[3]);
    }
    return std::nullopt;
  }

  void add(const std::string& line) { text_ += line + "\n"; }

  // A member of a group, or NotFound.
  Result<void> add_member(std::string_view group, const std::string& user) {
    const std::string start = std::string(group) + ":";
    std::size_t begin = text_.starts_with(start) ? 0 : text_.find("\n" + start);
    if (begin == std::string::npos) return error(Code::NotFound, "there is no group '{}'", group);
    if (begin > 0) ++begin;
    const std::size_t end = text_.find('\n', begin);
    text_.insert(end, text_[end - 1] == ':' ? user : "," + user);
    return {};
  }

  Result<void> write(const RootDir& root, mode_t mode) const {
    const auto [parent, name] = TRY(root.make_parent(path_, 0755));
    return replace_file_at(parent.get(), name, text_, mode);
  }

 private:
  std::string path_;
  std::string text_;
};

struct Owner {
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
};

Result<Owner> owner_of(const Accounts& users, const Accounts& groups, const std::string& text) {
  if (text.empty()) return Owner{};
  const std::size_t colon = text.find(':');
  const std::string user = text.substr(0, colon);
  auto uid = to_id(user);
  if (!uid) uid = users.id_of(user);
  if (!uid) return error(Code::NotFound, "there is no user '{}'", user);
  if (colon == std::string::npos) return Owner{*uid, users.group_of(user).value_or(*uid)};
  const std::string group = text.substr(colon + 1);
  auto gid = to_id(group);
  if (!gid) gid = groups.id_of(group);
  if (!gid) return error(Code::NotFound, "there is no group '{}'", group);
  return Owner{*uid, *gid};
}

Result<void> give(int file, const Owner& owner, mode_t mode) {
  if (::fchown(file, owner.uid, owner.gid) < 0) return sys_error("change the owner");
  if (::fchmod(file, mode) < 0) return sys_error("change the mode");
  return {};
}

Result<void> add_directory(const RootDir& root, const std::string& path, const Owner& owner, mode_t mode) {
  TRY(root.make_directory(path, 0755));
  const UniqueFd directory = TRY(root.open_path(path, O_RDONLY | O_DIRECTORY));
  return give(directory.get(), owner, mode);
}

std::string source_of(const ComposedFile& file, const std::string& base) {
  return file.source.starts_with('/') ? file.source : base + "/" + file.source;
}

Result<void> add_file(const RootDir& root, const ComposedFile& file, const std::string& base,
                      const Owner& owner) {
  const mode_t mode =
      file.mode.empty() ? 0 : static_cast<mode_t>(std::strtoul(file.mode.c_str(), nullptr, 8));
  if (!file.content && file.source.empty() && file.link.empty())
    return add_directory(root, file.path, owner, file.mode.empty() ? 0755 : mode);
  const auto [parent, name] = TRY(root.make_parent(file.path, 0755));
  if (::unlinkat(parent.get(), name.c_str(), 0) < 0 && errno != ENOENT)
    return sys_error("replace what is there");
  if (!file.link.empty()) {
    if (::symlinkat(file.link.c_str(), parent.get(), name.c_str()) < 0) return sys_error("make a link");
    if (::fchownat(parent.get(), name.c_str(), owner.uid, owner.gid, AT_SYMLINK_NOFOLLOW) < 0)
      return sys_error("change the owner");
    return {};
  }
  UniqueFd made(
      ::openat(parent.get(), name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!made) return sys_error("make it");
  if (file.content) {
    TRY(write_all(made.get(), *file.content, file.path));
  } else {
    const std::string source = source_of(file, base);
    const UniqueFd from = TRY(open_at(AT_FDCWD, source, O_RDONLY));
    for (;;) {
      const ssize_t copied = ::copy_file_range(from.get(), nullptr, made.get(), nullptr, 1 << 30, 0);
      if (copied < 0) return sys_error("copy '{}'", source);
      if (copied == 0) break;
    }
  }
  return give(made.get(), owner, file.mode.empty() ? 0644 : mode);
}

Result<void> clamp(int directory, std::int64_t epoch) {
  for (const std::string& name : TRY(names_in(directory, "."))) {
    struct stat found{};
    if (::fstatat(directory, name.c_str(), &found, AT_SYMLINK_NOFOLLOW) < 0)
      return sys_error("look at '{}'", name);
    if (S_ISDIR(found.st_mode)) {
      const UniqueFd below = TRY(open_at(directory, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
      TRY(clamp(below.get(), epoch));
    }
    if (found.st_mtim.tv_sec < epoch) continue;
    const std::array<timespec, 2> times = {timespec{epoch, 0}, timespec{epoch, 0}};
    if (::utimensat(directory, name.c_str(), times.data(), AT_SYMLINK_NOFOLLOW) < 0)
      return sys_error("change the times of '{}'", name);
  }
  return {};
}

// Directories stay: a daemon writes its log into that of its package.
Result<void> remove_files(int directory) {
  for (const std::string& name : TRY(names_in(directory, "."))) {
    const UniqueFd below(::openat(directory, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (below)
      TRY(remove_files(below.get()));
    else if (::unlinkat(directory, name.c_str(), 0) < 0)
      return sys_error("remove '{}'", name);
  }
  return {};
}

// Of a database that was closed. One that still holds changes belongs to it.
Result<void> remove_empty_journal(const RootDir& root, const std::string& directory, const char* name) {
  const auto parent = root.open_without_links(directory, O_PATH | O_DIRECTORY);
  struct stat found{};
  if (!parent || ::fstatat(parent->get(), name, &found, AT_SYMLINK_NOFOLLOW) < 0) return {};  // there is none
  if (found.st_size > 0) return error(Code::Conflict, "'{}/{}' was not closed by rpm", directory, name);
  if (::unlinkat(parent->get(), name, 0) < 0) return sys_error("remove '{}/{}'", directory, name);
  return {};
}

}  // namespace

Result<void> add_users(const RootDir& root, const std::vector<ComposedUser>& users, std::int64_t epoch) {
  if (users.empty()) return {};
  Accounts passwd = TRY(Accounts::read(root, "/etc/passwd"));
  Accounts group = TRY(Accounts::read(root, "/etc/group"));
  Accounts shadow = TRY(Accounts::read(root, "/etc/shadow"));
  std::vector<std::pair<std::string, Owner>> homes;
  for (const ComposedUser& user : users) {
    if (passwd.has_name(user.name))
      return error(Code::AlreadyExists, "there is a user '{}' already", user.name);
    std::uint32_t uid = user.uid.value_or(kFirstUser);
    while (!user.uid && passwd.has_id(uid) && uid < kLastUser) ++uid;
    if (passwd.has_id(uid)) return error(Code::AlreadyExists, "there is a user with the id {} already", uid);
    const std::uint32_t gid = user.gid.value_or(uid);
    if (!group.has_id(gid) && !group.has_name(user.name)) group.add(fmt::format("{}:x:{}:", user.name, gid));
    for (const std::string& name : user.groups)
      TRY_DURING(group.add_member(name, user.name), "add user '{}'", user.name);
    const std::string home = user.home.empty() ? "/home/" + user.name : user.home;
    passwd.add(fmt::format("{}:x:{}:{}:{}:{}:{}", user.name, uid, gid, user.comment, home, user.shell));
    constexpr std::int64_t kDay = 24 * 60 * 60;
    shadow.add(fmt::format("{}:!:{}::::::", user.name, epoch / kDay));  // no password fits
    homes.emplace_back(home, Owner{uid, gid});
  }
  TRY(passwd.write(root, 0644));
  TRY(group.write(root, 0644));
  TRY(shadow.write(root, 0640));
  const auto shadow_group = group.id_of("shadow");
  const UniqueFd file = TRY(root.open_path("/etc/shadow", O_RDONLY));
  TRY(give(file.get(), {0, shadow_group.value_or(0)}, 0640));
  for (const auto& [home, owner] : homes)
    if (home != "/") TRY_DURING(add_directory(root, home, owner, 0755), "make the home '{}'", home);
  return {};
}

Result<void> check_sources(const std::vector<ComposedFile>& files, const std::string& base) {
  for (const ComposedFile& file : files)
    if (!file.source.empty())
      TRY_DURING(open_at(AT_FDCWD, source_of(file, base), O_RDONLY), "add '{}'", file.path);
  return {};
}

Result<void> add_files(const RootDir& root, const std::vector<ComposedFile>& files, const std::string& base) {
  const Accounts passwd = TRY(Accounts::read(root, "/etc/passwd"));
  const Accounts group = TRY(Accounts::read(root, "/etc/group"));
  for (const ComposedFile& file : files) {
    const Owner owner = TRY_DURING(owner_of(passwd, group, file.owner), "add '{}'", file.path);
    TRY_DURING(add_file(root, file, base, owner), "add '{}'", file.path);
  }
  return {};
}

Result<void> remove_traces(const RootDir& root) {
  constexpr std::array kGone = {"/etc/hostname",
                                "/etc/resolv.conf",
                                "/etc/machine-id",
                                "/etc/passwd-",
                                "/etc/group-",
                                "/etc/shadow-",
                                "/etc/gshadow-",
                                "/var/cache/ldconfig/aux-cache",
                                "/var/lib/dbus/machine-id",
                                "/var/lib/dnf/history.sqlite",
                                "/var/lib/dnf/history.sqlite-shm",
                                "/var/lib/dnf/history.sqlite-wal",
                                "/var/lib/dpkg/lock",
                                "/var/lib/dpkg/lock-frontend",
                                "/usr/lib/sysimage/rpm/.rpm.lock",
                                "/usr/lib/sysimage/rpm/rpmdb.sqlite-shm"};
  for (const std::string path : kGone) {
    const std::size_t slash = path.rfind('/');
    const auto parent = root.open_without_links(path.substr(0, slash), O_PATH | O_DIRECTORY);
    if (!parent) continue;  // then the file is not there either
    if (::unlinkat(parent->get(), path.c_str() + slash + 1, 0) < 0 && errno != ENOENT)
      return sys_error("remove '{}'", path);
  }
  TRY(remove_empty_journal(root, "/usr/lib/sysimage/rpm", "rpmdb.sqlite-wal"));
  constexpr std::array kEmptied = {"/tmp", "/var/cache/apt", "/var/cache/dnf", "/var/lib/apt/lists",
                                   "/var/log"};
  for (const std::string path : kEmptied) {
    const auto directory = root.open_without_links(path, O_RDONLY | O_DIRECTORY);
    if (directory) TRY_DURING(remove_files(directory->get()), "empty '{}'", path);
  }
  return {};
}

Result<void> clamp_times(const RootDir& root, std::int64_t epoch) {
  const UniqueFd top = TRY(root.open_path("/", O_RDONLY | O_DIRECTORY));
  TRY(clamp(top.get(), epoch));
  const std::array<timespec, 2> times = {timespec{epoch, 0}, timespec{epoch, 0}};
  if (::futimens(top.get(), times.data()) < 0) return sys_error("change the times of the root directory");
  return {};
}

}  // namespace gantry::image
