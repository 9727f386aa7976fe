// SPDX-License-Identifier: Apache-2.0
#include "kernel/network/netlink_socket.h"

#include <sys/socket.h>

#include <algorithm>

namespace gantry::kernel {
namespace {

constexpr std::size_t kReceiveBuffer = 64 << 10;  // the largest part of a dump is 32 KiB
constexpr int kNewsBuffer = 8 << 20;
constexpr int kSendBuffer = 8 << 20;  // thousands of map elements in one transaction

// The kernel's own words for a refusal, behind the error and the request it repeats.
std::string_view extended_ack(const nlmsghdr& header, Bytes payload) {
  if ((header.nlmsg_flags & NLM_F_ACK_TLVS) == 0) return {};
  nlmsgerr failure;
  std::memcpy(&failure, payload.data(), sizeof failure);
  std::size_t offset = sizeof failure;
  if ((header.nlmsg_flags & NLM_F_CAPPED) == 0) offset += NLMSG_ALIGN(failure.msg.nlmsg_len) - NLMSG_HDRLEN;
  if (offset > payload.size()) return {};
  const auto words = find_attribute(payload.subspan(offset), NLMSGERR_ATTR_MSG);
  return words ? words->text() : std::string_view();
}

Result<void> check(const nlmsghdr& header, Bytes payload, std::string_view wish) {
  nlmsgerr answer;
  if (payload.size() < sizeof answer) return error(Code::Internal, "{}: netlink answers too little", wish);
  std::memcpy(&answer, payload.data(), sizeof answer);
  if (answer.error == 0) return {};
  const std::string_view words = extended_ack(header, payload);
  if (words.empty()) return sys_error_of(-answer.error, "{}", wish);
  return sys_error_of(-answer.error, "{}: {}", wish, words);
}

// Calls `visit` with the header and payload of each message in `bytes`; stops when it answers false.
template <class Visit>
bool each_message(Bytes bytes, Visit visit) {
  while (bytes.size() >= sizeof(nlmsghdr)) {
    nlmsghdr header;
    std::memcpy(&header, bytes.data(), sizeof header);
    if (header.nlmsg_len < NLMSG_HDRLEN || header.nlmsg_len > bytes.size()) return true;
    if (!visit(header, bytes.subspan(NLMSG_HDRLEN, header.nlmsg_len - NLMSG_HDRLEN))) return false;
    bytes = bytes.subspan(std::min<std::size_t>(NLMSG_ALIGN(header.nlmsg_len), bytes.size()));
  }
  return true;
}

}  // namespace

Result<NetlinkSocket> NetlinkSocket::open(int protocol) {
  UniqueFd fd(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol));
  if (!fd) return sys_error("open netlink socket");
  const int on = 1;
  (void)::setsockopt(fd.get(), SOL_NETLINK, NETLINK_EXT_ACK, &on, sizeof on);
  (void)::setsockopt(fd.get(), SOL_NETLINK, NETLINK_CAP_ACK, &on, sizeof on);  // do not repeat the request
  // Without the privilege the usual limit holds, and what is too large is refused by send(2).
  (void)::setsockopt(fd.get(), SOL_SOCKET, SO_SNDBUFFORCE, &kSendBuffer, sizeof kSendBuffer);
  // An address now rather than with the first message.
  const sockaddr_nl any{.nl_family = AF_NETLINK};
  if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&any), sizeof any) < 0)
    return sys_error("bind netlink socket");
  return NetlinkSocket(std::move(fd));
}

Result<void> NetlinkSocket::join(int group) {
  // One change may be thousands of news. Memory is used only by what waits.
  (void)::setsockopt(fd_.get(), SOL_SOCKET, SO_RCVBUFFORCE, &kNewsBuffer, sizeof kNewsBuffer);
  if (::setsockopt(fd_.get(), SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group, sizeof group) < 0)
    return sys_error("join netlink group {}", group);
  return {};
}

Result<void> NetlinkSocket::read_news(const Visit& visit) {
  buffer_.resize(kReceiveBuffer);
  for (;;) {
    const ssize_t received = ::recv(fd_.get(), buffer_.data(), buffer_.size(), MSG_DONTWAIT);
    if (received < 0 && errno == EINTR) continue;
    if (received < 0 && errno == EAGAIN) return {};
    if (received < 0) return sys_error("read the kernel's news").with_code(Code::ResourceExhausted);
    each_message(Bytes(buffer_.data(), static_cast<std::size_t>(received)),
                 [&](const nlmsghdr& header, Bytes payload) {
                   visit(header.nlmsg_type, payload);
                   return true;
                 });
  }
}

Result<std::uint32_t> NetlinkSocket::port_id() const {
  sockaddr_nl address{};
  socklen_t size = sizeof address;
  if (::getsockname(fd_.get(), reinterpret_cast<sockaddr*>(&address), &size) < 0)
    return sys_error("find address of netlink socket");
  return address.nl_pid;
}

// Numbers the messages, so that an answer says which of them it is for.
Result<void> NetlinkSocket::send(NetlinkMessages& messages) {
  for (std::size_t at = 0; at < messages.buffer_.size();) {
    auto* header = reinterpret_cast<nlmsghdr*>(messages.buffer_.data() + at);
    header->nlmsg_seq = ++sequence_;
    at += NLMSG_ALIGN(header->nlmsg_len);
  }
  if (::send(fd_.get(), messages.buffer_.data(), messages.buffer_.size(), 0) < 0)
    return sys_error("{}", messages.wishes_.front());
  return {};
}

Result<Bytes> NetlinkSocket::receive(std::string_view wish) {
  buffer_.resize(kReceiveBuffer);
  ssize_t received;
  do {
    received = ::recv(fd_.get(), buffer_.data(), buffer_.size(), 0);
  } while (received < 0 && errno == EINTR);
  if (received < 0) return sys_error("{}: read the kernel's answer", wish);
  return Bytes(buffer_.data(), static_cast<std::size_t>(received));
}

Result<void> NetlinkSocket::run(NetlinkMessages& messages) {
  if (messages.is_empty()) return {};
  // Only one asks to be told of success; failures are told anyway.
  if (!messages.answered_) messages.expect_answer();
  const std::uint32_t first = sequence_ + 1;
  TRY(send(messages));
  Result<void> outcome;
  for (bool done = false; !done;) {
    const Bytes answer = TRY(receive(messages.wishes_.back()));
    each_message(answer, [&](const nlmsghdr& header, Bytes payload) {
      // What is left of an exchange that failed earlier is not ours.
      if (header.nlmsg_seq - first >= messages.wishes_.size() || header.nlmsg_type != NLMSG_ERROR)
        return true;
      outcome = check(header, payload, messages.wishes_[header.nlmsg_seq - first]);
      done = !outcome || header.nlmsg_seq - first == messages.answered_;
      return !done;
    });
  }
  return outcome;
}

Result<void> NetlinkSocket::ask(NetlinkMessages& request, const Visit& visit) {
  request.expect_answer();  // ends an answer that is not a dump
  TRY(send(request));
  const std::string& wish = request.wishes_.front();
  Result<void> outcome;
  for (bool done = false; !done;) {
    const Bytes answer = TRY(receive(wish));
    each_message(answer, [&](const nlmsghdr& header, Bytes payload) {
      if (header.nlmsg_seq != sequence_) return true;
      if (header.nlmsg_type == NLMSG_ERROR) outcome = check(header, payload, wish);
      done = header.nlmsg_type == NLMSG_ERROR || header.nlmsg_type == NLMSG_DONE;
      if (!done) visit(header.nlmsg_type, payload);
      return !done;
    });
  }
  return outcome;
}

}  // namespace gantry::kernel
