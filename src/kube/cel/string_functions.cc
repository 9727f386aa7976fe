// SPDX-License-Identifier: Apache-2.0
//
// Strings: the standard functions and the language's extension for strings, version 2, which counts in code
// points.
#include <algorithm>

#include <fmt/format.h>

#include "kube/cel/format_text.h"
#include "kube/cel/function.h"
#include "kube/cel/utf8.h"

namespace gantry::kube::cel {
namespace {

constexpr std::string_view kTooLarge = "result is too large";

Value out_of_range(const Call& call, std::int64_t index) {
  return call.error(fmt::format("index out of range: {}", index));
}

// The byte where a code point begins; nothing if there are fewer.
std::optional<std::size_t> offset_of(std::string_view text, std::int64_t index) {
  if (index < 0) return {};
  std::size_t at = 0;
  for (; index > 0; --index) {
    if (at >= text.size()) return {};
    at += code_point_size(text.substr(at));
  }
  return at;
}

Value char_at(const Call& call) {
  const std::string_view text = call.text(0);
  const auto at = offset_of(text, call[1].as_int());
  if (!at) return out_of_range(call, call[1].as_int());
  return Value::of_string(text.substr(*at, code_point_size(text.substr(*at))));
}

Value index_of_byte(std::string_view text, std::size_t at) {
  if (at == std::string_view::npos) return Value::of_int(-1);
  return Value::of_int(static_cast<std::int64_t>(count_code_points(text.substr(0, at))));
}

Value index_of(const Call& call) {
  const auto from = call.arguments.size() > 2 ? offset_of(call.text(0), call[2].as_int()) : 0;
  if (!from) return out_of_range(call, call[2].as_int());
  return index_of_byte(call.text(0), call.text(0).find(call.text(1), *from));
}

Value last_index_of(const Call& call) {
  const std::string_view text = call.text(0);
  const auto from = call.arguments.size() > 2 ? offset_of(text, call[2].as_int()) : text.size();
  if (!from) return out_of_range(call, call[2].as_int());
  return index_of_byte(text, text.rfind(call.text(1), *from));
}

Value substring(const Call& call) {
  const std::string_view text = call.text(0);
  const auto from = offset_of(text, call[1].as_int());
  if (!from) return out_of_range(call, call[1].as_int());
  if (call.arguments.size() == 2) return Value::of_string(text.substr(*from));
  const auto to = offset_of(text, call[2].as_int());
  if (!to) return out_of_range(call, call[2].as_int());
  if (*to < *from)
    return call.error(
        fmt::format("invalid substring range. start: {}, end: {}", call[1].as_int(), call[2].as_int()));
  return Value::of_string(text.substr(*from, *to - *from));
}

template <char first, char last, int shift>
Value in_other_case(const Call& call) {
  const std::string_view text = call.text(0);
  const std::span<char> to = call.memory.array<char>(text.size());
  std::ranges::transform(text, to.begin(),
                         [](char c) { return c >= first && c <= last ? static_cast<char>(c + shift) : c; });
  return Value::of_string({to.data(), to.size()});
}

bool is_space(std::uint32_t c) {
  return (c >= 9 && c <= 13) || c == ' ' || c == 0x85 || c == 0xA0 || c == 0x1680 ||
         (c >= 0x2000 && c <= 0x200A) || c == 0x2028 || c == 0x2029 || c == 0x202F || c == 0x205F ||
         c == 0x3000;
}

Value trim(const Call& call) {
  const std::string_view text = call.text(0);
  std::size_t begin = text.size();
  std::size_t end = 0;
  for (std::string_view rest = text; !rest.empty();) {
    const std::size_t at = text.size() - rest.size();
    if (is_space(take_code_point(rest))) continue;
    begin = std::min(begin, at);
    end = text.size() - rest.size();
  }
  return Value::of_string(begin < end ? text.substr(begin, end - begin) : std::string_view());
}

// Where the next piece of `text` is replaced; an empty one is found before each code point and at the end.
class Matches {
 public:
  Matches(std::string_view text, std::string_view wanted) : text_(text), wanted_(wanted) {}

  std::size_t next() {
    if (is_done_) return std::string_view::npos;
    if (!wanted_.empty()) {
      const std::size_t at = text_.find(wanted_, at_);
      is_done_ = at == std::string_view::npos;
      at_ = at + wanted_.size();
      return at;
    }
    const std::size_t at = at_;
    is_done_ = at_ >= text_.size();
    at_ += std::max<std::size_t>(1, code_point_size(text_.substr(std::min(at_, text_.size()))));
    return at;
  }

 private:
  std::string_view text_;
  std::string_view wanted_;
  std::size_t at_ = 0;
  bool is_done_ = false;
};

Value replace(const Call& call) {
  const std::string_view text = call.text(0);
  const std::string_view wanted = call.text(1);
  const std::string_view with = call.text(2);
  std::int64_t left = call.arguments.size() > 3 ? call[3].as_int() : -1;
  std::string result;
  std::size_t done = 0;
  Matches matches(text, wanted);
  for (std::size_t at; left != 0 && (at = matches.next()) != std::string_view::npos; --left) {
    result.append(text, done, at - done).append(with);
    done = at + wanted.size();
    if (!call.memory.has_room(result.size())) return Value::of_error(kTooLarge);
  }
  return call.string(result.append(text, done));
}

std::vector<std::string_view> pieces_of(std::string_view text, std::string_view separator,
                                        std::int64_t limit) {
  std::vector<std::string_view> pieces;
  while (limit < 0 || static_cast<std::int64_t>(pieces.size()) + 1 < limit) {
    if (separator.empty() && text.empty()) return pieces;
    const std::size_t at = separator.empty() ? code_point_size(text) : text.find(separator);
    if (at == std::string_view::npos || (separator.empty() && at >= text.size())) break;
    pieces.push_back(text.substr(0, at));
    text.remove_prefix(at + separator.size());
  }
  pieces.push_back(text);
  return pieces;
}

Value split(const Call& call) {
  const std::int64_t limit = call.arguments.size() > 2 ? call[2].as_int() : -1;
  if (limit == 0) return Value::of_list({});
  const auto pieces = pieces_of(call.text(0), call.text(1), limit);
  if (!call.memory.has_room(pieces.size() * sizeof(Value))) return Value::of_error(kTooLarge);
  const std::span<Value> list = call.memory.array<Value>(pieces.size());
  std::ranges::transform(pieces, list.begin(), Value::of_string);
  return Value::of_list(list);
}

Value join(const Call& call) {
  const std::string_view separator = call.arguments.size() > 1 ? call.text(1) : std::string_view();
  std::string result;
  for (std::size_t i = 0; i < call[0].count(); ++i) {
    const Value element = call[0].element(i, call.memory);
    if (element.kind() != Kind::String) return no_such_overload();
    if (i > 0) result += separator;
    result += element.text();
    if (!call.memory.has_room(result.size())) return Value::of_error(kTooLarge);
  }
  return call.string(result);
}

Value quote(const Call& call) {
  constexpr std::string_view kSpecial = "\a\b\f\n\r\t\v\\\"";
  constexpr std::string_view kNames = "abfnrtv\\\"";
  std::string result = "\"";
  for (const char c : call.text(0)) {
    const std::size_t special = kSpecial.find(c);
    if (special == std::string_view::npos)
      result += c;
    else
      result.append(1, '\\').append(1, kNames[special]);
  }
  return call.string(result + "\"");
}

constexpr Declaration kFunctions[] = {
    {".startsWith(string, string) -> bool", Cost::Prefix,
     [](const Call& call) { return Value::of_bool(call.text(0).starts_with(call.text(1))); }},
    {".endsWith(string, string) -> bool", Cost::Prefix,
     [](const Call& call) { return Value::of_bool(call.text(0).ends_with(call.text(1))); }},
    {".contains(string, string) -> bool", Cost::Contains,
     [](const Call& call) {
       return Value::of_bool(call.text(0).find(call.text(1)) != std::string_view::npos);
     }},
    {".charAt(string, int) -> string", Cost::One, char_at},
    {".indexOf(string, string) -> int", Cost::Scan, index_of},
    {".indexOf(string, string, int) -> int", Cost::Scan, index_of},
    {".lastIndexOf(string, string) -> int", Cost::Scan, last_index_of},
    {".lastIndexOf(string, string, int) -> int", Cost::Scan, last_index_of},
    {".substring(string, int) -> string", Cost::Text, substring},
    {".substring(string, int, int) -> string", Cost::Text, substring},
    {".lowerAscii(string) -> string", Cost::Text, in_other_case<'A', 'Z', 32>},
    {".upperAscii(string) -> string", Cost::Text, in_other_case<'a', 'z', -32>},
    {".trim(string) -> string", Cost::Text, trim},
    {".replace(string, string, string) -> string", Cost::Replace, replace},
    {".replace(string, string, string, int) -> string", Cost::Replace, replace},
    {".split(string, string) -> list(string)", Cost::Split, split},
    {".split(string, string, int) -> list(string)", Cost::Split, split},
    {".join(list(string)) -> string", Cost::JoinTexts, join},
    {".join(list(string), string) -> string", Cost::JoinTexts, join},
    {".format(string, list(dyn)) -> string", Cost::Parse,
     [](const Call& call) { return format_text(call.text(0), call[1], call.memory); }},
    {"strings.quote(string) -> string", Cost::Quote, quote},
};

}  // namespace

std::span<const Declaration> string_functions() { return kFunctions; }

}  // namespace gantry::kube::cel
