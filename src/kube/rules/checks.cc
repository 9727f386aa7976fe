// SPDX-License-Identifier: Apache-2.0
#include "kube/rules/checks.h"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>

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

void immutable_once_set(const Spot& field, const json::Tree* before) {
  if (!is_nothing(before)) immutable(field, before);
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
    std::string lower = key;
    std::ranges::transform(lower, lower.begin(), [](char c) {
      return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
    });
    for (const std::string& fault : label_key_faults(lower)) annotations.invalid(key, fault);
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

void port_number_or_name(const Spot& port) {
  if (port.is_text())
    port.invalid_for(port_name_faults(port.text()));
  else
    port_number(port);
}

void relative_path(const Spot& path) {
  if (path.text().starts_with('/')) path.invalid("must be a relative path");
  std::string_view rest = path.text();
  while (!rest.empty()) {
    const std::size_t slash = std::min(rest.find('/'), rest.size());
    if (rest.substr(0, slash) == "..") return path.invalid("must not contain '..'");
    rest.remove_prefix(std::min(slash + 1, rest.size()));
  }
}

void quantity_non_negative(const Spot& quantity) {
  const auto parsed = Quantity::from_tree(quantity.value());
  if (!parsed)
    quantity.invalid(parsed.error().message());
  else if (parsed->sign() < 0)
    quantity.invalid("must be greater than or equal to 0");
}

void ip_address(const Spot& address) { address.invalid_for(ip_faults(address.text())); }

void address_range(const Spot& range) {
  const std::string_view text = range.text();
  const std::size_t slash = text.find('/');
  const std::string_view digits =
      slash == std::string_view::npos ? std::string_view() : text.substr(slash + 1);
  const std::string_view address = text.substr(0, slash);
  unsigned bits = 0;
  const auto [end, failed] = std::from_chars(digits.data(), digits.data() + digits.size(), bits);
  const unsigned most = address.find(':') == std::string_view::npos ? 32 : 128;
  if (failed != std::errc() || end != digits.data() + digits.size() || bits > most ||
      !ip_faults(address).empty())
    range.invalid("must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)");
}

void resource_name(const Spot& at, std::string_view name) {
  for (const std::string& fault : label_key_faults(name)) at.invalid(name, fault);
}

void resource_list(const Spot& list) {
  list.each_member([](std::string_view name, const Spot& amount) {
    resource_name(amount, name);
    quantity_non_negative(amount);
  });
}

}  // namespace gantry::kube::rules
