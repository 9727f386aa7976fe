// SPDX-License-Identifier: Apache-2.0
#include "kube/identity/server_access.h"

#include <fmt/format.h>

#include "base/file.h"
#include "http/message.h"

namespace gantry::kube {

Result<ServerAccess> server_access(const Kubeconfig& config) {
  ServerAccess access{.url = TRY_DURING(http::Url::parse(config.server), "kubeconfig: server")};
  if (!config.server_name.empty() && config.server_name != access.url.host)
    return error(Code::Unsupported, "kubeconfig: tls-server-name '{}' is not the server's host",
                 config.server_name);
  access.tls = {.trust_system = config.authorities.empty(),
                .ca_certificates = config.authorities,
                .identity = {.certificate = config.certificate, .key = config.key},
                .verify = !config.skips_verification};
  std::string token = config.token;
  if (token.empty() && !config.token_file.empty())
    token = http::trim(TRY_DURING(read_file(config.token_file, 1 << 20), "kubeconfig: token"));
  while (token.ends_with('\n')) token.pop_back();
  if (!token.empty())
    access.headers.set("Authorization", fmt::format("Bearer {}", token));
  else if (!config.user.empty())
    access.headers.set("Authorization", http::format_basic({config.user, config.password}));
  return access;
}

}  // namespace gantry::kube
