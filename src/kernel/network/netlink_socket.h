// SPDX-License-Identifier: Apache-2.0
//
// A netlink socket. It belongs for life to the network namespace of the thread that opened it, whichever
// thread uses it later. One exchange at a time: its user locks.
#pragma once

#include <functional>

#include "base/error.h"
#include "base/unique_fd.h"
#include "kernel/network/netlink_message.h"

namespace gantry::kernel {

class NetlinkSocket {
 public:
  // `protocol`: NETLINK_ROUTE, NETLINK_NETFILTER.
  static Result<NetlinkSocket> open(int protocol);

  // Sends all messages at once and waits for what the kernel says. The first that fails is the error, with
  // its wish, the kernel's own words and errno. Those behind it have been tried all the same, unless the
  // protocol has transactions.
  Result<void> run(NetlinkMessages& messages);

  // Sends one request and hands every message of the answer to `visit`: type, and what follows the header.
  using Visit = std::function<void(std::uint16_t type, Bytes payload)>;
  Result<void> ask(NetlinkMessages& request, const Visit& visit);

  // Becomes a member of a multicast group, of whose news read_news() hands on what has come; it does not
  // wait. ResourceExhausted: some were lost, since they came faster than they were read.
  Result<void> join(int group);
  Result<void> read_news(const Visit& visit);
  Result<std::uint32_t> port_id() const;  // its address, which notifications of its changes bear
  int fd() const { return fd_.get(); }

 private:
  explicit NetlinkSocket(UniqueFd fd) : fd_(std::move(fd)) {}
  Result<void> send(NetlinkMessages& messages);
  Result<Bytes> receive(std::string_view wish);

  UniqueFd fd_;
  std::uint32_t sequence_ = 0;  // of the last message sent
  std::vector<std::uint8_t> buffer_;
};

}  // namespace gantry::kernel
