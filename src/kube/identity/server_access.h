// SPDX-License-Identifier: Apache-2.0
//
// What a client needs to ask the server that a kubeconfig names: webhooks' configurations are kubeconfigs,
// too.
//
//   const ServerAccess webhook = TRY(server_access(TRY(read_kubeconfig(file))));
//   WebhookAuthorizer authorizer({.url = webhook.url, .tls = webhook.tls, .headers = webhook.headers});
#pragma once

#include "base/error.h"
#include "http/headers.h"
#include "http/tls.h"
#include "http/url.h"
#include "kube/identity/kubeconfig.h"

namespace gantry::kube {

struct ServerAccess {
  http::Url url;
  http::TlsClientOptions tls;
  http::HeaderMap headers;  // Authorization, if it asks for a token or a password
};

// Reads the file of a token that stands in one. Unsupported where the certificate is to name another host.
Result<ServerAccess> server_access(const Kubeconfig& config);

}  // namespace gantry::kube
