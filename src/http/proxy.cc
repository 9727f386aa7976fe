// SPDX-License-Identifier: Apache-2.0
#include "http/proxy.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdlib>
#include <cstring>

#include "base/printable.h"
#include "http/headers.h"

namespace gantry::http {
namespace {

constexpr auto npos = std::string_view::npos;

using Ip = std::array<unsigned char, 16>;  // IPv4 as IPv6 maps it

std::optional<Ip> parse_ip(const std::string& text) {
  Ip ip{};
  if (::inet_pton(AF_INET6, text.c_str(), ip.data()) == 1) return ip;
  ip = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  if (::inet_pton(AF_INET, text.c_str(), ip.data() + 12) == 1) return ip;
  return std::nullopt;
}

template <class Number>
std::optional<Number> parse_number(std::string_view text) {
  Number number{};
  const auto [end, failed] = std::from_chars(text.begin(), text.end(), number);
  if (failed != std::errc{} || end != text.end()) return std::nullopt;
  return number;
}

bool is_in_network(const Ip& ip, std::string_view network) {
  const std::size_t slash = network.find('/');
  if (slash == npos) return false;
  const std::string base_text(network.substr(0, slash));
  const auto base = parse_ip(base_text);
  auto bits = parse_number<unsigned>(network.substr(slash + 1));
  if (!base || !bits) return false;
  const bool is_v4 = !base_text.contains(':');
  if (*bits > (is_v4 ? 32 : 128)) return false;
  if (is_v4) *bits += 96;
  for (unsigned bit = 0; bit < *bits; ++bit) {
    const unsigned mask = 0x80U >> bit % 8;
    if ((ip[bit / 8] & mask) != ((*base)[bit / 8] & mask)) return false;
  }
  return true;
}

bool is_loopback(const std::string& host, const std::optional<Ip>& ip) {
  if (host == "localhost" || host.ends_with(".localhost")) return true;
  return ip && (is_in_network(*ip, "127.0.0.0/8") || is_in_network(*ip, "::1/128"));
}

// "example.com:5000" and "[::1]:5000" apart. No port: 0.
std::pair<std::string_view, std::uint16_t> split_port(std::string_view entry) {
  const std::size_t colon = entry.rfind(':');
  if (colon == npos) return {entry, 0};
  const bool is_bracketed = entry.starts_with('[');
  if (!is_bracketed && entry.find(':') != colon) return {entry, 0};  // an IPv6 address
  const auto port = parse_number<std::uint16_t>(entry.substr(colon + 1));
  if (!port) return {entry, 0};
  entry = entry.substr(0, colon);
  if (is_bracketed && entry.ends_with(']')) entry = entry.substr(1, entry.size() - 2);
  return {entry, *port};
}

bool covers_name(std::string_view entry, std::string_view host) {
  if (entry.starts_with("*.")) entry.remove_prefix(1);
  const std::string_view name = entry.starts_with('.') ? entry.substr(1) : entry;
  return host == name || (host.size() > name.size() + 1 && host.ends_with(name) &&
                          host[host.size() - name.size() - 1] == '.');
}

// Lower case first, as curl has it. Empty is unset.
std::string from_variable(const char* lower, const char* upper) {
  for (const char* name : {lower, upper})
    if (const char* value = ::getenv(name); value != nullptr && *value != '\0') return value;
  return {};
}

Result<std::optional<Proxy>> read_proxy(const char* lower, const char* upper) {
  std::string text = from_variable(lower, upper);
  if (text.empty()) text = from_variable("all_proxy", "ALL_PROXY");
  if (text.empty()) return std::optional<Proxy>{};
  return std::optional(TRY_DURING(Proxy::parse(text), "{}", upper));
}

constexpr std::uint16_t kSocksPort = 1080;  // RFC 1928 section 3

}  // namespace

Result<Proxy> Proxy::parse(std::string_view text) {
  const std::size_t end = text.find("://");
  const std::string_view scheme = end == npos ? "http" : text.substr(0, end);
  const std::string_view rest = end == npos ? text : text.substr(end + 3);
  if (scheme == "http" || scheme == "https")
    return Proxy{.url = TRY(Url::parse(std::string(scheme) + "://" + std::string(rest)))};
  if (scheme != "socks5" && scheme != "socks5h")
    return error(Code::Unsupported, "proxies at '{}://' are not supported, only http, https and socks5",
                 printable(scheme));
  Proxy proxy{.protocol = Protocol::Socks5};
  proxy.url = TRY(Url::parse("http://" + std::string(rest)));
  if (!proxy.url.port) proxy.url.port = kSocksPort;
  return proxy;
}

NoProxy NoProxy::parse(std::string_view list) {
  NoProxy result;
  while (!list.empty()) {
    const std::size_t end = std::min(list.find_first_of(", "), list.size());
    std::string entry(trim(list.substr(0, end)));
    list.remove_prefix(std::min(end + 1, list.size()));
    std::ranges::transform(entry, entry.begin(), [](char c) {
      return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    });
    if (!entry.empty()) result.entries_.push_back(std::move(entry));
  }
  return result;
}

bool NoProxy::covers(const std::string& host, std::uint16_t port) const {
  const auto ip = parse_ip(host);
  if (is_loopback(host, ip)) return true;
  return std::ranges::any_of(entries_, [&](const std::string& entry) {
    if (entry == "*") return true;
    const auto [name, entry_port] = split_port(entry);
    if (entry_port != 0 && entry_port != port) return false;
    if (!ip) return covers_name(name, host);
    return is_in_network(*ip, name) || parse_ip(std::string(name)) == ip;
  });
}

Result<Proxies> Proxies::from_environment() {
  Proxies proxies;
  proxies.http = TRY(read_proxy("http_proxy", "HTTP_PROXY"));
  proxies.https = TRY(read_proxy("https_proxy", "HTTPS_PROXY"));
  proxies.except = NoProxy::parse(from_variable("no_proxy", "NO_PROXY"));
  return proxies;
}

const Proxy* Proxies::for_url(const Url& url) const {
  const std::optional<Proxy>& proxy = url.is_tls() ? https : http;
  if (!proxy || except.covers(url.host, url.effective_port())) return nullptr;
  return &*proxy;
}

}  // namespace gantry::http
