// SPDX-License-Identifier: Apache-2.0
//
// Changes of CopySet: what is different from what was copied before, and writing no more than that.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <functional>
#include <set>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "base/printable.h"
#include "build/copy_set.h"
#include "build/key_hasher.h"

namespace gantry::build {
namespace {

constexpr std::size_t kMany = 1000;   // files, from which on it is worth the trouble
constexpr std::size_t kFewOfAll = 8;  // a change is at most one file of so many
constexpr std::size_t kIdentitySize =
    32;  // of the digits of a digest: enough to tell states of one file apart

struct Described {
  std::string_view target;
  char type;
  std::string_view identity;
};
using Description = std::unordered_map<std::string_view, Described>;

char letter_of(mode_t type) {
  switch (type) {
    case S_IFREG: return 'f';
    case S_IFDIR: return 'd';
    case S_IFLNK: return 'l';
    default: return 'o';
  }
}

std::string identity_of(const FileEntry& entry, const oci::Digest& content) {
  KeyHasher key;
  add_to_key(key, entry, content);
  key.number(static_cast<std::uint64_t>(entry.attributes.mtime.tv_sec));
  key.number(static_cast<std::uint64_t>(entry.attributes.mtime.tv_nsec));
  return key.finish().hex().substr(0, kIdentitySize);
}

void append_number(std::string& bytes, std::uint32_t value) {
  for (int shift = 0; shift < 32; shift += 8) bytes += static_cast<char>(value >> shift);
}

// The first one, which is taken away; nothing if it is cut.
std::optional<Described> take(std::string_view& bytes) {
  constexpr std::size_t kLengthSize = 4;
  if (bytes.size() < kLengthSize) return std::nullopt;
  std::size_t length = 0;
  for (std::size_t i = 0; i < kLengthSize; ++i)
    length |= std::size_t{static_cast<unsigned char>(bytes[i])} << (8 * i);
  bytes.remove_prefix(kLengthSize);
  if (bytes.size() < length + 1 + kIdentitySize) return std::nullopt;
  const Described described{bytes.substr(0, length), bytes[length], bytes.substr(length + 1, kIdentitySize)};
  bytes.remove_prefix(length + 1 + kIdentitySize);
  return described;
}

std::optional<Description> parse(std::string_view bytes) {
  Description description;
  while (!bytes.empty()) {
    const auto described = take(bytes);
    if (!described) return std::nullopt;
    description.emplace(described->target, *described);
  }
  return description;
}

std::string_view parent_of(std::string_view target) {
  const std::size_t slash = target.rfind('/');
  return slash == target.npos ? std::string_view() : target.substr(0, slash);
}

// Writing changes the times of directories: those above what is written and removed are written, too.
void add_directories_above(std::string_view target, std::set<std::string_view>& directories) {
  for (target = parent_of(target); !target.empty(); target = parent_of(target))
    if (!directories.insert(target).second) return;
}

}  // namespace

bool CopySet::is_large() const {
  return entries_.size() >= kMany && contents_.size() == entries_.size() &&
         std::ranges::none_of(entries_, [](const FileEntry& entry) {
           return entry.is_archive || !entry.same_as.empty() || entry.target.empty();
         });
}

std::string CopySet::description() const {
  std::string bytes;
  for (std::size_t i = 0; i < entries_.size(); ++i) {
    append_number(bytes, static_cast<std::uint32_t>(entries_[i].target.size()));
    bytes.append(entries_[i].target).append(1, letter_of(entries_[i].type));
    bytes += identity_of(entries_[i], contents_[i]);
  }
  return bytes;
}

std::optional<CopyChange> CopySet::change_since(std::string_view before, std::string_view now) const {
  auto known = parse(before);
  if (!known) return std::nullopt;
  const std::size_t most = entries_.size() / kFewOfAll;
  CopyChange change;
  std::unordered_set<std::string_view> targets;
  std::set<std::string_view> directories;
  for (std::size_t i = 0; i < entries_.size(); ++i) {
    const std::string_view target = entries_[i].target;
    if (!targets.insert(target).second) return std::nullopt;  // several sources, one over the other
    const Described described = *take(now);
    const auto found = known->find(target);
    const bool is_there = found != known->end();
    if (is_there && found->second.type != described.type) return std::nullopt;
    const bool is_same = is_there && found->second.identity == described.identity;
    if (is_there) known->erase(found);
    if (is_same) continue;
    change.written.push_back(i);
    add_directories_above(target, directories);
    if (change.written.size() > most) return std::nullopt;
  }
  if (known->size() > most) return std::nullopt;
  for (const auto& [target, described] : *known) {
    change.removed.emplace_back(target);
    add_directories_above(target, directories);
  }
  std::ranges::sort(change.removed, std::ranges::greater());
  for (std::size_t i = 0; i < entries_.size(); ++i)
    if (directories.contains(entries_[i].target)) change.written.push_back(i);
  std::ranges::sort(change.written);
  const auto repeated = std::ranges::unique(change.written);
  change.written.erase(repeated.begin(), repeated.end());
  return change;
}

Result<void> CopySet::write_change(const CopyChange& change, const kernel::RootDir& root,
                                   const std::optional<Owner>& owner, Cancel& cancel) const {
  const std::string path = kernel::clean_path(wish_->destination);
  UniqueFd opened = TRY(root.open_path(path, O_RDONLY | O_DIRECTORY));
  const kernel::RootDir destination(std::move(opened));
  for (const std::string& target : change.removed) {
    const UniqueFd parent =
        TRY(destination.open_without_links("/" + std::string(parent_of(target)), O_PATH | O_DIRECTORY));
    const std::string name = target.substr(target.rfind('/') + 1);
    if (::unlinkat(parent.get(), name.c_str(), 0) == 0) continue;
    if (errno != EISDIR || ::unlinkat(parent.get(), name.c_str(), AT_REMOVEDIR) < 0)
      return sys_error("remove '{}'", printable(target));
  }
  const UniqueFd directory = TRY(destination.open_path("/", O_RDONLY | O_DIRECTORY));
  TreeWriter writer(directory.get(), cancel);
  for (const std::size_t i : change.written) {
    FileEntry file = entries_[i];
    give_to(owner, file);
    TRY(writer.add(file));
  }
  return writer.finish();
}

}  // namespace gantry::build
