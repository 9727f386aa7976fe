// SPDX-License-Identifier: Apache-2.0
#include "kube/custom/formats.h"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>
#include <string>

#include <fmt/format.h>

#include "base/duration.h"
#include "base/split.h"
#include "base/timestamp.h"
#include "kube/api/names.h"
#include "kube/schema/spelling.h"

namespace gantry::kube::custom {
namespace {

bool is_hex(std::string_view text) {
  return text.find_first_not_of("0123456789abcdefABCDEF") == std::string_view::npos;
}

bool is_digits(std::string_view text) {
  return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
}

bool is_address(std::string_view text, int family) {
  unsigned char address[sizeof(in6_addr)];
  return ::inet_pton(family, std::string(text).c_str(), address) == 1;
}

bool is_ipv4(std::string_view text) { return is_address(text, AF_INET); }
bool is_ipv6(std::string_view text) { return is_address(text, AF_INET6); }

bool is_cidr(std::string_view text) {
  const std::size_t slash = text.find('/');
  if (slash == std::string_view::npos) return false;
  const std::string_view address = text.substr(0, slash);
  const std::string_view bits = text.substr(slash + 1);
  int size = -1;
  if (!is_digits(bits) || std::from_chars(bits.begin(), bits.end(), size).ec != std::errc{}) return false;
  return (is_ipv4(address) && size <= 32) || (is_ipv6(address) && size <= 128);
}

// "00:1a:2b:3c:4d:5e", also with eight or twenty bytes, and with dashes.
bool is_mac(std::string_view text) {
  const char separator = text.find('-') == std::string_view::npos ? ':' : '-';
  const std::vector<std::string_view> bytes = split(text, separator);
  return (bytes.size() == 6 || bytes.size() == 8 || bytes.size() == 20) &&
         std::ranges::all_of(bytes, [](std::string_view byte) { return byte.size() == 2 && is_hex(byte); });
}

// With or without dashes; `version` is '\0' for any.
bool is_uuid(std::string_view text, char version) {
  std::string digits;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool may_have_dash =
        digits.size() == 8 || digits.size() == 12 || digits.size() == 16 || digits.size() == 20;
    if (text[i] == '-' && may_have_dash && i > 0 && text[i - 1] != '-') continue;
    digits += text[i];
  }
  if (digits.size() != 32 || !is_hex(digits) || text.ends_with('-')) return false;
  if (version == '\0') return true;
  const bool has_variant = std::string_view("89abAB").find(digits[16]) != std::string_view::npos;
  return digits[12] == version && (version == '3' || has_variant);
}

bool is_any_uuid(std::string_view text) { return is_uuid(text, '\0'); }
bool is_uuid3(std::string_view text) { return is_uuid(text, '3'); }
bool is_uuid4(std::string_view text) { return is_uuid(text, '4'); }
bool is_uuid5(std::string_view text) { return is_uuid(text, '5'); }

bool is_hostname(std::string_view text) {
  if (text.empty() || text.size() > kSubdomainSize) return false;
  return std::ranges::all_of(split(text.ends_with('.') ? text.substr(0, text.size() - 1) : text, '.'),
                             [](std::string_view label) {
                               std::string lower(label);
                               for (char& c : lower)
                                 if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
                               return dns_label_faults(lower).empty();
                             });
}

bool is_email(std::string_view text) {
  const std::size_t at = text.rfind('@');
  if (at == std::string_view::npos || at == 0 || at + 1 == text.size()) return false;
  return text.find_first_of(" \t\r\n<>") == std::string_view::npos;
}

// An absolute one, or a path.
bool is_uri(std::string_view text) {
  if (text.empty() || text.find_first_of(" \t\r\n\x7f") != std::string_view::npos) return false;
  if (text.starts_with('/')) return true;
  const std::size_t colon = text.find(':');
  if (colon == std::string_view::npos || colon == 0) return false;
  const auto is_letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
  return is_letter(text[0]) && std::ranges::all_of(text.substr(0, colon), [&](char c) {
           return is_letter(c) || (c >= '0' && c <= '9') || c == '+' || c == '-' || c == '.';
         });
}

bool is_date_time(std::string_view text) { return parse_timestamp(text).has_value(); }
bool is_date(std::string_view text) {
  return text.size() == 10 && is_date_time(fmt::format("{}T00:00:00Z", text));
}
bool is_duration(std::string_view text) { return parse_duration(text).has_value(); }
bool is_bytes(std::string_view text) { return canonical_spelling(Form::Bytes, text).has_value(); }

bool is_hex_color(std::string_view text) {
  if (text.starts_with('#')) text.remove_prefix(1);
  return (text.size() == 3 || text.size() == 6) && is_hex(text);
}

bool is_short_name(std::string_view text) { return dns_label_faults(text).empty(); }
bool is_long_name(std::string_view text) { return dns_subdomain_faults(text).empty(); }

struct Format {
  std::string_view name;  // without its dashes
  bool (*is_it)(std::string_view);
};
constexpr Format kFormats[] = {
    {"byte", is_bytes},
    {"cidr", is_cidr},
    {"date", is_date},
    {"datetime", is_date_time},
    {"duration", is_duration},
    {"email", is_email},
    {"hexcolor", is_hex_color},
    {"hostname", is_hostname},
    {"ipv4", is_ipv4},
    {"ipv6", is_ipv6},
    {"k8slongname", is_long_name},
    {"k8sshortname", is_short_name},
    {"mac", is_mac},
    {"uri", is_uri},
    {"uuid", is_any_uuid},
    {"uuid3", is_uuid3},
    {"uuid4", is_uuid4},
    {"uuid5", is_uuid5},
};

}  // namespace

bool has_format(std::string_view text, std::string_view format) {
  std::string name(format);
  std::erase(name, '-');
  const auto at = std::ranges::find(kFormats, name, &Format::name);
  return at == std::end(kFormats) || at->is_it(text);
}

}  // namespace gantry::kube::custom
