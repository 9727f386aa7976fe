// SPDX-License-Identifier: Apache-2.0
//
// Which proxy a request goes through: HTTP_PROXY, HTTPS_PROXY, ALL_PROXY and NO_PROXY
// of the environment, in lower case or upper, as curl and Go programs read them.
// A value is http://, https:// (TLS to the proxy) or socks5://, with "user:password@"
// where the proxy asks for it; without a scheme it is http://.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "http/url.h"

namespace gantry::http {

// Hosts that are reached without a proxy: "*", "example.com" and ".example.com" (the name and all below it),
// "example.com:5000", addresses, and networks such as "10.0.0.0/8".
class NoProxy {
 public:
  static NoProxy parse(std::string_view list);
  // Loopback addresses and "localhost" always are.
  bool covers(const std::string& host, std::uint16_t port) const;

 private:
  std::vector<std::string> entries_;  // in lower case
};

struct Proxy {
  enum class Protocol : std::uint8_t { Http, Socks5 };

  Protocol protocol = Protocol::Http;
  Url url;  // where it is and who we are to it; its scheme says whether TLS goes there

  // Unsupported: any other scheme. "socks5h" is "socks5": names are always looked up by the proxy.
  static Result<Proxy> parse(std::string_view text);
};

struct Proxies {
  std::optional<Proxy> http;   // for http URLs
  std::optional<Proxy> https;  // for https URLs
  NoProxy except;

  // Fails when a variable holds what is no proxy.
  static Result<Proxies> from_environment();
  // Null: straight to the host.
  const Proxy* for_url(const Url& url) const;
};

}  // namespace gantry::http
