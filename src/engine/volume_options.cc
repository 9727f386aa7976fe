// SPDX-License-Identifier: Apache-2.0
#include "engine/volume_options.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netdb.h>
#include <sys/mount.h>

#include <memory>
#include <string_view>

namespace gantry::engine {
namespace {

// Words of mount(8) that say something of the mount rather than of the file system.
struct Word {
  std::string_view word;
  std::uint64_t set = 0;
  std::uint64_t clear = 0;
  std::uint64_t propagation = 0;
};
constexpr Word kWords[] = {
    {.word = "defaults"},
    {.word = "ro", .set = MOUNT_ATTR_RDONLY},
    {.word = "rw", .clear = MOUNT_ATTR_RDONLY},
    {.word = "nosuid", .set = MOUNT_ATTR_NOSUID},
    {.word = "suid", .clear = MOUNT_ATTR_NOSUID},
    {.word = "nodev", .set = MOUNT_ATTR_NODEV},
    {.word = "dev", .clear = MOUNT_ATTR_NODEV},
    {.word = "noexec", .set = MOUNT_ATTR_NOEXEC},
    {.word = "exec", .clear = MOUNT_ATTR_NOEXEC},
    {.word = "noatime", .set = MOUNT_ATTR_NOATIME, .clear = MOUNT_ATTR__ATIME},
    {.word = "relatime", .clear = MOUNT_ATTR__ATIME},
    {.word = "strictatime", .set = MOUNT_ATTR_STRICTATIME, .clear = MOUNT_ATTR__ATIME},
    {.word = "nodiratime", .set = MOUNT_ATTR_NODIRATIME},
    {.word = "diratime", .clear = MOUNT_ATTR_NODIRATIME},
    {.word = "nosymfollow", .set = MOUNT_ATTR_NOSYMFOLLOW},
    {.word = "private", .propagation = MS_PRIVATE},
    {.word = "rprivate", .propagation = MS_PRIVATE},
    {.word = "shared", .propagation = MS_SHARED},
    {.word = "rshared", .propagation = MS_SHARED},
    {.word = "slave", .propagation = MS_SLAVE},
    {.word = "rslave", .propagation = MS_SLAVE},
};

const Word* find_word(std::string_view wanted) {
  for (const Word& word : kWords)
    if (word.word == wanted) return &word;
  return nullptr;
}

void apply_word(VolumeMount& mount, std::string_view word) {
  if (word == "bind" || word == "rbind") {
    mount.is_bind = true;
    mount.depth = word == "rbind" ? kernel::Depth::Tree : kernel::Depth::One;
  } else if (const Word* known = find_word(word)) {
    // The last of several words that contradict each other counts.
    mount.attributes.set = (mount.attributes.set & ~known->clear) | known->set;
    mount.attributes.clear = (mount.attributes.clear & ~known->set) | known->clear;
    if (known->propagation != 0) mount.attributes.propagation = known->propagation;
  } else {
    mount.data.emplace_back(word);
  }
}

void parse_words(VolumeMount& mount, std::string_view words) {
  while (!words.empty()) {
    const std::size_t comma = words.find(',');
    const std::string_view word = words.substr(0, comma);
    words.remove_prefix(comma == std::string_view::npos ? words.size() : comma + 1);
    if (!word.empty()) apply_word(mount, word);
  }
}

// The kernel takes addresses only.
Result<std::string> address_of(const std::string& host) {
  in6_addr unused{};
  if (::inet_pton(AF_INET, host.c_str(), &unused) == 1 || ::inet_pton(AF_INET6, host.c_str(), &unused) == 1)
    return host;
  addrinfo* answer = nullptr;
  const addrinfo hints{.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
  if (const int failure = ::getaddrinfo(host.c_str(), nullptr, &hints, &answer); failure != 0)
    return error(Code::Unavailable, "look up '{}': {}", host, ::gai_strerror(failure));
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> owner(answer, ::freeaddrinfo);
  char text[NI_MAXHOST];
  if (const int failure =
          ::getnameinfo(answer->ai_addr, answer->ai_addrlen, text, sizeof text, nullptr, 0, NI_NUMERICHOST);
      failure != 0)
    return error(Code::Unavailable, "look up '{}': {}", host, ::gai_strerror(failure));
  return std::string(text);
}

bool is_of_network(std::string_view type) {
  return type.starts_with("nfs") || type == "cifs" || type == "smb3";
}

Result<kernel::DetachedMount> make_bind(const VolumeMount& wanted) {
  auto mount = TRY(kernel::DetachedMount::copy_of(AT_FDCWD, wanted.device, wanted.depth));
  if (!wanted.attributes.empty()) TRY(mount.set_attributes(wanted.attributes, wanted.depth));
  return mount;
}

}  // namespace

Result<VolumeMount> parse_volume_options(const std::map<std::string, std::string>& options) {
  VolumeMount mount;
  for (const auto& [key, value] : options) {
    if (key == "type")
      mount.type = value;
    else if (key == "device")
      mount.device = value;
    else if (key == "o")
      parse_words(mount, value);
    else if (key == "size")
      return error(Code::Unsupported, "quota size requested but no quota support");
    else
      return error(Code::InvalidArgument, "invalid option: \"{}\"", key);
  }
  if (mount.device.empty()) return error(Code::InvalidArgument, "missing device in volume options");
  if (mount.is_bind) {
    if (!mount.data.empty())
      return error(Code::InvalidArgument, "invalid option: \"{}\": a bind has no file system's options",
                   mount.data.front());
    if (!mount.device.starts_with('/'))
      return error(Code::InvalidArgument, "device '{}' of a bind is not an absolute path", mount.device);
    mount.type.clear();
  } else if (mount.type.empty()) {
    return error(Code::InvalidArgument, "missing type in volume options");
  }
  return mount;
}

Result<kernel::DetachedMount> make_volume_mount(const VolumeMount& wanted) {
  if (wanted.is_bind) return make_bind(wanted);
  std::vector<std::string> data = wanted.data;
  constexpr std::string_view kAddress = "addr=";
  if (is_of_network(wanted.type))
    for (std::string& option : data)
      if (option.starts_with(kAddress))
        option = std::string(kAddress) + TRY(address_of(option.substr(kAddress.size())));
  // A medium that cannot be written would refuse a superblock that can.
  if ((wanted.attributes.set & MOUNT_ATTR_RDONLY) != 0) data.emplace_back("ro");
  auto mount = TRY(kernel::DetachedMount::create({.type = wanted.type,
                                                  .source = wanted.device,
                                                  .options = std::move(data),
                                                  .attributes = wanted.attributes.set}));
  if (wanted.attributes.propagation != 0)
    TRY(mount.set_attributes({.propagation = wanted.attributes.propagation}, kernel::Depth::One));
  return mount;
}

}  // namespace gantry::engine
