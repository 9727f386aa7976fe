// SPDX-License-Identifier: Apache-2.0
#include "runtime/mount_options.h"

#include <linux/mount.h>
#include <sys/mount.h>

#include <string_view>

namespace gantry::runtime {
namespace {

enum class Effect : std::uint8_t { Set, Clear, Propagation, Bind, CopyUp, IdMap, Ignore };

struct Option {
  std::string_view word;
  Effect effect;
  std::uint64_t bits = 0;
};

constexpr std::uint64_t kAtime = MOUNT_ATTR__ATIME;

// Those that set or clear attributes also exist with "r" in front: then they hold for the whole tree.
constexpr Option kAttributeOptions[] = {
    {"ro", Effect::Set, MOUNT_ATTR_RDONLY},
    {"rw", Effect::Clear, MOUNT_ATTR_RDONLY},
    {"nosuid", Effect::Set, MOUNT_ATTR_NOSUID},
    {"suid", Effect::Clear, MOUNT_ATTR_NOSUID},
    {"nodev", Effect::Set, MOUNT_ATTR_NODEV},
    {"dev", Effect::Clear, MOUNT_ATTR_NODEV},
    {"noexec", Effect::Set, MOUNT_ATTR_NOEXEC},
    {"exec", Effect::Clear, MOUNT_ATTR_NOEXEC},
    {"nodiratime", Effect::Set, MOUNT_ATTR_NODIRATIME},
    {"diratime", Effect::Clear, MOUNT_ATTR_NODIRATIME},
    {"nosymfollow", Effect::Set, MOUNT_ATTR_NOSYMFOLLOW},
    {"symfollow", Effect::Clear, MOUNT_ATTR_NOSYMFOLLOW},
    // The three ways of keeping access times exclude each other; `relatime` is the kernel's 0.
    {"relatime", Effect::Set, MOUNT_ATTR_RELATIME},
    {"norelatime", Effect::Clear, MOUNT_ATTR_RELATIME},
    {"noatime", Effect::Set, MOUNT_ATTR_NOATIME},
    {"atime", Effect::Clear, MOUNT_ATTR_NOATIME},
    {"strictatime", Effect::Set, MOUNT_ATTR_STRICTATIME},
    {"nostrictatime", Effect::Clear, MOUNT_ATTR_STRICTATIME},
};

constexpr Option kOtherOptions[] = {
    {"defaults", Effect::Ignore},
    {"bind", Effect::Bind},
    {"rbind", Effect::Bind, MS_REC},
    {"private", Effect::Propagation, MS_PRIVATE},
    {"rprivate", Effect::Propagation, MS_PRIVATE | MS_REC},
    {"shared", Effect::Propagation, MS_SHARED},
    {"rshared", Effect::Propagation, MS_SHARED | MS_REC},
    {"slave", Effect::Propagation, MS_SLAVE},
    {"rslave", Effect::Propagation, MS_SLAVE | MS_REC},
    {"unbindable", Effect::Propagation, MS_UNBINDABLE},
    {"runbindable", Effect::Propagation, MS_UNBINDABLE | MS_REC},
    {"tmpcopyup", Effect::CopyUp},
    {"idmap", Effect::IdMap},
    {"ridmap", Effect::IdMap, MS_REC},
    // Hints of mount(8) and of old kernels without a meaning for the kernel today.
    {"loud", Effect::Ignore},
    {"nomand", Effect::Ignore},
    {"nolazytime", Effect::Ignore},
    {"iversion", Effect::Ignore},
    {"noiversion", Effect::Ignore},
    {"silent", Effect::Ignore},
    {"nofail", Effect::Ignore},
    {"_netdev", Effect::Ignore},
};

// Words of every file system's superblock; passed on as they are (fsconfig(2) knows them).
constexpr std::string_view kSuperblockOptions[] = {"sync", "async", "dirsync", "lazytime", "mand"};

void change(kernel::MountAttributes& attributes, const Option& option) {
  if (option.effect == Effect::Clear) {
    attributes.set &= ~option.bits;
    attributes.clear |= option.bits;
    // Clearing one way of keeping access times means going back to the usual one; 0 of the field is it.
    if (option.bits & kAtime || option.word.ends_with("relatime")) {
      attributes.set &= ~kAtime;
      attributes.clear |= kAtime;
    }
    return;
  }
  attributes.clear &= ~option.bits;
  if ((option.bits & kAtime) != 0 || option.bits == MOUNT_ATTR_RELATIME) {
    // mount_setattr(2) wants the whole access time field cleared whenever a value is set in it.
    attributes.set &= ~kAtime;
    attributes.clear |= kAtime;
  }
  attributes.set |= option.bits;
}

const Option* find_attribute(std::string_view word) {
  for (const Option& option : kAttributeOptions)
    if (option.word == word) return &option;
  return nullptr;
}

const Option* find_other(std::string_view word) {
  for (const Option& option : kOtherOptions)
    if (option.word == word) return &option;
  return nullptr;
}

// "rro" is "ro" for the whole tree; "relatime" is a word of its own and is found first.
const Option* find_recursive_attribute(std::string_view word) {
  return word.starts_with('r') ? find_attribute(word.substr(1)) : nullptr;
}

void apply_other(const Option& option, MountOptions& parsed) {
  switch (option.effect) {
    case Effect::Bind:
      parsed.bind = true;
      parsed.bind_recursive = (option.bits & MS_REC) != 0;
      break;
    case Effect::Propagation:
      parsed.attributes.propagation = option.bits & ~std::uint64_t{MS_REC};
      parsed.recursive_propagation = (option.bits & MS_REC) != 0;
      break;
    case Effect::CopyUp: parsed.copy_up = true; break;
    case Effect::IdMap:
      parsed.id_map = true;
      parsed.id_map_recursive = (option.bits & MS_REC) != 0;
      break;
    default: break;
  }
}

}  // namespace

MountOptions parse_mount_options(const std::vector<std::string>& options) {
  MountOptions parsed;
  for (const std::string& word : options) {
    if (const Option* option = find_attribute(word)) {
      change(parsed.attributes, *option);
    } else if (const Option* other = find_other(word)) {
      apply_other(*other, parsed);
    } else if (const Option* recursive = find_recursive_attribute(word)) {
      change(parsed.recursive, *recursive);
    } else if (!word.empty()) {
      parsed.data.push_back(word);
    }
  }
  return parsed;
}

std::vector<std::string> known_mount_options() {
  std::vector<std::string> words;
  for (const Option& option : kAttributeOptions) {
    words.emplace_back(option.word);
    words.push_back("r" + std::string(option.word));
  }
  for (const Option& option : kOtherOptions) words.emplace_back(option.word);
  for (const std::string_view word : kSuperblockOptions) words.emplace_back(word);
  return words;
}

unsigned long propagation_flag(std::string_view word) {
  const Option* option = find_other(word);
  return option != nullptr && option->effect == Effect::Propagation ? option->bits : 0;
}

}  // namespace gantry::runtime
