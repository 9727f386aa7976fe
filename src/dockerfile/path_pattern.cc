// SPDX-License-Identifier: Apache-2.0
#include "dockerfile/path_pattern.h"

#include <utility>

#include "base/printable.h"

namespace gantry::dockerfile {

void PathPattern::add(unsigned char byte) {
  if (steps_.empty()) {
    literal_ += static_cast<char>(byte);
    return;
  }
  Set set;
  set.set(byte);
  steps_.push_back({Kind::One, set});
}

// From behind the "[" to behind the "]".
Result<PathPattern::Set> PathPattern::parse_set(std::string_view text, std::size_t& at) {
  const auto not_closed = [&] {
    return error(Code::InvalidArgument, "pattern '{}': '[' is not closed", printable(text));
  };
  // One byte, perhaps with a backslash before it.
  const auto take = [&]() -> Result<unsigned char> {
    if (at < text.size() && text[at] == '\\') ++at;
    if (at >= text.size()) return not_closed();
    return static_cast<unsigned char>(text[at++]);
  };
  Set set;
  const bool is_negated = at < text.size() && (text[at] == '^' || text[at] == '!');
  if (is_negated) ++at;
  for (bool is_first = true; is_first || at >= text.size() || text[at] != ']'; is_first = false) {
    const unsigned char low = TRY(take());
    unsigned char high = low;
    if (at + 1 < text.size() && text[at] == '-' && text[at + 1] != ']') {
      ++at;
      high = TRY(take());
    }
    if (high < low)
      return error(Code::InvalidArgument, "pattern '{}': a range that ends before it begins",
                   printable(text));
    for (unsigned byte = low; byte <= high; ++byte) set.set(byte);
  }
  ++at;
  if (is_negated) set.flip();
  set.reset('/');
  return set;
}

Result<PathPattern> PathPattern::parse(std::string_view text) {
  if (text.size() > kMaxPattern)
    return error(Code::InvalidArgument, "a pattern of {} bytes: {} are the most", text.size(), kMaxPattern);
  PathPattern pattern;
  for (std::size_t at = 0; at < text.size();) {
    const char c = text[at++];
    if (c == '*') {
      if (at == text.size() || text[at] != '*') {
        pattern.steps_.push_back({.kind = Kind::Any});
        continue;
      }
      while (at < text.size() && text[at] == '*') ++at;
      const bool is_directories = at < text.size() && text[at] == '/';
      if (is_directories) ++at;
      pattern.steps_.push_back({.kind = is_directories ? Kind::Directories : Kind::Everything});
    } else if (c == '?') {
      pattern.steps_.push_back({Kind::One, Set().set().reset('/')});
    } else if (c == '[') {
      pattern.steps_.emplace_back(Kind::One, TRY(parse_set(text, at)));
    } else if (c != '\\') {
      pattern.add(static_cast<unsigned char>(c));
    } else if (at == text.size()) {
      return error(Code::InvalidArgument, "pattern '{}' ends with a backslash", printable(text));
    } else {
      pattern.add(static_cast<unsigned char>(text[at++]));
    }
  }
  return pattern;
}

// What may stand for nothing may be passed at once.
void PathPattern::enter(States& states, std::size_t step) const {
  for (; !states[step]; ++step) {
    states[step] = true;
    if (step == steps_.size() || steps_[step].kind == Kind::One) return;
  }
}

void PathPattern::advance(const States& states, unsigned char byte, States& next) const {
  next.assign(states.size(), false);
  for (std::size_t i = 0; i < steps_.size(); ++i) {
    if (!states[i]) continue;
    switch (steps_[i].kind) {
      case Kind::One:
        if (steps_[i].set.test(byte)) enter(next, i + 1);
        break;
      case Kind::Any:
        if (byte != '/') enter(next, i);
        break;
      case Kind::Everything: enter(next, i); break;
      case Kind::Directories:
        // Inside of a name it goes on, but only behind a "/" may something else follow.
        if (byte == '/')
          enter(next, i);
        else
          next[i] = true;
        break;
    }
  }
}

bool PathPattern::matches(std::string_view path) const {
  if (!path.starts_with(literal_)) return false;
  path.remove_prefix(literal_.size());
  if (steps_.empty()) return path.empty();
  States states(steps_.size() + 1), next;
  enter(states, 0);
  for (const char c : path) {
    advance(states, static_cast<unsigned char>(c), next);
    states.swap(next);
  }
  return states.back();
}

}  // namespace gantry::dockerfile
