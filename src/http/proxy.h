// SPDX-License-Identifier: Apache-2.0
//
// Which proxy a request goes through: HTTP_PROXY, HTTPS_PROXY, ALL_PROXY and NO_PROXY
// of the environment, in lower case or upper, as curl and Go programs read them.
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

struct Proxies {
  std::optional<Url> http;   // for http URLs
  std::optional<Url> https;  // for https URLs
  NoProxy except;

  // Fails when a variable holds what is no proxy.
  static Result<Proxies> from_environment();
  // Null: straight to the host.
  const Url* for_url(const Url& url) const;
};

}  // namespace gantry::http
