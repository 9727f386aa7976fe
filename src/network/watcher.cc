// SPDX-License-Identifier: Apache-2.0
#include "network/watcher.h"

#include <net/if.h>
#include <netinet/in.h>

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/rtnetlink.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include <chrono>
#include <vector>

namespace gantry::network {
namespace {

using kernel::Bytes;
using kernel::NetlinkSocket;

constexpr int kPauseMs = 100;  // after healing; what happens meanwhile is healed together

template <class Body>
Body body_of(Bytes payload) {
  Body body{};
  std::memcpy(&body, payload.data(), std::min(sizeof body, payload.size()));
  return body;
}

template <class Body>
Bytes behind(Bytes payload) {
  return payload.subspan(std::min<std::size_t>(NLMSG_ALIGN(sizeof(Body)), payload.size()));
}

// Calls `visit` for each message that waits. False when some were lost, since there were too many.
template <class Visit>
bool drain(int fd, Visit visit) {
  alignas(nlmsghdr) std::uint8_t buffer[32 << 10];
  for (;;) {
    const ssize_t received = ::recv(fd, buffer, sizeof buffer, MSG_DONTWAIT);
    if (received < 0 && errno == EINTR) continue;
    if (received < 0) return errno != ENOBUFS;
    auto left = static_cast<unsigned>(received);
    for (auto* h = reinterpret_cast<nlmsghdr*>(buffer); NLMSG_OK(h, left); h = NLMSG_NEXT(h, left))
      visit(*h, Bytes(static_cast<const std::uint8_t*>(NLMSG_DATA(h)), NLMSG_PAYLOAD(h, 0)));
  }
}

// Of a change of a table, chain, rule, set or element: the attribute of the table's name is the same in all.
static_assert(NFTA_TABLE_NAME == 1 && NFTA_CHAIN_TABLE == 1 && NFTA_RULE_TABLE == 1 && NFTA_SET_TABLE == 1 &&
              NFTA_SET_ELEM_LIST_TABLE == 1);
bool is_change_of(const nlmsghdr& header, Bytes payload, const std::string& table) {
  if (header.nlmsg_type >> 8 != NFNL_SUBSYS_NFTABLES || (header.nlmsg_type & 0xff) == NFT_MSG_NEWGEN)
    return false;
  if (body_of<nfgenmsg>(payload).nfgen_family != NFPROTO_INET) return false;
  const auto name = kernel::find_attribute(behind<nfgenmsg>(payload), NFTA_TABLE_NAME);
  return name && name->text() == table;
}

std::string name_of(unsigned index) {
  char name[IF_NAMESIZE + 1] = {};
  return ::if_indextoname(index, name) != nullptr ? name : "";
}

// The interface that a message says has lost something; empty: none has.
std::string damaged_interface(const nlmsghdr& header, Bytes payload) {
  if (header.nlmsg_type == RTM_DELADDR) return name_of(body_of<ifaddrmsg>(payload).ifa_index);
  if (header.nlmsg_type != RTM_DELLINK && header.nlmsg_type != RTM_NEWLINK) return {};
  const auto body = body_of<ifinfomsg>(payload);
  if (body.ifi_family == AF_BRIDGE && header.nlmsg_type != RTM_DELLINK) return {};
  // A port that leaves its bridge is announced like an interface that goes, in the bridge's own family.
  const bool is_whole = header.nlmsg_type == RTM_NEWLINK && (body.ifi_flags & IFF_UP) != 0;
  const auto name = kernel::find_attribute(behind<ifinfomsg>(payload), IFLA_IFNAME);
  return is_whole || !name ? std::string() : std::string(name->text());
}

}  // namespace

Result<std::unique_ptr<Watcher>> Watcher::start(Options options) {
  NetlinkSocket rules = TRY(NetlinkSocket::open(NETLINK_NETFILTER));
  TRY(rules.join(NFNLGRP_NFTABLES));
  NetlinkSocket links = TRY(NetlinkSocket::open(NETLINK_ROUTE));
  for (const int group : {RTNLGRP_LINK, RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV6_IFADDR}) TRY(links.join(group));
  UniqueFd stop(::eventfd(0, EFD_CLOEXEC));
  if (!stop) return sys_error("make eventfd");
  return std::unique_ptr<Watcher>(
      new Watcher(std::move(options), std::move(rules), std::move(links), std::move(stop)));
}

Watcher::Watcher(Options options, NetlinkSocket rules, NetlinkSocket links, UniqueFd stop)
    : options_(std::move(options)),
      rules_(std::move(rules)),
      links_(std::move(links)),
      stop_(std::move(stop)),
      thread_([this] { run(); }) {}

Watcher::~Watcher() {
  (void)::eventfd_write(stop_.get(), 1);
  thread_.join();
}

// False when it is time to end.
bool Watcher::wait(int timeout_ms) {
  pollfd fds[] = {{.fd = stop_.get(), .events = POLLIN},
                  {.fd = rules_.fd(), .events = POLLIN},
                  {.fd = links_.fd(), .events = POLLIN}};
  // While it pauses, only the end is waited for.
  (void)::poll(fds, timeout_ms < 0 ? 3 : 1, timeout_ms);
  return fds[0].revents == 0;
}

void Watcher::read_rules() {
  const bool has_all = drain(rules_.fd(), [&](const nlmsghdr& header, Bytes payload) {
    damage_.to_rules |=
        header.nlmsg_pid != options_.our_port_id && is_change_of(header, payload, options_.table);
  });
  damage_.to_rules |= !has_all;
}

void Watcher::read_links() {
  const bool has_all = drain(links_.fd(), [&](const nlmsghdr& header, Bytes payload) {
    const std::string name = damaged_interface(header, payload);
    damage_.to_interfaces |= !name.empty() && options_.is_ours(name);
  });
  damage_.to_interfaces |= !has_all;
}

void Watcher::run() {
  while (wait(-1)) {
    read_rules();
    read_links();
    if (!damage_.to_rules && !damage_.to_interfaces) continue;
    options_.heal(std::exchange(damage_, {}));
    if (!wait(kPauseMs)) return;
  }
}

}  // namespace gantry::network
