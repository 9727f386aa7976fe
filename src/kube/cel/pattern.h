// SPDX-License-Identifier: Apache-2.0
//
// A regular expression (RE2's syntax, as the language asks for). Searching takes time linear in the text,
// whatever the expression; memory is bounded. Only pattern.cc sees RE2.
#pragma once

#include <memory>
#include <optional>
#include <string_view>

#include "base/error.h"

namespace gantry::kube::cel {

class Pattern {
 public:
  // InvalidArgument with RE2's words.
  static Result<Pattern> compile(std::string_view expression);
  Pattern(Pattern&&) noexcept;
  Pattern& operator=(Pattern&&) noexcept;
  ~Pattern();

  bool is_in(std::string_view text) const;
  // The first match that begins at `from` or later; it points into the text.
  std::optional<std::string_view> find(std::string_view text, std::size_t from = 0) const;

 private:
  struct State;
  explicit Pattern(std::unique_ptr<const State> state);
  std::unique_ptr<const State> state_;
};

}  // namespace gantry::kube::cel
