// SPDX-License-Identifier: Apache-2.0
//
// Fields of heads that change on their way through a proxy of the API.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "http/headers.h"
#include "http/server.h"
#include "http/url.h"

namespace gantry::kube {

// What the API server was told about who asks is nobody else's: tokens, impersonation, a front proxy's words.
void remove_credentials(http::HeaderMap& headers);

// The subprotocols that a WebSocket is offered, but for a token among them.
std::vector<std::string> offered_protocols(const http::HeaderMap& headers);

// X-Forwarded-Host, -Proto and -Uri, of the request that came.
void add_forwarded(http::HeaderMap& headers, const http::Request& request);

// Which other sites may read an answer (CORS) is this server's to say: who asks shows it credentials.
void remove_permissions_of_origins(http::HeaderMap& headers);

// Where a redirect or a link of what is behind a proxy leads for the client: a path of the server's own
// begins with `prefix` (".../pods/web/proxy") there. Empty: it stays as it is, which is so for other servers,
// relative paths and those that begin so already. `asked`: the URL that was answered; `host`: what the client
// calls the API server.
std::string proxied_location(std::string_view location, std::string_view prefix, const http::Url& asked,
                             std::string_view host);

}  // namespace gantry::kube
