// SPDX-License-Identifier: Apache-2.0
//
// matches, and Kubernetes' find and findAll.
#include <fmt/format.h>

#include "kube/cel/function.h"
#include "kube/cel/pattern.h"
#include "kube/cel/utf8.h"

namespace gantry::kube::cel {
namespace {

// With the pattern of the second argument, compiled now where that was not done before.
template <class Use>
Value with_pattern(const Call& call, Use use) {
  if (call.pattern != nullptr) return use(*call.pattern);
  const auto pattern = Pattern::compile(call.text(1));
  if (!pattern) return call.error(fmt::format("error parsing regexp: {}", pattern.error().message()));
  return use(*pattern);
}

Value matches(const Call& call) {
  return with_pattern(call,
                      [&](const Pattern& pattern) { return Value::of_bool(pattern.is_in(call.text(0))); });
}

Value find(const Call& call) {
  return with_pattern(call, [&](const Pattern& pattern) {
    return Value::of_string(pattern.find(call.text(0)).value_or(std::string_view()));
  });
}

// An empty match takes the search one code point on; one right behind a match does not count.
Value find_all(const Call& call, std::size_t limit) {
  return with_pattern(call, [&](const Pattern& pattern) {
    const std::string_view text = call.text(0);
    std::vector<Value> found;
    std::size_t from = 0;
    const char* previous_end = nullptr;
    while (found.size() < limit && from <= text.size()) {
      const auto match = pattern.find(text, from);
      if (!match) break;
      const char* end = match->data() + match->size();
      if (!match->empty() || match->data() != previous_end) found.push_back(Value::of_string(*match));
      previous_end = end;
      from = static_cast<std::size_t>(end - text.data());
      if (match->empty()) from += std::max<std::size_t>(1, code_point_size(text.substr(from)));
    }
    const std::span<Value> kept = call.memory.array<Value>(found.size());
    std::ranges::copy(found, kept.begin());
    return Value::of_list(kept);
  });
}

constexpr std::size_t kAll = static_cast<std::size_t>(-1);

constexpr Declaration kFunctions[] = {
    {".matches(string, string) -> bool", Cost::Regex, matches},
    {"matches(string, string) -> bool", Cost::Regex, matches},
    {".find(string, string) -> string", Cost::RegexFind, find},
    {".findAll(string, string) -> list(string)", Cost::RegexFind,
     [](const Call& call) { return find_all(call, kAll); }},
    {".findAll(string, string, int) -> list(string)", Cost::RegexFind,
     [](const Call& call) {
       return find_all(call, call[2].as_int() < 0 ? kAll : static_cast<std::size_t>(call[2].as_int()));
     }},
};

}  // namespace

std::span<const Declaration> regex_functions() { return kFunctions; }

}  // namespace gantry::kube::cel
