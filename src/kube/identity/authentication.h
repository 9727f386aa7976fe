// SPDX-License-Identifier: Apache-2.0
//
// The flags of kube-apiserver that say who may be who, put together: what an API server needs to know who
// asks.
//
//   const Authentication authentication = TRY(make_authentication(options, pki, objects));
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "kube/api/object_source.h"
#include "kube/identity/authenticate.h"
#include "kube/identity/oidc.h"
#include "kube/identity/pki.h"
#include "kube/identity/service_account_tokens.h"

namespace gantry::kube {

struct AuthenticationOptions {
  std::string client_ca_file;          // --client-ca-file: authorities of clients beside the cluster's own
  std::string request_header_ca_file;  // --requestheader-client-ca-file: of proxies beside the cluster's own
  std::vector<std::string> request_header_names;  // --requestheader-allowed-names; empty: all
  std::string token_file;                         // --token-auth-file; empty: none
  bool bootstrap_tokens = true;                   // --enable-bootstrap-token-auth
  std::optional<OidcOptions> oidc;                // --oidc-*
  ServiceAccountOptions service_accounts;         // --service-account-*, --api-audiences
  Anonymous anonymous = Anonymous::ForHealth;     // --anonymous-auth
  std::function<void(std::string_view why)> on_refused;
};

struct Authentication {
  std::shared_ptr<const ServiceAccountTokens> account_tokens;
  std::shared_ptr<const TokenAuthenticator> tokens;  // all kinds
  std::shared_ptr<const Authenticator> authenticator;
  std::vector<std::string> client_ca_files;  // for http::TlsServerOptions
};

// `objects` outlives it.
Result<Authentication> make_authentication(AuthenticationOptions options, const Pki& pki,
                                           const ObjectSource& objects);

}  // namespace gantry::kube
