// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include <fmt/format.h>

#include "base/printable.h"
#include "kube/api/selector.h"

namespace gantry::kube {
namespace {

constexpr std::size_t kTextSize = 64 << 10;

// What stands before the next comma that no backslash guards; it is taken from `text`.
std::string_view take_term(std::string_view& text) {
  std::size_t end = 0;
  while (end < text.size() && text[end] != ',') end += text[end] == '\\' ? 2 : 1;
  end = std::min(end, text.size());
  const std::string_view term = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  return term;
}

Answer<std::string> unescape(std::string_view value) {
  std::string text;
  for (std::size_t i = 0; i < value.size(); ++i) {
    if (value[i] == ',' || value[i] == '=')
      return bad_request(fmt::format("invalid field selector: unescaped character in value: {}", value[i]));
    if (value[i] == '\\') {
      ++i;
      if (i == value.size() || (value[i] != '\\' && value[i] != ',' && value[i] != '='))
        return bad_request(fmt::format("invalid field selector: invalid escape sequence: {}",
                                       printable(value.substr(i - 1, 2))));
    }
    text.push_back(value[i]);
  }
  return text;
}

std::string escape(std::string_view value) {
  std::string text;
  for (const char c : value) {
    if (c == '\\' || c == ',' || c == '=') text.push_back('\\');
    text.push_back(c);
  }
  return text;
}

// "field=value", "field==value" or "field!=value".
Answer<FieldSelector::Requirement> read_term(std::string_view selector, std::string_view term) {
  std::size_t at = 0;
  while (at < term.size() && term[at] != '=' && !term.substr(at).starts_with("!=")) ++at;
  if (at == term.size())
    return bad_request(fmt::format("invalid selector: '{}'; can't understand '{}'", printable(selector, 300),
                                   printable(term, 300)));
  const std::string_view op = term.substr(at);
  const bool is_equal = op.front() == '=';
  const std::size_t size = !is_equal || op.starts_with("==") ? 2 : 1;
  std::string value = TRY(unescape(op.substr(size)));
  return FieldSelector::Requirement{std::string(term.substr(0, at)), std::move(value), is_equal};
}

}  // namespace

Answer<FieldSelector> FieldSelector::parse(std::string_view text) {
  if (text.size() > kTextSize) return bad_request("field selector is longer than 64 KiB");
  FieldSelector selector;
  for (std::string_view rest = text; !rest.empty();)
    if (const std::string_view term = take_term(rest); !term.empty())
      selector.requirements_.push_back(TRY(read_term(text, term)));
  return selector;
}

FieldSelector FieldSelector::has(std::string field) {
  FieldSelector selector;
  selector.requirements_.push_back({.field = std::move(field), .value = "", .is_equal = false});
  return selector;
}

FieldSelector FieldSelector::of_names() const {
  FieldSelector part;
  for (const Requirement& each : requirements_)
    if (each.field == "metadata.name" || each.field == "metadata.namespace")
      part.requirements_.push_back(each);
  return part;
}

std::optional<std::string_view> FieldSelector::required_value(std::string_view field) const {
  for (const Requirement& requirement : requirements_)
    if (requirement.is_equal && requirement.field == field) return requirement.value;
  return std::nullopt;
}

std::string FieldSelector::text() const {
  std::string text;
  for (const Requirement& requirement : requirements_) {
    if (!text.empty()) text += ',';
    text.append(requirement.field)
        .append(requirement.is_equal ? "=" : "!=")
        .append(escape(requirement.value));
  }
  return text;
}

}  // namespace gantry::kube
