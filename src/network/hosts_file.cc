// SPDX-License-Identifier: Apache-2.0
#include "network/hosts_file.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>

#include "base/file.h"
#include "base/printable.h"

namespace gantry::network {
namespace {

constexpr std::string_view kLoopback = "127.0.0.1\tlocalhost\n";
constexpr std::string_view kIpv6Names =
    "::1\tlocalhost ip6-localhost ip6-loopback\n"
    "fe00::0\tip6-localnet\n"
    "ff00::0\tip6-mcastprefix\n"
    "ff02::1\tip6-allnodes\n"
    "ff02::2\tip6-allrouters\n";

std::string line_of(const HostRecord& record) {
  return fmt::format("{}\t{}\n", record.address, fmt::join(record.names, " "));
}

bool is_address(const std::string& text) {
  in6_addr address;
  return ::inet_pton(AF_INET, text.c_str(), &address) == 1 ||
         ::inet_pton(AF_INET6, text.c_str(), &address) == 1;
}

std::string without_brackets(std::string_view address) {
  if (address.starts_with('[') && address.ends_with(']')) address = address.substr(1, address.size() - 2);
  return std::string(address);
}

// The line with its end, where `text` has it as a whole line; npos if it has not.
std::size_t find_line(std::string_view text, std::string_view line) {
  std::size_t at = text.find(line);
  while (at != std::string_view::npos && at != 0 && text[at - 1] != '\n') at = text.find(line, at + 1);
  return at;
}

}  // namespace

std::string hosts_text(const HostsFile& file) {
  std::string text(kLoopback);
  if (file.has_ipv6) text += kIpv6Names;
  for (const HostRecord& record : file.records) text += line_of(record);
  return text;
}

std::string change_hosts(std::string_view text, std::span<const HostRecord> gone,
                         std::span<const HostRecord> come) {
  std::string result(text);
  if (!result.empty() && !result.ends_with('\n')) result += '\n';
  for (const HostRecord& record : gone) {
    const std::string line = line_of(record);
    if (const std::size_t at = find_line(result, line); at != std::string::npos)
      result.erase(at, line.size());
  }
  for (const HostRecord& record : come) result += line_of(record);
  return result;
}

HostRecord own_record(std::string_view address, std::string_view hostname, std::string_view domain) {
  HostRecord record{std::string(address), {}};
  if (!domain.empty()) record.names.push_back(fmt::format("{}.{}", hostname, domain));
  record.names.emplace_back(hostname);
  return record;
}

HostRecord link_record(std::string_view address, std::string_view alias, std::string_view hostname,
                       std::string_view container) {
  HostRecord record{std::string(address), {std::string(alias)}};
  for (const std::string_view name : {hostname, container})
    if (!name.empty() && std::ranges::find(record.names, name) == record.names.end())
      record.names.emplace_back(name);
  return record;
}

Result<HostRecord> parse_extra_host(std::string_view text, std::string_view host_gateway) {
  // A name has no '='; an IPv6 address has colons, so '=' is looked for first.
  std::size_t separator = text.find('=');
  if (separator == std::string_view::npos) separator = text.find(':');
  if (separator == std::string_view::npos || separator == 0)
    return error(Code::InvalidArgument, "bad format for add-host: '{}'", printable(text));
  const std::string_view name = text.substr(0, separator);
  if (name.find_first_of(" \t\r\n#") != std::string_view::npos)
    return error(Code::InvalidArgument, "invalid host name in add-host: '{}'", printable(text));
  std::string address = without_brackets(text.substr(separator + 1));
  if (address == "host-gateway") {
    if (host_gateway.empty())
      return error(Code::InvalidArgument,
                   "unable to derive the IP value for host-gateway: this host has no default network");
    address = host_gateway;
  }
  if (!is_address(address))
    return error(Code::InvalidArgument, "invalid IP address in add-host: '{}'", printable(address));
  return HostRecord{address, {std::string(name)}};
}

Result<void> rewrite_mounted_file(const std::string& path, std::string_view text) {
  // Longer than before is written over, then cut: a reader sees a moment of both, but never an empty file.
  UniqueFd file = TRY(open_at(AT_FDCWD, path, O_WRONLY | O_CREAT | O_NOFOLLOW, 0644));
  TRY(write_all(file.get(), text, path));
  if (::ftruncate(file.get(), static_cast<off_t>(text.size())) < 0) return sys_error("cut '{}'", path);
  return {};
}

}  // namespace gantry::network
