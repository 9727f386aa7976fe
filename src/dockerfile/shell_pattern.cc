// SPDX-License-Identifier: Apache-2.0
#include "dockerfile/shell_pattern.h"

namespace gantry::dockerfile {

ShellPattern::ShellPattern(std::string_view text) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '*')
      steps_.push_back({.kind = Step::Kind::AnyText});
    else if (text[i] == '?')
      steps_.push_back({.kind = Step::Kind::AnyByte});
    else if (text[i] == '\\' && i + 1 < text.size())
      steps_.push_back({.byte = text[++i]});
    else
      steps_.push_back({.byte = text[i]});
  }
}

std::optional<std::size_t> ShellPattern::match_at_begin(std::string_view text, Extent extent) const {
  // All places in the pattern at once; what may be empty is passed.
  std::vector<bool> states(steps_.size() + 1), next;
  const auto enter = [&](std::vector<bool>& into, std::size_t step) {
    into[step] = true;
    while (step < steps_.size() && steps_[step].kind == Step::Kind::AnyText) into[++step] = true;
  };
  enter(states, 0);
  std::optional<std::size_t> end;
  for (std::size_t at = 0;; ++at) {
    if (states.back()) {
      end = at;
      if (extent == Extent::Shortest) return end;
    }
    if (at == text.size()) return end;
    next.assign(states.size(), false);
    bool is_alive = false;
    for (std::size_t i = 0; i < steps_.size(); ++i) {
      if (!states[i]) continue;
      const Step& step = steps_[i];
      if (step.kind == Step::Kind::Byte && step.byte != text[at]) continue;
      enter(next, step.kind == Step::Kind::AnyText ? i : i + 1);
      is_alive = true;
    }
    if (!is_alive) return end;
    states.swap(next);
  }
}

std::optional<std::size_t> ShellPattern::match_at_end(std::string_view text, Extent extent) const {
  std::optional<std::size_t> begin;
  for (std::size_t at = text.size() + 1; at-- > 0;) {
    const auto end = match_at_begin(text.substr(at), Extent::Longest);
    if (end != text.size() - at) continue;
    begin = at;
    if (extent == Extent::Shortest) break;
  }
  return begin;
}

std::string ShellPattern::replace(std::string_view text, std::string_view replacement, Which which) const {
  std::string result;
  while (!text.empty()) {
    const std::size_t end = match_at_begin(text, Extent::Longest).value_or(0);
    if (end == 0) {
      result += text.front();
      text.remove_prefix(1);
      continue;
    }
    result += replacement;
    text.remove_prefix(end);
    if (which == Which::First) break;
  }
  return result.append(text);
}

}  // namespace gantry::dockerfile
