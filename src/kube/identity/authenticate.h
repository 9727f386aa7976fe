// SPDX-License-Identifier: Apache-2.0
//
// From a request to who asks: front-proxy headers, a client certificate, a bearer token, in this order; then,
// if the headers ask for it, to whom he wants to be taken for.
//
//   const Identity identity = TRY(authenticator.authenticate(request.headers(), request.peer(), path, now));
//   const Identity acting = TRY(impersonate(authorizer, identity, request.headers()));
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "http/headers.h"
#include "http/server.h"
#include "kube/access/authorizer.h"
#include "kube/api/status.h"
#include "kube/api/user.h"
#include "kube/identity/token_authenticator.h"

namespace gantry::kube {

struct Identity {
  User user;
  std::optional<User> impersonator;  // who `user` really is
};

// --requestheader-*: whom to believe what he says about others
// (https://kubernetes.io/docs/tasks/extend-kubernetes/configure-aggregation-layer/).
struct FrontProxyOptions {
  std::set<std::string> authorities;    // fingerprints of roots (PeerCertificate::authority); empty: nobody
  std::set<std::string> allowed_names;  // common names; empty: all
  std::vector<std::string> username_headers = {"X-Remote-User"};
  std::vector<std::string> uid_headers = {"X-Remote-Uid"};
  std::vector<std::string> group_headers = {"X-Remote-Group"};
  std::vector<std::string> extra_prefixes = {"X-Remote-Extra-"};
};

enum class Anonymous : std::uint8_t {
  Nobody,
  ForHealth,  // /healthz, /livez and /readyz alone
  Everywhere,
};

struct AuthenticatorOptions {
  std::set<std::string> client_authorities;  // fingerprints of roots that sign users' certificates
  FrontProxyOptions front_proxy;
  std::shared_ptr<const TokenAuthenticator> tokens;  // null: none are accepted
  std::vector<std::string> audiences;                // of this server
  Anonymous anonymous = Anonymous::ForHealth;
  // Told why somebody was refused, never what he showed: clients get no words that would help them guess. May
  // be empty.
  std::function<void(std::string_view why)> on_refused;
};

// For any thread.
class Authenticator {
 public:
  explicit Authenticator(AuthenticatorOptions options) : options_(std::move(options)) {}

  // `path`: of the request, decoded. 401 when nobody is shown, or only what is not to be trusted.
  Answer<Identity> authenticate(const http::HeaderMap& headers, const http::Peer& peer, std::string_view path,
                                std::int64_t now) const;

 private:
  Result<std::optional<User>> by_front_proxy(const http::HeaderMap& headers,
                                             const http::PeerCertificate& certificate,
                                             std::int64_t now) const;
  Result<std::optional<User>> by_certificate(const http::PeerCertificate& certificate,
                                             std::int64_t now) const;
  Result<std::optional<User>> by_token(const http::HeaderMap& headers, std::int64_t now) const;

  const AuthenticatorOptions options_;
};

// The headers Impersonate-User, -Group, -Uid and -Extra-*, which `identity` must be allowed to use: 403.
// Without them it is given back as it was.
Answer<Identity> impersonate(const Authorizer& authorizer, Identity identity, const http::HeaderMap& headers);

}  // namespace gantry::kube
