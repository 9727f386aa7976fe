// SPDX-License-Identifier: Apache-2.0
#include "kube/cel/identifier.h"

#include <algorithm>

namespace gantry::kube::cel {
namespace {

constexpr std::string_view kReserved[] = {
    "as",  "break", "const", "continue", "else",      "false",  "for",  "function", "if",   "import", "in",
    "let", "loop",  "null",  "package",  "namespace", "return", "true", "var",      "void", "while"};

// Not those of <cctype>: they look at the locale.
bool is_first(char c) { return c == '_' || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z'); }
bool is_inner(char c) { return is_first(c) || (c >= '0' && c <= '9'); }

}  // namespace

bool is_reserved(std::string_view name) { return std::ranges::find(kReserved, name) != std::end(kReserved); }

bool is_identifier(std::string_view name) {
  return !name.empty() && is_first(name.front()) && std::ranges::all_of(name, is_inner) && !is_reserved(name);
}

}  // namespace gantry::kube::cel
