// SPDX-License-Identifier: Apache-2.0
#include "kube/api/names.h"

#include <algorithm>

#include <arpa/inet.h>

#include <fmt/format.h>

namespace gantry::kube {
namespace {

constexpr std::string_view kLabelPattern = "[a-z0-9]([-a-z0-9]*[a-z0-9])?";
constexpr std::string_view kSubdomainPattern =
    "[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*";

// Not those of <cctype>: they look at the locale.
constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }
constexpr bool is_lower(char c) { return c >= 'a' && c <= 'z'; }
constexpr bool is_letter(char c) { return is_lower(c) || (c >= 'A' && c <= 'Z'); }
constexpr bool is_lower_alphanumeric(char c) { return is_lower(c) || is_digit(c); }
constexpr bool is_alphanumeric(char c) { return is_letter(c) || is_digit(c); }
constexpr bool is_in_key(char c) { return is_alphanumeric(c) || c == '-' || c == '_' || c == '.'; }

// [ab]([-ab]*[ab])? for the characters that `is_edge` takes.
bool is_hyphenated(std::string_view text, bool (*is_edge)(char)) {
  return !text.empty() && is_edge(text.front()) && is_edge(text.back()) &&
         std::ranges::all_of(text, [&](char c) { return c == '-' || is_edge(c); });
}

bool is_label(std::string_view text) { return is_hyphenated(text, is_lower_alphanumeric); }

bool is_subdomain(std::string_view text) {
  while (true) {
    const std::size_t dot = text.find('.');
    if (!is_label(text.substr(0, dot))) return false;
    if (dot == std::string_view::npos) return true;
    text.remove_prefix(dot + 1);
  }
}

bool is_key_name(std::string_view text) {
  return !text.empty() && is_alphanumeric(text.front()) && is_alphanumeric(text.back()) &&
         std::ranges::all_of(text, is_in_key);
}

std::string no_match(std::string_view what, std::string_view pattern,
                     std::initializer_list<std::string_view> examples) {
  std::string text = fmt::format("{} (e.g. ", what);
  std::string_view between;
  for (const std::string_view example : examples) {
    fmt::format_to(std::back_inserter(text), "{}'{}', ", between, example);
    between = " or ";
  }
  fmt::format_to(std::back_inserter(text), "regex used for validation is '{}')", pattern);
  return text;
}

std::string too_long(std::size_t limit, std::string_view unit) {
  return fmt::format("must be no more than {} {}", limit, unit);
}

std::string no_subdomain() {
  return no_match(
      "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and "
      "must "
      "start and end with an alphanumeric character",
      kSubdomainPattern, {"example.com"});
}

Faults prefix_faults(std::string_view prefix) {
  if (prefix.empty()) return {"prefix part must be non-empty"};
  Faults faults;
  if (prefix.size() > kSubdomainSize) faults.push_back("prefix part " + too_long(kSubdomainSize, "bytes"));
  if (!is_subdomain(prefix)) faults.push_back("prefix part " + no_subdomain());
  return faults;
}

std::string no_key_name(std::string_view subject) {
  return fmt::format(
      "{} {}", subject,
      no_match("must consist of alphanumeric characters, '-', '_' or '.', and must start and end "
               "with an alphanumeric character",
               "([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]", {"MyName", "my.name", "123-abc"}));
}

}  // namespace

Faults dns_label_faults(std::string_view text) {
  Faults faults;
  if (text.size() > kLabelSize) faults.push_back(too_long(kLabelSize, "characters"));
  if (is_label(text)) return faults;
  faults.push_back(
      is_subdomain(text)
          ? "must not contain dots"
          : no_match("a lowercase RFC 1123 label must consist of lower case alphanumeric characters or "
                     "'-', and must start and end with an alphanumeric character",
                     kLabelPattern, {"my-name", "123-abc"}));
  return faults;
}

Faults dns_1035_label_faults(std::string_view text) {
  Faults faults;
  if (text.size() > kLabelSize) faults.push_back(too_long(kLabelSize, "characters"));
  if (!is_label(text) || !is_lower(text.front()))
    faults.push_back(
        no_match("a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with "
                 "an alphabetic character, and end with an alphanumeric character",
                 "[a-z]([-a-z0-9]*[a-z0-9])?", {"my-name", "abc-123"}));
  return faults;
}

Faults dns_subdomain_faults(std::string_view text) {
  Faults faults;
  if (text.size() > kSubdomainSize) faults.push_back(too_long(kSubdomainSize, "characters"));
  if (!is_subdomain(text)) faults.push_back(no_subdomain());
  return faults;
}

Faults dns_wildcard_faults(std::string_view text) {
  Faults faults;
  if (text.size() > kSubdomainSize) faults.push_back(too_long(kSubdomainSize, "characters"));
  if (!text.starts_with("*.") || !is_subdomain(text.substr(2)))
    faults.push_back(
        no_match("a wildcard DNS-1123 subdomain must start with '*.', followed by a valid DNS subdomain, "
                 "which must consist of lower case alphanumeric characters, '-' or '.' and end with an "
                 "alphanumeric character",
                 fmt::format("\\*\\.{}", kSubdomainPattern), {"*.example.com"}));
  return faults;
}

Faults path_segment_faults(std::string_view text) {
  if (text == "." || text == "..") return {fmt::format("may not be '{}'", text)};
  Faults faults;
  for (const char c : {'/', '%'})
    if (text.find(c) != std::string_view::npos) faults.push_back(fmt::format("may not contain '{}'", c));
  return faults;
}

Faults label_key_faults(std::string_view text) {
  const std::size_t slash = text.find('/');
  const bool has_prefix = slash != std::string_view::npos;
  if (has_prefix && text.find('/', slash + 1) != std::string_view::npos)
    return {no_key_name("a valid label key") +
            " with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')"};
  Faults faults = has_prefix ? prefix_faults(text.substr(0, slash)) : Faults();
  const std::string_view name = has_prefix ? text.substr(slash + 1) : text;
  if (name.empty()) faults.emplace_back("name part must be non-empty");
  if (name.size() > kLabelSize) faults.push_back("name part " + too_long(kLabelSize, "bytes"));
  if (!is_key_name(name)) faults.push_back(no_key_name("name part"));
  return faults;
}

Faults label_value_faults(std::string_view text) {
  Faults faults;
  if (text.size() > kLabelSize) faults.push_back(too_long(kLabelSize, "bytes"));
  if (!text.empty() && !is_key_name(text))
    faults.push_back(
        no_match("a valid label must be an empty string or consist of alphanumeric characters, '-', '_' "
                 "or '.', and must start and end with an alphanumeric character",
                 "(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?", {"MyValue", "my_value", "12345"}));
  return faults;
}

Faults config_key_faults(std::string_view text) {
  Faults faults;
  if (text.size() > kSubdomainSize) faults.push_back(too_long(kSubdomainSize, "characters"));
  if (text.empty() || !std::ranges::all_of(text, is_in_key))
    faults.push_back(no_match("a valid config key must consist of alphanumeric characters, '-', '_' or '.'",
                              "[-._a-zA-Z0-9]+", {"key.name", "KEY_NAME", "key-name"}));
  if (text == "." || text == "..")
    faults.push_back(fmt::format("must not be '{}'", text));
  else if (text.starts_with(".."))
    faults.emplace_back("must not start with '..'");
  return faults;
}

Faults port_name_faults(std::string_view text) {
  constexpr std::size_t kPortNameSize = 15;
  Faults faults;
  if (text.size() > kPortNameSize) faults.push_back(too_long(kPortNameSize, "characters"));
  if (text.empty() || !std::ranges::all_of(text, [](char c) { return c == '-' || is_lower_alphanumeric(c); }))
    faults.emplace_back("must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)");
  if (!std::ranges::any_of(text, is_lower)) faults.emplace_back("must contain at least one letter (a-z)");
  if (text.find("--") != std::string_view::npos) faults.emplace_back("must not contain consecutive hyphens");
  if (text.starts_with('-') || text.ends_with('-'))
    faults.emplace_back("must not begin or end with a hyphen");
  return faults;
}

Faults environment_name_faults(std::string_view text) {
  Faults faults;
  if (text.empty()) faults.emplace_back("environment variable name must be non-empty");
  if (!std::ranges::all_of(text, [](char c) { return c >= ' ' && c <= '~' && c != '='; }))
    faults.emplace_back(
        "a valid environment variable name must consist only of printable ASCII characters other than '='");
  return faults;
}

Faults header_name_faults(std::string_view text) {
  if (!text.empty() && std::ranges::all_of(text, [](char c) { return c == '-' || is_alphanumeric(c); }))
    return {};
  return {no_match("a valid HTTP header must consist of alphanumeric characters or '-'", "[-A-Za-z0-9]+",
                   {"X-Header-Name"})};
}

Faults ip_faults(std::string_view text) {
  in6_addr address;
  const std::string terminated(text);
  const bool is_text = text.find('\0') == std::string_view::npos;
  if (is_text && (::inet_pton(AF_INET, terminated.c_str(), &address) == 1 ||
                  ::inet_pton(AF_INET6, terminated.c_str(), &address) == 1))
    return {};
  return {"must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"};
}

Faults percent_faults(std::string_view text) {
  if (text.size() > 1 && text.ends_with('%') &&
      std::ranges::all_of(text.substr(0, text.size() - 1), is_digit))
    return {};
  return {no_match("a valid percent string must be a numeric string followed by an ending '%'", "[0-9]+%",
                   {"1%", "93%"})};
}

std::string range_fault(long long low, long long high) {
  return fmt::format("must be between {} and {}, inclusive", low, high);
}

std::string name_from_prefix(std::string_view prefix) {
  std::string name(prefix);
  if (name.size() > 1 && name.back() == '-') name.back() = 'a';
  return name;
}

}  // namespace gantry::kube
