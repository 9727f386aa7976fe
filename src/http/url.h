// SPDX-License-Identifier: Apache-2.0
//
// Absolute http and https URLs (RFC 3986), their queries and percent-encoding.
//
//   Url base = TRY(Url::parse("https://registry.example:5000/v2/"));
//   Url next = TRY(base.resolve(*response.headers().get("Location")));
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"

namespace gantry::http {

// Path and query are kept as they were written, percent-encoding included; a fragment is dropped, since it is
// never sent. The host is in lower case, an IPv6 address without its brackets.
struct Url {
  std::string scheme;     // "http" or "https"
  std::string user_info;  // "user:password", still percent-encoded; empty when there is none
  std::string host;
  std::optional<std::uint16_t> port;
  std::string path = "/";  // begins with a slash
  std::optional<std::string> query;

  // Refuses other schemes, empty hosts, spaces, control characters and bytes above 0x7f.
  static Result<Url> parse(std::string_view text);
  // The target of a reference, relative or absolute (RFC 3986 section 5.2). No user info is inherited by
  // another origin.
  Result<Url> resolve(std::string_view reference) const;

  bool is_tls() const { return scheme == "https"; }
  std::uint16_t effective_port() const { return port.value_or(is_tls() ? 443 : 80); }
  // What goes into Host: the port only if it is not the scheme's own.
  std::string authority() const;
  // "https://host:port", always with the port: equal for what shares connections and credentials.
  std::string origin() const;
  // Path and query, as a request line has them.
  std::string target() const;
  // Without the user info, so that it may be shown and logged.
  std::string str() const;

  bool operator==(const Url&) const = default;
};

// Encodes all but unreserved characters and those in `keep`.
std::string percent_encode(std::string_view text, std::string_view keep = "");
// Fails at a '%' without two hexadecimal digits. What comes out may hold any byte, NUL and '/' included.
Result<std::string> percent_decode(std::string_view text);

// The parameters of "n=10&last=a%2Fb", decoded; '+' is a space.
class Query {
 public:
  static Result<Query> parse(std::string_view text);

  // The value of the first parameter of that name.
  std::optional<std::string_view> get(std::string_view name) const;
  bool has(std::string_view name) const { return get(name).has_value(); }
  std::vector<std::string_view> all(std::string_view name) const;
  void add(std::string name, std::string value) {
    parameters_.emplace_back(std::move(name), std::move(value));
  }
  bool empty() const { return parameters_.empty(); }
  // Encoded, without the '?'.
  std::string str() const;

 private:
  std::vector<std::pair<std::string, std::string>> parameters_;
};

}  // namespace gantry::http
