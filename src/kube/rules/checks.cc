// SPDX-License-Identifier: Apache-2.0
#include "kube/rules/checks.h"

#include <algorithm>
#include <charconv>
#include <set>

#include <fmt/format.h>

#include "base/lower_case.h"
#include "base/split.h"
#include "kube/api/quantity.h"

namespace gantry::kube::rules {
namespace {

bool is_nothing(const json::Tree* value) {
  return value == nullptr || value->is_null() || (value->is_object() && value->object().empty()) ||
         (value->is_array() && value->array().empty()) || (value->is_string() && value->as_string().empty());
}

void label_selector_requirement(const Spot& requirement) {
  const Spot op = requirement["operator"];
  const Spot values = requirement["values"];
  if (op.text() == "In" || op.text() == "NotIn") {
    if (values.size() == 0) values.required("must be specified when `operator` is 'In' or 'NotIn'");
  } else if (op.text() == "Exists" || op.text() == "DoesNotExist") {
    if (values.size() > 0)
      values.forbidden("may not be specified when `operator` is 'Exists' or 'DoesNotExist'");
  } else {
    op.invalid("not a valid selector operator");
  }
  requirement["key"].invalid_for(label_key_faults(requirement["key"].text()));
  values.each([](const Spot& value) { value.invalid_for(label_value_faults(value.text())); });
}

constexpr std::size_t kReasonSize = 1 << 10;
constexpr std::size_t kMessageSize = 32 << 10;

// Not those of <cctype>: they look at the locale.
bool is_letter(char c) { return (c | 0x20) >= 'a' && (c | 0x20) <= 'z'; }
bool is_letter_or_digit(char c) { return is_letter(c) || (c >= '0' && c <= '9'); }

constexpr std::string_view kPathPattern = R"([A-Za-z0-9/\-._~%!$&'()*+,;=:]+)";
bool is_in_path(char c) {
  return is_letter_or_digit(c) || std::string_view("/-._~%!$&'()*+,;=:").find(c) != std::string_view::npos;
}

bool is_reason(std::string_view text) {
  const auto is_last = [](char c) { return is_letter_or_digit(c) || c == '_'; };
  const auto is_inner = [&](char c) { return is_last(c) || c == ',' || c == ':'; };
  return is_letter(text.front()) && is_last(text.back()) && std::ranges::all_of(text, is_inner);
}

void reason(const Spot& reason) {
  const std::string_view text = reason.text();
  if (text.empty()) return reason.required();
  if (!is_reason(text))
    reason.invalid(
        "a condition reason must start with alphabetic character, optionally followed by a string of "
        "alphanumeric characters or '_,:', and must end with an alphanumeric character or '_' (e.g. "
        "'my_name',  or 'MY_NAME',  or 'MyName',  or 'ReasonA,ReasonB',  or 'ReasonA:ReasonB', regex used "
        "for "
        "validation is '[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?')");
  if (text.size() > kReasonSize) reason.too_long(kReasonSize);
}

void condition(const Spot& condition) {
  condition["type"].invalid_for(label_key_faults(condition["type"].text()));
  const Spot status = condition["status"];
  if (std::ranges::find(kConditionStatuses, status.text()) == std::end(kConditionStatuses))
    status.not_supported(kConditionStatuses);
  if (condition["observedGeneration"].number() < 0)
    condition["observedGeneration"].invalid("must be greater than or equal to zero");
  required(condition["lastTransitionTime"]);
  reason(condition["reason"]);
  if (condition["message"].text().size() > kMessageSize) condition["message"].too_long(kMessageSize);
}

}  // namespace

bool is_same(const json::Tree* one, const json::Tree* other) {
  if (is_nothing(one) || is_nothing(other)) return is_nothing(one) && is_nothing(other);
  return *one == *other;
}

void non_negative(const Spot& number) {
  if (number.number() < 0) number.invalid("must be greater than or equal to 0");
}

void within(const Spot& number, std::int64_t low, std::int64_t high) {
  if (number.is_set() && (number.number() < low || number.number() > high))
    number.invalid(range_fault(low, high));
}

void port_number(const Spot& port) {
  if (port.number() < 1 || port.number() > 65535)
    port.invalid(port.is_set() ? port.value() : json::Tree(0), range_fault(1, 65535));
}

void one_of(const Spot& text, std::span<const std::string_view> words) {
  if (text.text().empty())
    text.required();
  else
    one_of_if_set(text, words);
}

void one_of_if_set(const Spot& text, std::span<const std::string_view> words) {
  if (text.is_set() && std::ranges::find(words, text.text()) == words.end()) text.not_supported(words);
}

void named(const Spot& text, Faults (*faults_of)(std::string_view)) {
  if (text.text().empty())
    text.required();
  else
    text.invalid_for(faults_of(text.text()));
}

void named_if_set(const Spot& text, Faults (*faults_of)(std::string_view)) {
  if (!text.text().empty()) text.invalid_for(faults_of(text.text()));
}

void required(const Spot& field, std::string_view why) {
  if (is_nothing(&field.value())) field.required(why);
}

void immutable(const Spot& field, const json::Tree* before, std::string_view why) {
  if (!is_same(&field.value(), before)) field.invalid(why);
}

void labels(const Spot& labels) {
  for (const auto& [key, value] : labels.value().object()) {
    for (const std::string& fault : label_key_faults(key)) labels.invalid(key, fault);
    for (const std::string& fault : label_value_faults(value.as_string())) labels.invalid(value, fault);
  }
}

void annotations(const Spot& annotations) {
  std::size_t size = 0;
  for (const auto& [key, value] : annotations.value().object()) {
    for (const std::string& fault : label_key_faults(in_lower_case(key))) annotations.invalid(key, fault);
    size += key.size() + value.as_string().size();
  }
  if (size > kAnnotationsSize) annotations.too_long(kAnnotationsSize);
}

void label_selector(const Spot& selector) {
  labels(selector["matchLabels"]);
  selector["matchExpressions"].each(label_selector_requirement);
}

void number_or_percent(const Spot& value) {
  if (!value.is_text()) return non_negative(value);
  value.invalid_for(percent_faults(value.text()));
}

void at_most_everything(const Spot& percent) {
  if (!percent.is_text() || !percent_faults(percent.text()).empty()) return;
  std::string_view digits = percent.text().substr(0, percent.text().size() - 1);
  digits.remove_prefix(std::min(digits.find_first_not_of('0'), digits.size()));
  if (digits.size() > 3 || (digits.size() == 3 && digits > "100"))
    percent.invalid("must not be greater than 100%");
}

void domain_prefixed_path(const Spot& path) {
  const std::string_view text = path.text();
  if (text.empty()) return path.required();
  const std::size_t slash = text.find('/');
  if (slash == std::string_view::npos || slash == 0 || slash + 1 == text.size())
    return path.invalid("must be a domain-prefixed path (such as \"acme.io/foo\")");
  const std::string_view host = text.substr(0, slash), rest = text.substr(slash + 1);
  for (const std::string& fault : dns_subdomain_faults(host)) path.invalid(json::Tree(host), fault);
  if (!std::ranges::all_of(rest, is_in_path))
    path.invalid(json::Tree(rest),
                 fmt::format("Invalid path (regex used for validation is '{}')", kPathPattern));
}

void balancer_address(const Spot& address) {
  if (address.has_something()) ip_address(address);
}

void balancer_host(const Spot& name) {
  if (!name.has_something()) return;
  name.invalid_for(dns_subdomain_faults(name.text()));
  if (ip_faults(name.text()).empty()) name.invalid("must be a DNS name, not an IP address");
}

void non_negative(const Spot& status, std::span<const char* const> counts) {
  for (const char* count : counts) non_negative(status[count]);
}

void in_order(const Spot& status, std::span<const CountOrder> orders) {
  for (const CountOrder& order : orders)
    if (const Spot fewer = status[order.fewer]; fewer.number() > status[order.more].number())
      fewer.invalid(json::Tree(fewer.number()), order.why);
}

void conditions(const Spot& conditions) {
  std::set<std::string_view> seen;
  conditions.each([&](const Spot& one) {
    if (!seen.insert(one["type"].text()).second) one["type"].duplicate();
    condition(one);
  });
}

void port_number_or_name(const Spot& port) {
  if (port.is_text())
    port.invalid_for(port_name_faults(port.text()));
  else
    port_number(port);
}

void path_without_backsteps(const Spot& path) {
  if (const auto parts = split(path.text(), '/'); std::ranges::find(parts, "..") != parts.end())
    path.invalid("must not contain '..'");
}

void relative_path(const Spot& path) {
  if (path.text().starts_with('/')) path.invalid("must be a relative path");
  path_without_backsteps(path);
}

void unreserved_path(const Spot& path) {
  relative_path(path);
  if (path.text().starts_with("..") && !path.text().starts_with("../"))
    path.invalid("must not start with '..'");
}

void quantity_non_negative(const Spot& quantity) {
  const auto parsed = Quantity::from_tree(quantity.value());
  if (!parsed)
    quantity.invalid(parsed.error().message());
  else if (parsed->sign() < 0)
    quantity.invalid("must be greater than or equal to 0");
}

void ip_address(const Spot& address) { address.invalid_for(ip_faults(address.text())); }

void address_range(const Spot& range) { address_range_at(range, range.text()); }

void address_range_at(const Spot& place, std::string_view text) {
  const std::size_t slash = text.find('/');
  const std::string_view digits =
      slash == std::string_view::npos ? std::string_view() : text.substr(slash + 1);
  const std::string_view address = text.substr(0, slash);
  unsigned bits = 0;
  const auto [end, failed] = std::from_chars(digits.data(), digits.data() + digits.size(), bits);
  const unsigned most = address.find(':') == std::string_view::npos ? 32 : 128;
  if (failed != std::errc() || end != digits.data() + digits.size() || bits > most ||
      !ip_faults(address).empty())
    place.invalid(json::Tree(text), "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)");
}

std::size_t decoded_size(std::string_view text) {
  std::size_t size = text.size() / 4 * 3;
  if (text.ends_with('=')) --size;
  if (text.ends_with("==")) --size;
  return size;
}

}  // namespace gantry::kube::rules
