// SPDX-License-Identifier: Apache-2.0
#include "kernel/netlink.h"

#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <span>
#include <string_view>

#include "base/unique_fd.h"

namespace gantry::kernel {
namespace {

// One request under construction; attributes are appended behind the fixed part.
class Request {
 public:
  template <class Body>
  Request(std::uint16_t type, std::uint16_t flags, const Body& body) {
    header()->nlmsg_type = type;
    header()->nlmsg_flags = static_cast<std::uint16_t>(NLM_F_REQUEST | flags);
    header()->nlmsg_len = NLMSG_LENGTH(sizeof body);
    std::memcpy(NLMSG_DATA(header()), &body, sizeof body);
  }

  Request& add(std::uint16_t type, std::span<const std::uint8_t> value) {
    auto* attribute = reinterpret_cast<rtattr*>(buffer_ + NLMSG_ALIGN(header()->nlmsg_len));
    attribute->rta_type = type;
    attribute->rta_len = static_cast<std::uint16_t>(RTA_LENGTH(value.size()));
    std::memcpy(RTA_DATA(attribute), value.data(), value.size());
    header()->nlmsg_len =
        static_cast<std::uint32_t>(NLMSG_ALIGN(header()->nlmsg_len) + RTA_ALIGN(attribute->rta_len));
    return *this;
  }
  Request& add(std::uint16_t type, std::uint32_t value) {
    return add(type, {reinterpret_cast<const std::uint8_t*>(&value), sizeof value});
  }
  Request& add(std::uint16_t type, const std::string& value) {
    return add(type, {reinterpret_cast<const std::uint8_t*>(value.c_str()), value.size() + 1});
  }

  nlmsghdr* header() { return reinterpret_cast<nlmsghdr*>(buffer_); }

 private:
  // Room for the largest of the requests below: fixed part, a name, three addresses.
  alignas(nlmsghdr) char buffer_[512] = {};
};

Result<UniqueFd> open_socket() {
  UniqueFd socket(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE));
  if (!socket) return sys_error("open netlink socket");
  // The kernel's own words for a refusal.
  const int on = 1;
  (void)::setsockopt(socket.get(), SOL_NETLINK, NETLINK_EXT_ACK, &on, sizeof on);
  return socket;
}

std::string_view extended_ack(const nlmsghdr* header) {
  const auto* failure = static_cast<const nlmsgerr*>(NLMSG_DATA(header));
  if ((header->nlmsg_flags & NLM_F_ACK_TLVS) == 0) return {};
  std::size_t offset = NLMSG_HDRLEN + sizeof(nlmsgerr);
  if ((header->nlmsg_flags & NLM_F_CAPPED) == 0) offset += failure->msg.nlmsg_len - NLMSG_HDRLEN;
  int left = static_cast<int>(header->nlmsg_len - offset);
  for (auto* a = reinterpret_cast<const rtattr*>(reinterpret_cast<const char*>(header) + offset);
       RTA_OK(a, left); a = RTA_NEXT(a, left))
    if (a->rta_type == NLMSGERR_ATTR_MSG) return static_cast<const char*>(RTA_DATA(a));
  return {};
}

Result<void> check(const nlmsghdr* header, std::string_view wish) {
  const int failed = -static_cast<const nlmsgerr*>(NLMSG_DATA(header))->error;
  if (failed == 0) return {};
  const std::string_view words = extended_ack(header);
  if (words.empty()) return sys_error_of(failed, "{}", wish);
  return sys_error_of(failed, "{}: {}", wish, words);
}

// Sends the request and hands every answer but the last to `visit`.
template <class Visit>
Result<void> exchange(Request& request, std::string_view wish, Visit visit) {
  UniqueFd socket = TRY(open_socket());
  if (::send(socket.get(), request.header(), request.header()->nlmsg_len, 0) < 0)
    return sys_error("{}", wish);
  alignas(nlmsghdr) char answer[16 << 10];
  for (;;) {
    const ssize_t received = ::recv(socket.get(), answer, sizeof answer, 0);
    if (received < 0 && errno == EINTR) continue;
    if (received < 0) return sys_error("{}", wish);
    auto left = static_cast<unsigned>(received);
    for (auto* h = reinterpret_cast<nlmsghdr*>(answer); NLMSG_OK(h, left); h = NLMSG_NEXT(h, left)) {
      if (h->nlmsg_type == NLMSG_DONE) return {};
      if (h->nlmsg_type == NLMSG_ERROR) return check(h, wish);
      visit(h);
    }
  }
}

Result<void> command(Request& request, std::string_view wish) {
  return exchange(request, wish, [](const nlmsghdr*) {});
}

std::vector<std::uint8_t> bytes_of(const rtattr* attribute) {
  const auto* data = static_cast<const std::uint8_t*>(RTA_DATA(attribute));
  return {data, data + RTA_PAYLOAD(attribute)};
}

}  // namespace

Result<unsigned> interface_index(const std::string& name) {
  const unsigned index = ::if_nametoindex(name.c_str());
  if (index == 0) return sys_error("find interface '{}'", name);
  return index;
}

Result<std::vector<InterfaceAddress>> permanent_addresses(unsigned index) {
  std::vector<InterfaceAddress> addresses;
  Request request(RTM_GETADDR, NLM_F_DUMP, ifaddrmsg{.ifa_family = AF_UNSPEC});
  TRY(exchange(request, "list addresses", [&](const nlmsghdr* header) {
    const auto* message = static_cast<const ifaddrmsg*>(NLMSG_DATA(header));
    if (message->ifa_index != index || message->ifa_scope != RT_SCOPE_UNIVERSE) return;
    if ((message->ifa_flags & IFA_F_PERMANENT) == 0) return;
    InterfaceAddress found{.family = message->ifa_family, .prefix_length = message->ifa_prefixlen};
    int left = static_cast<int>(IFA_PAYLOAD(header));
    for (const rtattr* a = IFA_RTA(message); RTA_OK(a, left); a = RTA_NEXT(a, left)) {
      if (a->rta_type == IFA_ADDRESS) found.address = bytes_of(a);
      if (a->rta_type == IFA_LOCAL) found.local = bytes_of(a);
      if (a->rta_type == IFA_BROADCAST) found.broadcast = bytes_of(a);
    }
    addresses.push_back(std::move(found));
  }));
  return addresses;
}

Result<bool> is_up(unsigned index) {
  bool up = false;
  Request request(RTM_GETLINK, NLM_F_ACK, ifinfomsg{.ifi_index = static_cast<int>(index)});
  TRY(exchange(request, "look at interface", [&](const nlmsghdr* header) {
    up = (static_cast<const ifinfomsg*>(NLMSG_DATA(header))->ifi_flags & IFF_UP) != 0;
  }));
  return up;
}

Result<std::vector<unsigned>> interface_indexes() {
  std::vector<unsigned> indexes;
  Request request(RTM_GETLINK, NLM_F_DUMP, ifinfomsg{});
  TRY(exchange(request, "list interfaces", [&](const nlmsghdr* header) {
    indexes.push_back(static_cast<unsigned>(static_cast<const ifinfomsg*>(NLMSG_DATA(header))->ifi_index));
  }));
  std::ranges::sort(indexes);
  return indexes;
}

Result<void> move_interface(unsigned index, int network_namespace, const std::string& new_name) {
  if (new_name.size() >= IFNAMSIZ)
    return error(Code::InvalidArgument, "move interface: its new name has {} bytes, at most {} are possible",
                 new_name.size(), IFNAMSIZ - 1);
  Request move(RTM_NEWLINK, NLM_F_ACK, ifinfomsg{.ifi_index = static_cast<int>(index)});
  move.add(IFLA_NET_NS_FD, static_cast<std::uint32_t>(network_namespace)).add(IFLA_IFNAME, new_name);
  return command(move, fmt::format("move interface as '{}'", new_name));
}

Result<void> set_up(unsigned index, bool up) {
  Request change(RTM_NEWLINK, NLM_F_ACK,
                 ifinfomsg{.ifi_index = static_cast<int>(index),
                           .ifi_flags = up ? static_cast<unsigned>(IFF_UP) : 0,
                           .ifi_change = IFF_UP});
  return command(change, up ? "bring interface up" : "take interface down");
}

Result<void> add_address(unsigned index, const InterfaceAddress& address) {
  Request add(
      RTM_NEWADDR, NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL,
      ifaddrmsg{.ifa_family = address.family, .ifa_prefixlen = address.prefix_length, .ifa_index = index});
  add.add(IFA_ADDRESS, address.address);
  if (!address.local.empty()) add.add(IFA_LOCAL, address.local);
  if (!address.broadcast.empty()) add.add(IFA_BROADCAST, address.broadcast);
  return command(add, "add address");
}

}  // namespace gantry::kernel
