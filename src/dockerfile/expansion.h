// SPDX-License-Identifier: Apache-2.0
//
// Words with variables become text. As in a shell: '…' takes everything as it is, "…" expands, the escape
// character takes the next one as it is. Variables:
//
//   $name ${name}      its value, or nothing
//   ${name:-word}      word if it is unset or empty      ${name-word}  if it is unset
//   ${name:+word}      word if it is set and not empty   ${name+word}  if it is set
//   ${name:?word}      an error if it is unset or empty  ${name?word}  if it is unset
//   ${name#pattern}    without the shortest match at its beginning (## the longest)
//   ${name%pattern}    without the shortest match at its end (%% the longest)
//   ${name/pattern/text}  with the first match replaced (// every match)
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "dockerfile/instruction.h"

namespace gantry::dockerfile {

// The value of a variable; nothing if it is unset.
using Lookup = std::function<std::optional<std::string>(std::string_view name)>;

struct ExpandOptions {
  char escape = '\\';
  // Leaves quotes and escapes as they are, and expands within single quotes, too: for here-documents.
  bool keeps_quotes = false;
};

// InvalidArgument for a quote or brace that is not closed, an unknown modifier, and what ":?" says. Bounded:
// at most kMaxExpansion bytes come out.
inline constexpr std::size_t kMaxExpansion = 1 << 20;
Result<std::string> expand(std::string_view word, const Lookup& lookup, const ExpandOptions& options = {});

// The same, split at white space that is not quoted: EXPOSE $PORTS may be several ports.
Result<std::vector<std::string>> expand_to_words(std::string_view word, const Lookup& lookup,
                                                 const ExpandOptions& options = {});

}  // namespace gantry::dockerfile
