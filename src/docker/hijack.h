// SPDX-License-Identifier: Apache-2.0
//
// Taking a client's connection out of the HTTP server, with the head of the answer that its kind of stream
// wants.
#pragma once

#include "base/error.h"
#include "docker/call.h"
#include "docker/client_connection.h"
#include "http/stream.h"

namespace gantry::docker {

struct Hijacked {
  http::Stream stream;
  ClientConnection::Kind kind;
};

// 200, and a body that ends some time. The headers are those set in the answer so far.
Result<Hijacked> hijack_answer(Call& call);

// Bytes both ways: 101 for a client that asked to upgrade, else (docker before 1.6, plain libraries) 200 and
// the same.
Result<Hijacked> hijack_upgrade(Call& call);

// How the output of a process goes to that client: as it is, or in frames of two streams (of a container
// without a terminal).
void set_stream_type(Call& call, bool is_terminal);

}  // namespace gantry::docker
