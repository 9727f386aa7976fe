// SPDX-License-Identifier: Apache-2.0
#include "kube/cel/url_text.h"

#include <algorithm>
#include <optional>

#include <fmt/format.h>

#include "base/split.h"

namespace gantry::kube::cel {
namespace {

bool is_letter(char c) { return (c | 0x20) >= 'a' && (c | 0x20) <= 'z'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }

int hex_value(char c) {
  if (is_digit(c)) return c - '0';
  const char lower = static_cast<char>(c | 0x20);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

bool is_escape(std::string_view text) {
  return text.size() >= 3 && text[0] == '%' && hex_value(text[1]) >= 0 && hex_value(text[2]) >= 0;
}

std::optional<std::string> decoded(std::string_view text, bool plus_is_space) {
  std::string out;
  for (; !text.empty(); text.remove_prefix(1)) {
    if (text.front() == '%') {
      if (!is_escape(text)) return {};
      out += static_cast<char>(hex_value(text[1]) * 16 + hex_value(text[2]));
      text.remove_prefix(2);
    } else {
      out += text.front() == '+' && plus_is_space ? ' ' : text.front();
    }
  }
  return out;
}

std::expected<std::string_view, std::string> scheme_of(std::string_view text) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (is_letter(text[i])) continue;
    if (text[i] == ':' && i == 0) return std::unexpected("missing protocol scheme");
    if (text[i] == ':') return text.substr(0, i);
    if (i == 0 || !(is_digit(text[i]) || text[i] == '+' || text[i] == '-' || text[i] == '.')) break;
  }
  return std::string_view();
}

std::optional<std::string> fault_of_host(std::string_view host) {
  if (host.starts_with('[')) {
    const std::size_t end = host.find(']');
    if (end == std::string_view::npos) return "missing ']' in host";
    host.remove_prefix(end + 1);
    if (!host.empty() && host.front() != ':') return fmt::format("invalid port \"{}\" after host", host);
  } else {
    for (const char c : host.substr(0, host.find(':')))
      if (std::string_view("\"<>^`{|}\\ #?").find(c) != std::string_view::npos)
        return fmt::format("invalid character \"{}\" in host name", c);
    const std::size_t colon = host.find(':');
    host = colon == std::string_view::npos ? std::string_view() : host.substr(colon);
  }
  if (!host.empty() && !std::ranges::all_of(host.substr(1), is_digit))
    return fmt::format("invalid port \"{}\" after host", host);
  return {};
}

std::string_view until(std::string_view& text, std::string_view ends) {
  const std::size_t size = std::min(text.find_first_of(ends), text.size());
  const std::string_view taken = text.substr(0, size);
  text.remove_prefix(size);
  return taken;
}

}  // namespace

std::expected<UrlParts, std::string> parse_url(std::string_view text) {
  const auto wrong = [&](std::string_view why) {
    return std::unexpected(fmt::format("parse \"{}\": {}", text, why));
  };
  if (text.empty()) return wrong("empty url");
  for (const char c : text)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f)
      return wrong("net/url: invalid control character in URL");
  UrlParts url{.text = text};
  const auto scheme = scheme_of(text);
  if (!scheme) return wrong(scheme.error());
  url.scheme = *scheme;
  std::string_view rest = text.substr(scheme->empty() ? 0 : scheme->size() + 1);
  if (!rest.starts_with('/')) {
    // "mailto:someone" is a URL, too: all of it but the scheme is opaque.
    if (!scheme->empty() && !rest.empty()) return url;
    return wrong("invalid URI for request");
  }
  if (!scheme->empty() && rest.starts_with("//")) {
    rest.remove_prefix(2);
    std::string_view authority = until(rest, "/?#");
    if (const std::size_t at = authority.rfind('@'); at != std::string_view::npos)
      authority.remove_prefix(at + 1);
    if (const auto fault = fault_of_host(authority)) return wrong(*fault);
    url.host = authority;
  }
  url.path = until(rest, "?#");
  for (std::size_t at = 0; (at = url.path.find('%', at)) != std::string_view::npos; ++at)
    if (!is_escape(url.path.substr(at)))
      return wrong(fmt::format("invalid URL escape \"{}\"", url.path.substr(at, 3)));
  if (rest.starts_with('?')) {
    rest.remove_prefix(1);
    url.query = until(rest, "#");
  }
  return url;
}

std::string_view host_name_of(const UrlParts& url) {
  if (url.host.starts_with('[')) return url.host.substr(1, url.host.find(']') - 1);
  return url.host.substr(0, url.host.rfind(':'));
}

std::string_view port_of(const UrlParts& url) {
  const std::size_t from = url.host.starts_with('[') ? url.host.find(']') : 0;
  const std::size_t colon = url.host.find(':', from);
  return colon == std::string_view::npos ? std::string_view() : url.host.substr(colon + 1);
}

std::vector<std::pair<std::string, std::string>> query_of(const UrlParts& url) {
  std::vector<std::pair<std::string, std::string>> found;
  for (const std::string_view part : split_words(url.query, '&')) {
    const std::size_t equals = std::min(part.find('='), part.size());
    auto key = decoded(part.substr(0, equals), true);
    auto value = decoded(part.substr(std::min(equals + 1, part.size())), true);
    if (key && value) found.emplace_back(std::move(*key), std::move(*value));
  }
  return found;
}

std::string escaped_path_of(const UrlParts& url) {
  constexpr std::string_view kPlain = "-_.~$&+,/:;=@!'()*[]%";
  std::string out;
  for (const char c : url.path) {
    if (is_letter(c) || is_digit(c) || kPlain.find(c) != std::string_view::npos)
      out += c;
    else
      fmt::format_to(std::back_inserter(out), "%{:02X}", static_cast<unsigned char>(c));
  }
  return out;
}

}  // namespace gantry::kube::cel
