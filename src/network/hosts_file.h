// SPDX-License-Identifier: Apache-2.0
//
// The /etc/hosts of a container. The file is mounted into it, so it is changed in place
// (rewrite_mounted_file), and the container may have written to it as well: a change takes out the lines that
// were ours and leaves all others.
//
//   std::string text = hosts_text({.records = {{"172.17.0.2", {"3f2a1b0c9d8e"}}}, .has_ipv6 = false});
//   text = change_hosts(text, old_records, new_records);   // a network was connected, a link's peer moved
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace gantry::network {

// One line: an address and what it is called.
struct HostRecord {
  std::string address;
  std::vector<std::string> names;
  bool operator==(const HostRecord&) const = default;
};

struct HostsFile {
  // In the order of the file. Docker's is: `--add-host`, links, then the container's own addresses.
  std::vector<HostRecord> records;
  bool has_ipv6 = true;  // whether ::1 and the multicast names are listed
};

std::string hosts_text(const HostsFile& file);

// `text` without one line for each of `gone`, and with `come` at its end.
std::string change_hosts(std::string_view text, std::span<const HostRecord> gone,
                         std::span<const HostRecord> come);

// Of a container's own address: its host name, with the domain in front if it has one, as Docker writes it:
// "web.example.org web".
HostRecord own_record(std::string_view address, std::string_view hostname, std::string_view domain);
// Of a link: alias, host name and name of the other container, each once, in Docker's order.
HostRecord link_record(std::string_view address, std::string_view alias, std::string_view hostname,
                       std::string_view container);
// `--add-host NAME:ADDRESS` or NAME=ADDRESS; the address may be in brackets. "host-gateway" stands for
// `host_gateway`, and is an error where that is empty.
Result<HostRecord> parse_extra_host(std::string_view text, std::string_view host_gateway);

// Writes over a file that containers have mounted, keeping the inode. Makes it (0644) if there is none.
Result<void> rewrite_mounted_file(const std::string& path, std::string_view text);

}  // namespace gantry::network
