// SPDX-License-Identifier: Apache-2.0
#include "http/http2/tls.h"

#include <openssl/ssl.h>

namespace gantry::http {

Result<std::shared_ptr<const TlsContext>> tls_for_http2_client(const TlsClientOptions& options) {
  constexpr unsigned char kProtocol[] = "\x02h2";  // a length before every name
  std::shared_ptr<const TlsContext> context = TRY(TlsContext::for_client(options));
  // Fails for want of memory only, and then the server says that it does not speak what is offered instead.
  (void)::SSL_CTX_set_alpn_protos(context->get(), kProtocol, sizeof kProtocol - 1);
  return context;
}

}  // namespace gantry::http
