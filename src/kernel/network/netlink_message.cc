// SPDX-License-Identifier: Apache-2.0
#include "kernel/network/netlink_message.h"

#include <algorithm>

namespace gantry::kernel {

void NetlinkMessages::append(Bytes value) {
  buffer_.insert(buffer_.end(), value.begin(), value.end());
  buffer_.resize(NLMSG_ALIGN(buffer_.size()));
}

nlmsghdr* NetlinkMessages::current() { return reinterpret_cast<nlmsghdr*>(buffer_.data() + start_); }

void NetlinkMessages::begin_message(std::uint16_t type, std::uint16_t flags, Bytes body, std::string wish) {
  start_ = buffer_.size();
  append(bytes_of(nlmsghdr{
      .nlmsg_type = type,
      .nlmsg_flags = static_cast<std::uint16_t>(NLM_F_REQUEST | flags),
  }));
  append(body);
  wishes_.push_back(std::move(wish));
  current()->nlmsg_len = static_cast<std::uint32_t>(buffer_.size() - start_);
}

void NetlinkMessages::expect_answer() {
  current()->nlmsg_flags |= NLM_F_ACK;
  answered_ = wishes_.size() - 1;
}

void NetlinkMessages::put(std::uint16_t type, Bytes value) {
  append(
      bytes_of(nlattr{.nla_len = static_cast<std::uint16_t>(NLA_HDRLEN + value.size()), .nla_type = type}));
  append(value);
  current()->nlmsg_len = static_cast<std::uint32_t>(buffer_.size() - start_);
}

void NetlinkMessages::put_text(std::uint16_t type, std::string_view text) {
  std::string terminated(text);
  put(type, {reinterpret_cast<const std::uint8_t*>(terminated.c_str()), terminated.size() + 1});
}

NetlinkMessages::Nest NetlinkMessages::nest(std::uint16_t type) {
  const std::size_t start = buffer_.size();
  append(bytes_of(nlattr{.nla_type = static_cast<std::uint16_t>(type | NLA_F_NESTED)}));
  return Nest(*this, start);
}

void NetlinkMessages::put_raw(Bytes value) { append(value); }

void NetlinkMessages::end_attribute(std::size_t start) {
  reinterpret_cast<nlattr*>(buffer_.data() + start)->nla_len =
      static_cast<std::uint16_t>(buffer_.size() - start);
  current()->nlmsg_len = static_cast<std::uint32_t>(buffer_.size() - start_);
}

std::string_view NetlinkAttribute::text() const {
  const std::string_view all(reinterpret_cast<const char*>(value.data()), value.size());
  return all.substr(0, all.find('\0'));
}

std::vector<NetlinkAttribute> attributes_in(Bytes bytes) {
  std::vector<NetlinkAttribute> found;
  while (bytes.size() >= NLA_HDRLEN) {
    nlattr header;
    std::memcpy(&header, bytes.data(), sizeof header);
    if (header.nla_len < NLA_HDRLEN || header.nla_len > bytes.size()) break;
    found.push_back({.type = static_cast<std::uint16_t>(header.nla_type & NLA_TYPE_MASK),
                     .value = bytes.subspan(NLA_HDRLEN, header.nla_len - NLA_HDRLEN)});
    bytes = bytes.subspan(std::min<std::size_t>(NLA_ALIGN(header.nla_len), bytes.size()));
  }
  return found;
}

std::optional<NetlinkAttribute> find_attribute(Bytes bytes, std::uint16_t type) {
  std::optional<NetlinkAttribute> found;
  for (const NetlinkAttribute& attribute : attributes_in(bytes))
    if (attribute.type == type) found = attribute;
  return found;
}

}  // namespace gantry::kernel
