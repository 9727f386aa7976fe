// SPDX-License-Identifier: Apache-2.0
#include "daemon/subordinate_ids.h"

#include <grp.h>
#include <pwd.h>

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <limits>
#include <optional>

#include <fmt/format.h>

#include "base/file.h"
#include "base/printable.h"

namespace gantry::daemon {
namespace {

constexpr const char* kDefaultUser = "dockremap";
constexpr std::uint32_t kUsualCount = 65536;
constexpr std::uint32_t kUsualFirst = 100000;  // login.defs(5), SUB_UID_MIN

bool is_number(std::string_view text) {
  return !text.empty() && text.find_first_not_of("0123456789") == text.npos;
}

std::optional<std::uint32_t> number_of(std::string_view text) {
  std::uint32_t number = 0;
  const char* end = text.data() + text.size();
  if (!is_number(text) || std::from_chars(text.data(), end, number).ec != std::errc()) return std::nullopt;
  return number;
}

struct Line {
  std::string_view owner;
  std::uint32_t first = 0, count = 0;
};

std::string_view take_field(std::string_view& line) {
  const std::string_view field = line.substr(0, line.find(':'));
  line.remove_prefix(std::min(line.size(), field.size() + 1));
  return field;
}

Result<Line> parse_line(std::string_view line) {
  const std::string_view whole = line;
  const std::string_view owner = take_field(line);
  const auto first = number_of(take_field(line)), count = number_of(take_field(line));
  constexpr std::uint64_t kMost = std::numeric_limits<std::uint32_t>::max();
  if (owner.empty() || !first || !count || *count == 0 || std::uint64_t{*first} + *count > kMost ||
      !line.empty())
    return error(Code::InvalidArgument, "'{}' is not 'owner:first:count'", printable(whole));
  return Line{owner, *first, *count};
}

// Calls `each` for every line that says something.
template <class Each>
Result<void> for_each_line(std::string_view text, Each each) {
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    if (!line.empty() && !line.starts_with('#')) each(TRY(parse_line(line)));
  }
  return {};
}

// Behind all that are taken.
Result<std::uint64_t> first_free(std::string_view text) {
  std::uint64_t first = kUsualFirst;
  TRY(for_each_line(
      text, [&](const Line& line) { first = std::max(first, std::uint64_t{line.first} + line.count); }));
  return first;
}

// A name and its number, as far as the host knows both.
struct Owner {
  std::string name, id;
};

Owner user_called(const std::string& text) {
  char buffer[16 << 10];
  struct passwd entry{}, *found = nullptr;
  const auto id = number_of(text);
  const int failed = id ? ::getpwuid_r(*id, &entry, buffer, sizeof buffer, &found)
                        : ::getpwnam_r(text.c_str(), &entry, buffer, sizeof buffer, &found);
  if (failed != 0 || found == nullptr) return id ? Owner{"", text} : Owner{text, ""};
  return {found->pw_name, std::to_string(found->pw_uid)};
}

Owner group_called(const std::string& text) {
  char buffer[16 << 10];
  struct group entry{}, *found = nullptr;
  const auto id = number_of(text);
  const int failed = id ? ::getgrgid_r(*id, &entry, buffer, sizeof buffer, &found)
                        : ::getgrnam_r(text.c_str(), &entry, buffer, sizeof buffer, &found);
  if (failed != 0 || found == nullptr) return id ? Owner{"", text} : Owner{text, ""};
  return {found->gr_name, std::to_string(found->gr_gid)};
}

Result<std::vector<kernel::IdRange>> ranges_in(const std::string& path, const Owner& owner) {
  auto text = read_file(path);
  if (!text && text.error().code() == Code::NotFound) text = std::string();
  if (!text) return std::move(text).error();
  auto ranges = TRY_DURING(parse_subordinate_ids(*text, owner.name, owner.id), "read '{}'", path);
  if (!ranges.empty()) return ranges;
  const std::string& shown = owner.name.empty() ? owner.id : owner.name;
  return error(Code::NotFound, "'{0}' gives no ids to '{1}'; this line in it would: {1}:{2}:{3}", path, shown,
               TRY(first_free(*text)), kUsualCount);
}

}  // namespace

Result<std::vector<kernel::IdRange>> parse_subordinate_ids(std::string_view text, std::string_view name,
                                                           std::string_view id) {
  std::vector<kernel::IdRange> ranges;
  std::uint64_t inside = 0;
  TRY(for_each_line(text, [&](const Line& line) {
    if (line.owner != name && (id.empty() || line.owner != id)) return;
    ranges.push_back({static_cast<std::uint32_t>(inside), line.first, line.count});
    inside += line.count;
  }));
  if (inside > std::numeric_limits<std::uint32_t>::max())
    return error(Code::InvalidArgument, "'{}' has more ids than there are", printable(name));
  return ranges;
}

Result<kernel::IdMaps> subordinate_ids(const std::string& remap, const std::string& etc) {
  const std::string wanted = remap == "default" ? kDefaultUser : remap;
  const std::size_t colon = wanted.find(':');
  const std::string user = wanted.substr(0, colon);
  const std::string group = colon == wanted.npos ? "" : wanted.substr(colon + 1);
  if (user.empty() || (colon != wanted.npos && group.empty()) || group.find(':') != group.npos)
    return error(Code::InvalidArgument, "'{}' is not 'default', 'user' or 'user:group'", printable(remap));
  const Owner owner = user_called(user);
  const Owner owning_group = group.empty()
                                 ? Owner{.name = owner.name, .id = owner.name.empty() ? owner.id : ""}
                                 : group_called(group);
  kernel::IdMaps maps;
  maps.uids = TRY(ranges_in(etc + "/subuid", owner));
  maps.gids = TRY(ranges_in(etc + "/subgid", owning_group));
  return maps;
}

}  // namespace gantry::daemon
