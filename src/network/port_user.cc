// SPDX-License-Identifier: Apache-2.0
#include "network/port_user.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <charconv>
#include <vector>

#include "base/file.h"
#include "kernel/network/netlink_message.h"

namespace gantry::network {
namespace {

std::vector<std::string_view> words_of(std::string_view line) {
  std::vector<std::string_view> words;
  while (!line.empty()) {
    const std::size_t start = line.find_first_not_of(' ');
    if (start == std::string_view::npos) break;
    const std::size_t end = std::min(line.find(' ', start), line.size());
    words.push_back(line.substr(start, end - start));
    line.remove_prefix(end);
  }
  return words;
}

std::optional<unsigned> hexadecimal(std::string_view digits) {
  unsigned number = 0;
  const auto [end, failure] = std::from_chars(digits.data(), digits.data() + digits.size(), number, 16);
  if (failure != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
  return number;
}

// A line of /proc/net/tcp and its likes (proc(5)): the second word is the local address and port, the fourth
// the state, the tenth the inode. Connections do not hold a port against us, listeners do.
std::optional<std::string> inode_of_holder(std::string_view line, std::uint16_t port, bool is_tcp) {
  const auto words = words_of(line);
  if (words.size() < 10) return std::nullopt;
  const std::size_t colon = words[1].find(':');
  if (colon == std::string_view::npos || hexadecimal(words[1].substr(colon + 1)) != port) return std::nullopt;
  constexpr std::string_view kListens = "0A";
  if (is_tcp && words[3] != kListens) return std::nullopt;
  return std::string(words[9]);
}

// Eight or thirty-two hexadecimal digits: words of four bytes, each in the byte order of the host.
std::optional<kernel::IpAddress> address_of(std::string_view digits) {
  constexpr std::size_t kDigitsOfWord = 8;
  std::vector<std::uint8_t> bytes;
  for (; digits.size() >= kDigitsOfWord; digits.remove_prefix(kDigitsOfWord)) {
    const auto word = hexadecimal(digits.substr(0, kDigitsOfWord));
    if (!word) return std::nullopt;
    const kernel::Bytes parts = kernel::bytes_of(*word);
    bytes.insert(bytes.end(), parts.begin(), parts.end());
  }
  return kernel::IpAddress::from(bytes);
}

// Whom the socket of a line hears: a listener of TCP, or a socket of UDP without a peer.
std::optional<kernel::IpAddress> address_of_listener(std::string_view line, std::uint16_t port, bool is_tcp) {
  const auto words = words_of(line);
  if (words.size() < 4) return std::nullopt;
  const std::size_t colon = words[1].find(':');
  if (colon == std::string_view::npos || hexadecimal(words[1].substr(colon + 1)) != port) return std::nullopt;
  constexpr std::string_view kListens = "0A", kHasNoPeer = "07";
  if (words[3] != (is_tcp ? kListens : kHasNoPeer)) return std::nullopt;
  return address_of(words[1].substr(0, colon));
}

// Calls `visit` with each line until it answers false.
template <class Visit>
void each_line(std::string_view text, Visit visit) {
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    if (!visit(text.substr(0, end))) return;
    text.remove_prefix(std::min(end + 1, text.size()));
  }
}

std::optional<std::string> find_inode(const std::string& path, std::uint16_t port, bool is_tcp) {
  const auto text = read_file(path);
  if (!text) return std::nullopt;
  std::optional<std::string> inode;
  each_line(*text, [&](std::string_view line) {
    inode = inode_of_holder(line, port, is_tcp);
    return !inode;
  });
  return inode;
}

bool has_socket(const std::string& process, const std::string& link) {
  const auto descriptors = names_in(AT_FDCWD, process + "/fd");
  if (!descriptors) return false;
  for (const std::string& descriptor : *descriptors) {
    char target[64];
    const std::string path = process + "/fd/" + descriptor;
    const ssize_t size = ::readlink(path.c_str(), target, sizeof target);
    if (size > 0 && std::string_view(target, static_cast<std::size_t>(size)) == link) return true;
  }
  return false;
}

}  // namespace

std::optional<PortUser> find_port_user(Protocol protocol, const kernel::IpAddress& address,
                                       std::uint16_t port, const std::string& proc) {
  if (protocol == Protocol::Sctp) return std::nullopt;  // it has no file like the others
  const std::string base = fmt::format("{}/net/{}", proc, name_of(protocol));
  // A socket of IPv6 may hold the port of IPv4 as well.
  auto inode = address.is_v4() ? find_inode(base, port, protocol == Protocol::Tcp) : std::nullopt;
  if (!inode) inode = find_inode(base + "6", port, protocol == Protocol::Tcp);
  const auto entries = names_in(AT_FDCWD, proc);
  if (!inode || !entries) return std::nullopt;
  const std::string link = fmt::format("socket:[{}]", *inode);
  for (const std::string& entry : *entries) {
    if (entry.find_first_not_of("0123456789") != std::string::npos) continue;
    const std::string process = proc + "/" + entry;
    if (!has_socket(process, link)) continue;
    std::string command = read_file(process + "/comm").value_or("?");
    while (command.ends_with('\n')) command.pop_back();
    return PortUser{.pid = static_cast<pid_t>(std::strtol(entry.c_str(), nullptr, 10)), .command = command};
  }
  return std::nullopt;
}

std::vector<kernel::IpAddress> listening_addresses(Protocol protocol, std::uint16_t port) {
  std::vector<kernel::IpAddress> found;
  if (protocol == Protocol::Sctp) return found;
  const std::string base = fmt::format("/proc/thread-self/net/{}", name_of(protocol));
  for (const std::string& path : {base, base + "6"}) {
    const auto text = read_file(path);  // without IPv6 there is no second one
    if (!text) continue;
    each_line(*text, [&](std::string_view line) {
      if (const auto address = address_of_listener(line, port, protocol == Protocol::Tcp))
        found.push_back(*address);
      return true;
    });
  }
  return found;
}

}  // namespace gantry::network
