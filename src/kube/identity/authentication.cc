// SPDX-License-Identifier: Apache-2.0
#include "kube/identity/authentication.h"

#include "base/file.h"
#include "kube/identity/bootstrap_token.h"
#include "kube/identity/token_file.h"

namespace gantry::kube {
namespace {

// The roots in a file, by their fingerprints; the file is asked for at handshakes, too.
Result<void> trust(const std::string& file, std::set<std::string>& fingerprints,
                   std::vector<std::string>& files) {
  if (file.empty()) return {};
  const std::string pem = TRY(read_file(file, 1 << 20));
  for (const CertificateInfo& info : TRY_DURING(read_certificates(pem), "authorities '{}'", file))
    fingerprints.insert(info.fingerprint);
  files.push_back(file);
  return {};
}

}  // namespace

Result<Authentication> make_authentication(AuthenticationOptions options, const Pki& pki,
                                           const ObjectSource& objects) {
  Authentication made;
  AuthenticatorOptions authenticator{.anonymous = options.anonymous,
                                     .on_refused = std::move(options.on_refused)};
  TRY(trust(pki.cluster_authority_file(), authenticator.client_authorities, made.client_ca_files));
  TRY(trust(options.client_ca_file, authenticator.client_authorities, made.client_ca_files));
  TRY(trust(pki.proxy_authority_file(), authenticator.front_proxy.authorities, made.client_ca_files));
  TRY(trust(options.request_header_ca_file, authenticator.front_proxy.authorities, made.client_ca_files));
  authenticator.front_proxy.allowed_names = {options.request_header_names.begin(),
                                             options.request_header_names.end()};

  std::vector<std::shared_ptr<const TokenAuthenticator>> members;
  if (!options.token_file.empty()) members.push_back(TRY(TokenFile::load(options.token_file)));
  made.account_tokens = std::make_shared<const ServiceAccountTokens>(std::move(options.service_accounts),
                                                                     pki.token_key(), objects);
  members.push_back(made.account_tokens);
  if (options.bootstrap_tokens) members.push_back(std::make_shared<const BootstrapTokens>(objects));
  if (options.oidc) members.push_back(TRY(Oidc::make(*std::move(options.oidc))));
  made.tokens = std::make_shared<const TokenAuthenticators>(std::move(members));

  authenticator.tokens = made.tokens;
  authenticator.audiences = made.account_tokens->audiences();
  made.authenticator = std::make_shared<const Authenticator>(std::move(authenticator));
  return made;
}

}  // namespace gantry::kube
