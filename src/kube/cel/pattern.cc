// SPDX-License-Identifier: Apache-2.0
#include "kube/cel/pattern.h"

#include <re2/re2.h>

namespace gantry::kube::cel {

struct Pattern::State {
  explicit State(std::string_view expression)
      : regex(re2::StringPiece(expression.data(), expression.size()), options()) {}

  static re2::RE2::Options options() {
    re2::RE2::Options options;
    options.set_log_errors(false);
    options.set_max_mem(1 << 20);
    return options;
  }

  re2::RE2 regex;
};

Pattern::Pattern(std::unique_ptr<const State> state) : state_(std::move(state)) {}
Pattern::Pattern(Pattern&&) noexcept = default;
Pattern& Pattern::operator=(Pattern&&) noexcept = default;
Pattern::~Pattern() = default;

Result<Pattern> Pattern::compile(std::string_view expression) {
  auto state = std::make_unique<const State>(expression);
  if (!state->regex.ok()) return error(Code::InvalidArgument, "{}", state->regex.error());
  return Pattern(std::move(state));
}

bool Pattern::is_in(std::string_view text) const { return find(text).has_value(); }

std::optional<std::string_view> Pattern::find(std::string_view text, std::size_t from) const {
  re2::StringPiece match;
  const re2::StringPiece whole(text.data(), text.size());
  if (!state_->regex.Match(whole, from, text.size(), re2::RE2::UNANCHORED, &match, 1)) return {};
  return std::string_view(match.data(), match.size());
}

}  // namespace gantry::kube::cel
