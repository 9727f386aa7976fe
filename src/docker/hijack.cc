// SPDX-License-Identifier: Apache-2.0
#include "docker/hijack.h"

#include <utility>

namespace gantry::docker {

Result<Hijacked> hijack_answer(Call& call) {
  using Kind = ClientConnection::Kind;
  const Kind kind = call.request.head().is_http_1_0 ? Kind::UntilClose : Kind::Chunked;
  if (kind == Kind::Chunked) call.response.headers.set("Transfer-Encoding", "chunked");
  call.response.headers.set("Connection", "close");
  return Hijacked{TRY(call.response.hijack(200)), kind};
}

Result<Hijacked> hijack_upgrade(Call& call) {
  const bool upgrades = call.request.headers().has("Upgrade");
  if (upgrades) {
    call.response.headers.set("Connection", "Upgrade");
    call.response.headers.set("Upgrade", "tcp");
  }
  return Hijacked{TRY(call.response.hijack(upgrades ? 101 : 200)), ClientConnection::Kind::Upgraded};
}

void set_stream_type(Call& call, bool is_terminal) {
  const bool says_frames = !is_terminal && call.version >= ApiVersion{1, 42};
  call.response.headers.set("Content-Type", says_frames ? "application/vnd.docker.multiplexed-stream"
                                                        : "application/vnd.docker.raw-stream");
}

}  // namespace gantry::docker
