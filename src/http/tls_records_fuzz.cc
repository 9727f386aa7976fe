// SPDX-License-Identifier: Apache-2.0
//
// What a peer may send after the handshake: raw bytes where records belong, and, sealed by the right key, any
// content. The first byte of the input says which of them it is.
#include <sys/socket.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "base/unique_fd.h"
#include "http/tls_records.h"

using gantry::http::TlsRecords;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2 || size > 8192) return 0;
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) != 0) return 0;
  const gantry::UniqueFd here(ends[0]), there(ends[1]);
  const std::string secret(32, 's'), other(32, 'o');
  const auto reader = TlsRecords::make(0x1301, here.get(), {.secret = secret}, {.secret = other});
  const auto writer = TlsRecords::make(0x1301, there.get(), {.secret = other}, {.secret = secret});
  const std::string_view content(reinterpret_cast<const char*>(data) + 1, size - 1);
  if (data[0] % 2 == 0)
    (void)::send(there.get(), content.data(), content.size(), 0);
  else
    (void)writer->try_write(content);
  std::byte into[512];
  for (;;) {
    const auto got = reader->try_read(into);
    if (!got || got->wants != gantry::http::Stream::Wants::Nothing || got->bytes == 0) break;
  }
  (void)reader->try_write("answer");
  return 0;
}
