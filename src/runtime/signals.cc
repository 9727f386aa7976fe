// SPDX-License-Identifier: Apache-2.0
#include "runtime/signals.h"

#include <algorithm>
#include <charconv>
#include <csignal>
#include <cstring>
#include <optional>
#include <string>

namespace gantry::runtime {
namespace {

std::optional<int> parse_number(std::string_view text) {
  int number = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (failed != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

// "RTMIN", "RTMIN+3", "RTMAX-1".
std::optional<int> parse_realtime(std::string_view name) {
  const bool from_min = name.starts_with("RTMIN");
  if (!from_min && !name.starts_with("RTMAX")) return std::nullopt;
  const int base = from_min ? SIGRTMIN : SIGRTMAX;
  name.remove_prefix(5);
  if (name.empty()) return base;
  if (name[0] != (from_min ? '+' : '-')) return std::nullopt;
  const auto offset = parse_number(name.substr(1));
  if (!offset) return std::nullopt;
  return from_min ? base + *offset : base - *offset;
}

}  // namespace

Result<int> parse_signal(std::string_view text) {
  if (const auto number = parse_number(text); number && *number >= 0 && *number <= SIGRTMAX) return *number;
  std::string name(text);
  std::ranges::transform(name, name.begin(), [](char c) { return c >= 'a' && c <= 'z' ? char(c - 'a' + 'A') : c; });
  if (name.starts_with("SIG")) name.erase(0, 3);
  for (int signal = 1; signal < NSIG; ++signal)
    if (const char* known = ::sigabbrev_np(signal); known != nullptr && name == known) return signal;
  if (const auto realtime = parse_realtime(name); realtime && *realtime >= SIGRTMIN && *realtime <= SIGRTMAX)
    return *realtime;
  return error(Code::InvalidArgument, "unknown signal '{}'", text);
}

}  // namespace gantry::runtime
