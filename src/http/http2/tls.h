// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include "base/error.h"
#include "http/tls.h"

namespace gantry::http {

// As TlsContext::for_client, for connections that are to speak HTTP/2 (ALPN, RFC 7301).
Result<std::shared_ptr<const TlsContext>> tls_for_http2_client(const TlsClientOptions& options);

}  // namespace gantry::http
