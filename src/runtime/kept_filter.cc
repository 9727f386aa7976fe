// SPDX-License-Identifier: Apache-2.0
#include "runtime/kept_filter.h"

#include <linux/seccomp.h>

#include <cstdint>
#include <cstring>

namespace gantry::runtime {
namespace {

struct Header {
  char magic[8] = {'s', 'e', 'c', 'c', 'o', 'm', 'p', '1'};
  std::uint32_t flags = 0;         // for seccomp(2)
  std::uint32_t instructions = 0;  // that follow
};
static_assert(sizeof(Header) == 16 && sizeof(sock_filter) == 8);

}  // namespace

std::string to_bytes(const SeccompFilter& filter) {
  const Header header{.flags = filter.flags,
                      .instructions = static_cast<std::uint32_t>(filter.program.size())};
  std::string bytes(reinterpret_cast<const char*>(&header), sizeof header);
  return bytes.append(reinterpret_cast<const char*>(filter.program.data()),
                      filter.program.size() * sizeof(sock_filter));
}

std::optional<SeccompFilter> seccomp_filter_from(std::string_view bytes) {
  Header header;
  if (bytes.size() < sizeof header) return std::nullopt;
  std::memcpy(&header, bytes.data(), sizeof header);
  bytes.remove_prefix(sizeof header);
  if (std::memcmp(header.magic, Header().magic, sizeof header.magic) != 0 || header.instructions == 0 ||
      header.instructions > BPF_MAXINSNS || bytes.size() != header.instructions * sizeof(sock_filter))
    return std::nullopt;
  SeccompFilter filter{.flags = header.flags,
                       .has_notify = (header.flags & SECCOMP_FILTER_FLAG_NEW_LISTENER) != 0};
  filter.program.resize(header.instructions);
  std::memcpy(filter.program.data(), bytes.data(), bytes.size());
  return filter;
}

}  // namespace gantry::runtime
