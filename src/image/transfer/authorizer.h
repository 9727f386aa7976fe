// SPDX-License-Identifier: Apache-2.0
//
// How requests to one registry are authorized: not at all until it asks, then as it asks. Tokens are fetched
// once for each scope, kept until shortly before they expire, and shared by all threads.
//
//   headers.set("Authorization", TRY(authorizer.authorization(scopes)));
//   ... 401 ...
//   if (TRY(authorizer.learn(response.headers(), scopes, sent))) try once more;
//
// https://distribution.github.io/distribution/spec/auth/token/ and .../auth/oauth/
#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/mutex.h"
#include "http/client.h"
#include "http/headers.h"
#include "http/url.h"
#include "image/transfer/credentials.h"
#include "oci/distribution/challenge.h"
#include "oci/distribution/scope.h"

namespace gantry::image {

class Authorizer {
 public:
  // `client` outlives this. `registry` is where the challenges come from: one reached over TLS cannot send
  // the user's password to a server without. No `credentials`: anonymous.
  Authorizer(http::Client& client, http::Url registry, std::optional<Credentials> credentials);

  // The field for a request that needs these scopes; "" while the registry has not asked for any.
  Result<std::string> authorization(const std::vector<oci::Scope>& scopes);

  // From a 401's fields: what the next authorization() will be made of. False if asking again is of no use,
  // since `sent` is all there is. `sent` is the Authorization of the refused request.
  Result<bool> learn(const http::HeaderMap& headers, const std::vector<oci::Scope>& scopes,
                     const std::string& sent);

 private:
  struct Token {
    std::string text;
    std::chrono::steady_clock::time_point expires;
  };
  // Where tokens come from.
  struct Realm {
    http::Url url;
    std::string service;
  };

  Result<std::string> bearer(const std::vector<oci::Scope>& scopes) REQUIRES(mutex_);
  Result<Token> fetch(const std::vector<oci::Scope>& scopes) REQUIRES(mutex_);
  Result<http::ClientRequest> token_request(const std::vector<oci::Scope>& scopes) const REQUIRES(mutex_);
  Result<void> take_realm(const oci::Challenge& challenge) REQUIRES(mutex_);

  http::Client& client_;
  const http::Url registry_;
  const std::optional<Credentials> credentials_;

  Mutex mutex_;  // guards what follows; held while a token is fetched, so that others wait for the same one
  bool is_basic_ GUARDED_BY(mutex_) = false;
  std::optional<Realm> realm_ GUARDED_BY(mutex_);
  std::map<std::string, Token> tokens_ GUARDED_BY(mutex_);  // by scopes
  // What servers have asked for beyond what we thought, by our scopes.
  std::map<std::string, std::vector<oci::Scope>> more_scopes_ GUARDED_BY(mutex_);
};

}  // namespace gantry::image
