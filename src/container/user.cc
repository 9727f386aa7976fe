// SPDX-License-Identifier: Apache-2.0
#include "container/user.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <span>

#include "base/file.h"
#include "base/printable.h"

namespace gantry::container {
namespace {

constexpr std::size_t kLargestFile = 4 << 20;  // bytes; a larger one is no user file
constexpr std::uint32_t kLargestId =
    0x7fffffff;  // as Docker has it; (uint32)-1 means "no change" to the kernel

// ---- lines

// Calls `use` with the fields of each line that has at least `N`; it returns true to stop.
template <std::size_t N, class Use>
void for_each_line(std::string_view text, Use use) {
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    std::string_view line = text.substr(0, end);
    text.remove_prefix(end == text.npos ? text.size() : end + 1);
    std::array<std::string_view, N> fields;
    std::size_t count = 0;
    for (; count < N; ++count) {
      const std::size_t colon = line.find(':');
      fields[count] = line.substr(0, colon);
      if (colon == line.npos) {
        ++count;
        break;
      }
      line.remove_prefix(colon + 1);
    }
    if (count == N && use(fields)) return;
  }
}

std::optional<std::uint32_t> parse_id(std::string_view text) {
  std::uint32_t id = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), id);
  if (failed != std::errc() || end != text.data() + text.size() || id > kLargestId) return std::nullopt;
  return id;
}

struct PasswdLine {  // name:password:uid:gid:comment:home[:shell]
  std::string_view name;
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
  std::string_view home;
};

template <class Matches>
std::optional<PasswdLine> find_passwd(std::string_view text, Matches matches) {
  std::optional<PasswdLine> found;
  for_each_line<6>(text, [&](const std::array<std::string_view, 6>& fields) {
    const auto uid = parse_id(fields[2]), gid = parse_id(fields[3]);
    if (fields[0].empty() || !uid || !gid) return false;
    const PasswdLine line{fields[0], *uid, *gid, fields[5]};
    if (!matches(line)) return false;
    found = line;
    return true;
  });
  return found;
}

struct GroupLine {  // name:password:gid:member,member
  std::string_view name;
  std::uint32_t gid = 0;
  std::string_view members;

  bool has_member(std::string_view user) const {
    std::string_view rest = members;
    while (!rest.empty()) {
      const std::size_t comma = rest.find(',');
      if (rest.substr(0, comma) == user) return true;
      rest.remove_prefix(comma == rest.npos ? rest.size() : comma + 1);
    }
    return false;
  }
};

// `use` returns true to stop.
template <class Use>
void for_each_group(std::string_view text, Use use) {
  for_each_line<4>(text, [&](const std::array<std::string_view, 4>& fields) {
    const auto gid = parse_id(fields[2]);
    return !fields[0].empty() && gid && use(GroupLine{fields[0], *gid, fields[3]});
  });
}

// A name wins over a number that looks like it, as a number need not be in the file.
Result<std::uint32_t> find_group(std::string_view text, std::string_view wanted) {
  std::optional<std::uint32_t> found;
  for_each_group(text, [&](const GroupLine& line) {
    if (line.name != wanted) return false;
    found = line.gid;
    return true;
  });
  if (found) return *found;
  if (const auto id = parse_id(wanted)) return *id;
  return error(Code::InvalidArgument, "unable to find group {}: no matching entries in group file",
               printable(wanted));
}

// ---- users

Result<ContainerUser> find_owner(std::string_view passwd, std::string_view wanted) {
  ContainerUser user{.home = "/"};
  const auto id = parse_id(wanted);
  auto line = find_passwd(passwd, [&](const PasswdLine& one) { return one.name == wanted; });
  if (!line && id) line = find_passwd(passwd, [&](const PasswdLine& one) { return one.uid == *id; });
  if (line) {
    user.uid = line->uid;
    user.gid = line->gid;
    user.name = line->name;
    if (line->home.starts_with('/') && line->home.find('\0') == line->home.npos) user.home = line->home;
    return user;
  }
  if (!id)
    return error(Code::InvalidArgument, "unable to find user {}: no matching entries in passwd file",
                 printable(wanted));
  user.uid = *id;
  return user;
}

std::vector<std::uint32_t> groups_of(std::string_view group, const std::string& name) {
  std::vector<std::uint32_t> gids;
  if (name.empty()) return gids;
  for_each_group(group, [&](const GroupLine& line) {
    if (line.has_member(name)) gids.push_back(line.gid);
    return false;
  });
  return gids;
}

// What is not a regular file of bounded size inside of the root counts as empty, as if it were not there.
std::string read_inside(const kernel::RootDir& root, const std::string& path) {
  // O_NONBLOCK: it may be a fifo without a writer.
  const auto file = root.open_path(path, O_RDONLY | O_NONBLOCK | O_NOCTTY);
  struct stat st{};
  if (!file || ::fstat(file->get(), &st) < 0 || !S_ISREG(st.st_mode)) return {};
  auto text = read_all(file->get(), path, kLargestFile);
  return text ? std::move(*text) : std::string();
}

}  // namespace

Result<ContainerUser> find_user(const UserFiles& files, std::string_view user,
                                const std::vector<std::string>& additional) {
  const std::size_t colon = user.find(':');
  std::string_view owner = user.substr(0, colon);
  if (owner.empty()) owner = "0";
  ContainerUser found = TRY(find_owner(files.passwd, owner));
  if (colon != user.npos && colon + 1 < user.size())
    found.gid = TRY(find_group(files.group, user.substr(colon + 1)));
  else
    found.additional_gids = groups_of(files.group, found.name);
  for (const std::string& group : additional)
    found.additional_gids.push_back(TRY(find_group(files.group, group)));
  // Its own, too: or "everybody but this group" (a mode like 0705) could be got around by setgroups(2).
  found.additional_gids.push_back(found.gid);
  std::ranges::sort(found.additional_gids);
  const auto [first, last] = std::ranges::unique(found.additional_gids);
  found.additional_gids.erase(first, last);
  return found;
}

Result<ContainerUser> find_user(const kernel::RootDir& root, std::string_view user,
                                const std::vector<std::string>& additional) {
  const std::string passwd = read_inside(root, "/etc/passwd");
  const std::string group = read_inside(root, "/etc/group");
  return find_user(UserFiles{.passwd = passwd, .group = group}, user, additional);
}

}  // namespace gantry::container
