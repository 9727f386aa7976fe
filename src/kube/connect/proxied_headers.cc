// SPDX-License-Identifier: Apache-2.0
#include "kube/connect/proxied_headers.h"

#include <algorithm>

#include <fmt/ranges.h>

#include "base/lower_case.h"
#include "base/split.h"
#include "kube/api/socket_token.h"

namespace gantry::kube {

void remove_credentials(http::HeaderMap& headers) {
  std::vector<std::string> removed;
  for (const http::Header& header : headers) {
    const std::string name = in_lower_case(header.name);
    if (name == "authorization" || name.starts_with("impersonate-") || name.starts_with("x-remote-"))
      removed.push_back(header.name);
  }
  for (const std::string& name : removed) headers.remove(name);
  if (!headers.has("Sec-WebSocket-Protocol")) return;
  const std::vector<std::string> protocols = offered_protocols(headers);
  headers.remove("Sec-WebSocket-Protocol");
  if (!protocols.empty())
    headers.add("Sec-WebSocket-Protocol", fmt::format("{}", fmt::join(protocols, ", ")));
}

std::vector<std::string> offered_protocols(const http::HeaderMap& headers) {
  std::vector<std::string> protocols;
  for (const std::string_view value : headers.all("Sec-WebSocket-Protocol"))
    for (const std::string_view word : split_words(value, ','))
      if (const std::string_view protocol = http::trim(word); !protocol.starts_with(kSocketToken))
        protocols.emplace_back(protocol);
  return protocols;
}

void remove_permissions_of_origins(http::HeaderMap& headers) {
  for (const char* name : {"Access-Control-Allow-Credentials", "Access-Control-Allow-Headers",
                           "Access-Control-Allow-Methods", "Access-Control-Allow-Origin"})
    headers.remove(name);
}

void add_forwarded(http::HeaderMap& headers, const http::Request& request) {
  headers.set("X-Forwarded-Host", std::string(request.headers().get_or("Host", "")));
  headers.set("X-Forwarded-Proto", request.peer().is_tls ? "https" : "http");
  headers.set("X-Forwarded-Uri", std::string(request.path()));
}

std::string proxied_location(std::string_view location, std::string_view prefix, const http::Url& asked,
                             std::string_view host) {
  if (location.starts_with(prefix)) return {};  // what is behind the proxy knows of it
  const bool is_path = location.starts_with('/') && !location.starts_with("//");
  if (is_path) return fmt::format("{}{}", prefix, location);
  const auto url = http::Url::parse(location);
  if (!url || (url->authority() != asked.authority() && url->authority() != host)) return {};
  const std::string_view fragment = location.substr(std::min(location.find('#'), location.size()));
  const std::string target = url->target();
  return fmt::format("{}{}{}", target.starts_with(prefix) ? "" : prefix, target, fragment);
}

}  // namespace gantry::kube
