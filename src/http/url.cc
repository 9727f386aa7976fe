// SPDX-License-Identifier: Apache-2.0
#include "http/url.h"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <iterator>

#include "base/printable.h"

namespace gantry::http {
namespace {

constexpr auto npos = std::string_view::npos;

bool is_unreserved(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
         c == '_' || c == '~';
}

std::string lowered(std::string_view text) {
  std::string result(text);
  for (char& c : result)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return result;
}

Error bad_url(std::string_view text, std::string_view why) {
  return error(Code::InvalidArgument, "URL '{}': {}", printable(text, 200), why);
}

// "host", "host:port", "[::1]:port".
Result<void> parse_host_and_port(std::string_view text, Url& url) {
  std::string_view host, port;
  if (text.starts_with('[')) {
    const std::size_t end = text.find(']');
    if (end == npos) return error(Code::InvalidArgument, "'[' without ']'");
    host = text.substr(1, end - 1);
    in6_addr ignored;
    if (::inet_pton(AF_INET6, std::string(host).c_str(), &ignored) != 1)
      return error(Code::InvalidArgument, "'{}' is no IPv6 address", printable(host));
    port = text.substr(end + 1);
    if (!port.empty() && !port.starts_with(':')) return error(Code::InvalidArgument, "text after ']'");
  } else {
    const std::size_t colon = std::min(text.find(':'), text.size());
    host = text.substr(0, colon);
    port = text.substr(colon);
    if (host.empty()) return error(Code::InvalidArgument, "no host");
    if (!std::ranges::all_of(host, is_unreserved))
      return error(Code::InvalidArgument, "'{}' is no host name", printable(host));
  }
  url.host = lowered(host);
  if (port.size() <= 1) return {};  // none, or the empty one that RFC 3986 allows
  port.remove_prefix(1);
  std::uint16_t number = 0;
  const auto [end, failed] = std::from_chars(port.begin(), port.end(), number);
  if (failed != std::errc{} || end != port.end() || number == 0)
    return error(Code::InvalidArgument, "'{}' is no port", printable(port));
  url.port = number;
  return {};
}

// "." and ".." segments taken out (RFC 3986 section 5.2.4). `path` begins with a slash.
std::string without_dots(std::string_view path) {
  std::string result;
  while (!path.empty()) {
    const std::size_t end = std::min(path.find('/', 1), path.size());
    const std::string_view segment = path.substr(0, end);
    path.remove_prefix(end);
    const bool is_last = path.empty();
    if (segment == "/.") {
      if (is_last) result += '/';
    } else if (segment == "/..") {
      result.erase(std::min(result.rfind('/'), result.size()));
      if (is_last) result += '/';
    } else {
      result += segment;
    }
  }
  return result.empty() ? "/" : result;
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// Authority, path and query of what stands after "http:".
Result<Url> parse_after_scheme(std::string scheme, std::string_view rest) {
  if (!rest.starts_with("//")) return error(Code::InvalidArgument, "no '//' after the scheme");
  rest.remove_prefix(2);
  Url url{.scheme = std::move(scheme)};
  const std::size_t authority_end = std::min(rest.find_first_of("/?"), rest.size());
  std::string_view authority = rest.substr(0, authority_end);
  rest.remove_prefix(authority_end);
  if (const std::size_t at = authority.rfind('@'); at != npos) {
    url.user_info = authority.substr(0, at);
    authority.remove_prefix(at + 1);
  }
  TRY(parse_host_and_port(authority, url));
  const std::size_t path_end = std::min(rest.find('?'), rest.size());
  if (path_end > 0) url.path = rest.substr(0, path_end);
  if (path_end < rest.size()) url.query = rest.substr(path_end + 1);
  return url;
}

Result<std::string_view> checked(std::string_view text) {
  // Spaces and control characters would end the request line that such a URL becomes part of.
  if (!std::ranges::all_of(text, [](char c) { return c > ' ' && c < 0x7f; }))
    return bad_url(text,
                   "spaces, control characters and bytes that are not ASCII have to be percent-encoded");
  return text.substr(0, text.find('#'));
}

}  // namespace

Result<Url> Url::parse(std::string_view text) {
  const std::string_view whole = TRY(checked(text));
  const std::size_t colon = whole.find(':');
  std::string scheme = lowered(whole.substr(0, colon == npos ? 0 : colon));
  if (scheme != "http" && scheme != "https") return bad_url(text, "does not begin with http:// or https://");
  auto url = parse_after_scheme(std::move(scheme), whole.substr(colon + 1));
  if (!url) return bad_url(text, url.error().message());
  return url;
}

Result<Url> Url::resolve(std::string_view reference) const {
  const std::string_view text = TRY(checked(reference));
  const std::size_t scheme_end = text.find_first_of(":/?");
  if (scheme_end != npos && text[scheme_end] == ':') return parse(text);
  if (text.starts_with("//")) return parse(scheme + ":" + std::string(text));
  Url url = *this;
  if (text.empty()) return url;
  const std::size_t path_end = std::min(text.find('?'), text.size());
  const std::string_view reference_path = text.substr(0, path_end);
  if (reference_path.starts_with('/'))
    url.path = without_dots(reference_path);
  else if (!reference_path.empty())
    url.path = without_dots(path.substr(0, path.rfind('/') + 1).append(reference_path));
  url.query.reset();
  if (path_end < text.size()) url.query = text.substr(path_end + 1);
  return url;
}

std::string Url::authority() const {
  std::string text = host.contains(':') ? "[" + host + "]" : host;
  if (port && *port != (is_tls() ? 443 : 80)) fmt::format_to(std::back_inserter(text), ":{}", *port);
  return text;
}

std::string Url::origin() const {
  return fmt::format("{}://{}{}{}:{}", scheme, host.contains(':') ? "[" : "", host,
                     host.contains(':') ? "]" : "", effective_port());
}

std::string Url::target() const { return query ? path + "?" + *query : path; }

std::string Url::str() const { return scheme + "://" + authority() + target(); }

std::string percent_encode(std::string_view text, std::string_view keep) {
  std::string result;
  for (const char c : text) {
    if (is_unreserved(c) || keep.contains(c))
      result += c;
    else
      fmt::format_to(std::back_inserter(result), "%{:02X}", static_cast<unsigned char>(c));
  }
  return result;
}

Result<std::string> percent_decode(std::string_view text) {
  std::string result;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      result += text[i];
      continue;
    }
    const int high = i + 2 < text.size() ? hex_digit(text[i + 1]) : -1;
    const int low = i + 2 < text.size() ? hex_digit(text[i + 2]) : -1;
    if (high < 0 || low < 0)
      return error(Code::InvalidArgument, "'{}': '%' without two hexadecimal digits", printable(text, 200));
    result += static_cast<char>(high * 16 + low);
    i += 2;
  }
  return result;
}

Result<Query> Query::parse(std::string_view text) {
  Query query;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('&'), text.size());
    std::string parameter(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    if (parameter.empty()) continue;
    std::ranges::replace(parameter, '+', ' ');
    const std::string_view view = parameter;
    const std::size_t equals = std::min(view.find('='), view.size());
    query.add(TRY(percent_decode(view.substr(0, equals))),
              TRY(percent_decode(view.substr(std::min(equals + 1, view.size())))));
  }
  return query;
}

std::optional<std::string_view> Query::get(std::string_view name) const {
  for (const auto& [key, value] : parameters_)
    if (key == name) return value;
  return std::nullopt;
}

std::vector<std::string_view> Query::all(std::string_view name) const {
  std::vector<std::string_view> values;
  for (const auto& [key, value] : parameters_)
    if (key == name) values.push_back(value);
  return values;
}

std::string Query::str() const {
  std::string text;
  for (const auto& [key, value] : parameters_) {
    if (!text.empty()) text += '&';
    text.append(percent_encode(key)).append("=").append(percent_encode(value));
  }
  return text;
}

}  // namespace gantry::http
