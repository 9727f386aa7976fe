// SPDX-License-Identifier: Apache-2.0
#include "cli/template_functions.h"

#include <algorithm>
#include <cctype>
#include <cmath>

#include <fmt/format.h>

#include "base/printable.h"

namespace gantry::cli {
namespace {

using Arguments = std::span<const TemplateValue>;

Error wrong(std::string_view what) { return error(Code::InvalidArgument, "template: {}", what); }

std::string changed(std::string text, int (*change)(int)) {
  for (char& c : text) c = static_cast<char>(change(static_cast<unsigned char>(c)));
  return text;
}

Result<std::size_t> whole_number(const TemplateValue& value) {
  const double* number = value.as_number();
  if (number == nullptr || *number < 0 || *number > 1e6 || std::floor(*number) != *number)
    return wrong(fmt::format("'{}' is no index", printable(value.text())));
  return static_cast<std::size_t>(*number);
}

// ---- Logic

Result<TemplateValue> both(Arguments arguments) {
  for (const TemplateValue& value : arguments)
    if (!value.is_true()) return value;
  return arguments.back();
}

Result<TemplateValue> either(Arguments arguments) {
  for (const TemplateValue& value : arguments)
    if (value.is_true()) return value;
  return arguments.back();
}

Result<TemplateValue> negation(Arguments arguments) { return TemplateValue(!arguments[0].is_true()); }

// eq takes several: it is enough if one is the same.
Result<TemplateValue> equal(Arguments arguments) {
  for (const TemplateValue& other : arguments.subspan(1))
    if (arguments[0].compare(other) == 0) return TemplateValue(true);
  return TemplateValue(false);
}

Result<TemplateValue> different(Arguments arguments) {
  return TemplateValue(arguments[0].compare(arguments[1]) != 0);
}

template <class Test>
Result<TemplateValue> ordered(Arguments arguments, Test test) {
  const auto order = arguments[0].compare(arguments[1]);
  if (order == std::partial_ordering::unordered) return wrong("incompatible types for comparison");
  return TemplateValue(test(order));
}
Result<TemplateValue> less(Arguments a) {
  return ordered(a, [](auto order) { return order < 0; });
}
Result<TemplateValue> less_or_equal(Arguments a) {
  return ordered(a, [](auto order) { return order <= 0; });
}
Result<TemplateValue> greater(Arguments a) {
  return ordered(a, [](auto order) { return order > 0; });
}
Result<TemplateValue> greater_or_equal(Arguments a) {
  return ordered(a, [](auto order) { return order >= 0; });
}

// ---- Parts

Result<TemplateValue> length(Arguments arguments) {
  const auto size = arguments[0].size();
  if (!size && !arguments[0].is_nothing()) return wrong("len of something without a length");
  return TemplateValue(static_cast<double>(size.value_or(0)));
}

Result<TemplateValue> element(const TemplateValue& of, const TemplateValue& index) {
  if (const auto* list = of.as_list()) {
    const std::size_t number = TRY(whole_number(index));
    if (number >= list->size()) return wrong(fmt::format("index out of range: {}", number));
    return (*list)[number];
  }
  const json::Value* object = of.as_object();
  if (object == nullptr && !of.is_nothing()) return wrong("index of something that has no elements");
  const std::string* key = index.as_text();
  const auto found = object != nullptr && key != nullptr ? object->find(*key) : std::nullopt;
  return found ? TemplateValue(*found) : TemplateValue(std::string());
}

Result<TemplateValue> index(Arguments arguments) {
  TemplateValue value = arguments[0];
  for (const TemplateValue& each : arguments.subspan(1)) value = TRY(element(value, each));
  return value;
}

// ---- Text

// Blanks only between two that are no texts, as Go's Sprint has it.
Result<TemplateValue> print(Arguments arguments) {
  std::string text;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    if (i > 0 && !arguments[i].as_text() && !arguments[i - 1].as_text()) text += ' ';
    text += arguments[i].text();
  }
  return TemplateValue(std::move(text));
}

Result<TemplateValue> println(Arguments arguments) {
  std::vector<std::string> texts;
  for (const TemplateValue& value : arguments) texts.push_back(value.text());
  return TemplateValue(fmt::format("{}\n", fmt::join(texts, " ")));
}

std::string padded(std::string text, std::string_view flags) {
  const bool is_left = flags.starts_with('-');
  if (is_left) flags.remove_prefix(1);
  std::size_t width = 0;
  for (const char c : flags)
    if (c >= '0' && c <= '9')
      width = std::min<std::size_t>(width * 10 + static_cast<std::size_t>(c - '0'), 1000);
  const std::string blanks(width > text.size() ? width - text.size() : 0, ' ');
  return is_left ? text + blanks : blanks + text;
}

Result<std::string> directive(char kind, const TemplateValue& value) {
  switch (kind) {
    case 's':
    case 'v':
    case 'd':
    case 't':
    case 'f':
    case 'g': return value.text();
    case 'q': return TemplateValue(value.text()).json();
    case 'x': {
      if (const double* number = value.as_number())
        return fmt::format("{:x}", static_cast<std::int64_t>(*number));
      return value.text();
    }
    default: return wrong(fmt::format("printf does not know '%{}'", printable(std::string_view(&kind, 1))));
  }
}

Result<TemplateValue> printf(Arguments arguments) {
  std::string_view format = arguments[0].as_text() ? std::string_view(*arguments[0].as_text()) : "";
  std::string text;
  std::size_t next = 1;
  while (!format.empty()) {
    const std::size_t percent = format.find('%');
    text += format.substr(0, percent);
    if (percent == std::string_view::npos) break;
    format.remove_prefix(percent + 1);
    const std::size_t end = format.find_first_not_of("-+ 0123456789.");
    if (end == std::string_view::npos) return wrong("printf: a '%' without a letter");
    const std::string_view flags = format.substr(0, end);
    const char kind = format[end];
    format.remove_prefix(end + 1);
    if (kind == '%') {
      text += '%';
      continue;
    }
    if (next == arguments.size()) return wrong("printf: too few arguments");
    text += padded(TRY(directive(kind, arguments[next++])), flags);
  }
  return TemplateValue(std::move(text));
}

Result<TemplateValue> json(Arguments arguments) { return TemplateValue(arguments[0].json()); }

Result<TemplateValue> join(Arguments arguments) {
  std::vector<std::string> texts;
  if (const auto* list = arguments[0].as_list())
    for (const TemplateValue& value : *list) texts.push_back(value.text());
  return TemplateValue(fmt::format("{}", fmt::join(texts, arguments[1].text())));
}

Result<TemplateValue> split(Arguments arguments) {
  const std::string text = arguments[0].text(), separator = arguments[1].text();
  TemplateValue::List list;
  std::size_t at = 0;
  for (std::size_t end = separator.empty() ? std::string::npos : text.find(separator);
       end != std::string::npos; end = text.find(separator, at)) {
    list.emplace_back(text.substr(at, end - at));
    at = end + separator.size();
  }
  list.emplace_back(text.substr(at));
  return TemplateValue(std::move(list));
}

Result<TemplateValue> lower(Arguments a) { return TemplateValue(changed(a[0].text(), std::tolower)); }
Result<TemplateValue> upper(Arguments a) { return TemplateValue(changed(a[0].text(), std::toupper)); }
Result<TemplateValue> title(Arguments a) {
  std::string text = a[0].text();
  bool begins = true;
  for (char& c : text) {
    if (begins) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
    begins = c == ' ';
  }
  return TemplateValue(std::move(text));
}

Result<TemplateValue> pad(Arguments arguments) {
  const std::size_t before = TRY(whole_number(arguments[1])), behind = TRY(whole_number(arguments[2]));
  return TemplateValue(std::string(before, ' ') + arguments[0].text() + std::string(behind, ' '));
}

Result<TemplateValue> truncate(Arguments arguments) {
  return TemplateValue(arguments[0].text().substr(0, TRY(whole_number(arguments[1]))));
}

struct Function {
  std::string_view name;
  std::size_t least, most;
  Result<TemplateValue> (*call)(Arguments);
};

constexpr std::size_t kMany = 100;
constexpr Function kFunctions[] = {
    {"and", 1, kMany, both},        {"or", 1, kMany, either},     {"not", 1, 1, negation},
    {"eq", 2, kMany, equal},        {"ne", 2, 2, different},      {"lt", 2, 2, less},
    {"le", 2, 2, less_or_equal},    {"gt", 2, 2, greater},        {"ge", 2, 2, greater_or_equal},
    {"len", 1, 1, length},          {"index", 1, kMany, index},   {"print", 0, kMany, print},
    {"println", 0, kMany, println}, {"printf", 1, kMany, printf}, {"json", 1, 1, json},
    {"join", 2, 2, join},           {"split", 2, 2, split},       {"lower", 1, 1, lower},
    {"upper", 1, 1, upper},         {"title", 1, 1, title},       {"pad", 3, 3, pad},
    {"truncate", 2, 2, truncate},
};

}  // namespace

Result<TemplateValue> call_template_function(std::string_view name, Arguments arguments) {
  const auto* function = std::ranges::find(kFunctions, name, &Function::name);
  if (function == std::end(kFunctions))
    return wrong(fmt::format("function '{}' is not defined", printable(name)));
  if (arguments.size() < function->least || arguments.size() > function->most)
    return wrong(fmt::format("wrong number of arguments for {}", name));
  return function->call(arguments);
}

}  // namespace gantry::cli
