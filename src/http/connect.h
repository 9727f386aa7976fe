// SPDX-License-Identifier: Apache-2.0
//
// The client's way to a server.
#pragma once

#include <cstdint>
#include <string>

#include "base/error.h"
#include "http/stream.h"

namespace gantry::http {

// Looks the host up and connects to the first of its addresses that answers; while one does not, the next is
// tried beside it (RFC 8305). Errors are NotFound (no such host), Unavailable or TimedOut.
Result<Stream> connect_tcp(const std::string& host, std::uint16_t port, Stream::Time deadline);

Result<Stream> connect_unix(const std::string& path, Stream::Time deadline);

}  // namespace gantry::http
