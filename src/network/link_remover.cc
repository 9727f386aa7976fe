// SPDX-License-Identifier: Apache-2.0
#include "network/link_remover.h"

#include <linux/rtnetlink.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include <atomic>
#include <memory>
#include <optional>

#include "base/unique_fd.h"
#include "kernel/network/netlink_socket.h"
#include "kernel/network/route_socket.h"
#include "network/missing.h"

namespace gantry::network {
namespace {

Result<void> delete_link(const std::string& name) {
  auto host = TRY(kernel::RouteSocket::open());
  kernel::RouteBatch batch;
  batch.delete_link(name);
  return ignore_missing(host.run(batch));
}

// Shared by who waits and the thread that removes, which may take longer.
struct Removal {
  UniqueFd done;  // an eventfd
  std::optional<Result<void>> outcome;
};

bool has_gone(std::uint16_t type, kernel::Bytes payload, const std::string& name) {
  ifinfomsg body{};
  std::memcpy(&body, payload.data(), std::min(sizeof body, payload.size()));
  // A port that leaves its bridge is told in the family of bridges, while it is still there.
  if (type != RTM_DELLINK || body.ifi_family != AF_UNSPEC || payload.size() < sizeof body) return false;
  const auto found = kernel::find_attribute(payload.subspan(sizeof body), IFLA_IFNAME);
  return found && found->text() == name;
}

// True: it has gone. False: the removal has ended, one way or another.
Result<bool> wait(kernel::NetlinkSocket& news, const Removal& removal, const std::string& name) {
  pollfd fds[] = {{.fd = news.fd(), .events = POLLIN}, {.fd = removal.done.get(), .events = POLLIN}};
  for (;;) {
    if (::poll(fds, 2, -1) < 0 && errno != EINTR)
      return sys_error("wait for the end of interface '{}'", name);
    if (fds[1].revents != 0) return false;
    bool gone = false;
    // Lost news do not matter: then the end of the removal is waited for.
    (void)news.read_news(
        [&](std::uint16_t type, kernel::Bytes payload) { gone |= has_gone(type, payload, name); });
    if (gone) return true;
  }
}

}  // namespace

Result<void> LinkRemover::remove(const std::string& name) {
  auto news = TRY(kernel::NetlinkSocket::open(NETLINK_ROUTE));
  TRY(news.join(RTNLGRP_LINK));
  auto removal = std::make_shared<Removal>();
  removal->done.reset(::eventfd(0, EFD_CLOEXEC));
  if (!removal->done) return sys_error("make eventfd");
  TRY(pool_.run([removal, name] {
    removal->outcome = delete_link(name);
    (void)::eventfd_write(removal->done.get(), 1);
  }));
  if (TRY(wait(news, *removal, name))) return {};
  return *std::move(removal->outcome);
}

}  // namespace gantry::network
