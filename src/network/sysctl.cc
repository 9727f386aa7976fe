// SPDX-License-Identifier: Apache-2.0
#include "network/sysctl.h"

#include <unistd.h>

#include "base/file.h"

namespace gantry::network {
namespace {

constexpr std::string_view kRoot = "/proc/sys/net/";

std::string path_of(const std::string& name) { return std::string(kRoot) + name; }

Result<bool> turn_on(const std::string& name) {
  if (TRY(read_sysctl(name)) == "1") return false;
  TRY(write_sysctl(name, "1"));
  return true;
}

}  // namespace

Result<std::string> read_sysctl(const std::string& name) {
  std::string value = TRY(read_file(path_of(name)));
  while (value.ends_with('\n')) value.pop_back();
  return value;
}

Result<void> write_sysctl(const std::string& name, std::string_view value) {
  return write_existing_at(AT_FDCWD, path_of(name), value);
}

Result<void> ensure_sysctl(const std::string& name, std::string_view value) {
  if (TRY(read_sysctl(name)) == value) return {};
  return write_sysctl(name, value);
}

bool has_ipv6() { return ::access(path_of("ipv6/conf").c_str(), F_OK) == 0; }

bool bridges_call_rules(bool is_v4) {
  const auto value =
      read_sysctl(is_v4 ? "bridge/bridge-nf-call-iptables" : "bridge/bridge-nf-call-ip6tables");
  return value && *value != "0";  // no file: no br_netfilter
}

Result<bool> enable_forwarding4() { return turn_on("ipv4/ip_forward"); }

Result<bool> enable_forwarding6() {
  if (TRY(read_sysctl("ipv6/conf/all/forwarding")) == "1") return false;
  for (const std::string& interface : TRY(names_in(AT_FDCWD, path_of("ipv6/conf")))) {
    const std::string name = "ipv6/conf/" + interface + "/accept_ra";
    constexpr std::string_view kUnlessForwarding = "1";
    constexpr std::string_view kAlways = "2";
    // An interface may go while we look.
    const auto value = read_sysctl(name);
    if (value && *value == kUnlessForwarding) TRY(write_sysctl(name, kAlways));
  }
  return turn_on("ipv6/conf/all/forwarding");
}

}  // namespace gantry::network
