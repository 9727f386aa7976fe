// SPDX-License-Identifier: Apache-2.0
#include "base/signals.h"

#include <algorithm>
#include <charconv>
#include <csignal>
#include <cstring>
#include <optional>
#include <string>

#include "base/printable.h"

namespace gantry {
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
  if (!offset || *offset < 0 || *offset > SIGRTMAX - SIGRTMIN) return std::nullopt;
  return from_min ? base + *offset : base - *offset;
}

// signal(7) has two names for these; sigabbrev_np(3) knows the other one.
constexpr struct {
  std::string_view name;
  int signal;
} kSecondNames[] = {{"IO", SIGIO}, {"IOT", SIGIOT}, {"CLD", SIGCHLD}};

}  // namespace

Result<int> parse_signal(std::string_view text) {
  if (const auto number = parse_number(text); number && *number >= 0 && *number <= SIGRTMAX) return *number;
  std::string name(text);
  std::ranges::transform(name, name.begin(),
                         [](char c) { return c >= 'a' && c <= 'z' ? char(c - 'a' + 'A') : c; });
  if (name.starts_with("SIG")) name.erase(0, 3);
  for (int signal = 1; signal < NSIG; ++signal)
    if (const char* known = ::sigabbrev_np(signal); known != nullptr && name == known) return signal;
  for (const auto& [second_name, signal] : kSecondNames)
    if (name == second_name) return signal;
  if (const auto realtime = parse_realtime(name)) return *realtime;
  return error(Code::InvalidArgument, "unknown signal '{}'", printable(text));
}

}  // namespace gantry
