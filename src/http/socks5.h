// SPDX-License-Identifier: Apache-2.0
//
// The client's side of SOCKS 5 (RFC 1928), with a name and a password (RFC 1929) where the proxy wants them.
#pragma once

#include "base/error.h"
#include "http/stream.h"
#include "http/url.h"

namespace gantry::http {

// `stream` is a new connection to `proxy`; afterwards its bytes are those of the server of `url`, whose name
// the proxy looks up. PermissionDenied: the proxy does not let us; NotFound, Unavailable: it cannot get
// there; DataLoss: it is no SOCKS proxy.
Result<void> connect_socks5(Stream& stream, const Url& proxy, const Url& url);

}  // namespace gantry::http
