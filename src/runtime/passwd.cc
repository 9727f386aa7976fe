// SPDX-License-Identifier: Apache-2.0
#include "runtime/passwd.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <array>
#include <charconv>

#include "base/file.h"

namespace gantry::runtime {
namespace {

enum Field : std::size_t { kName = 0, kUid = 2, kHome = 5, kFields = 7 };
using Fields = std::array<std::string_view, kFields>;
constexpr std::size_t kLargest = 4 << 20;

// Exactly seven fields or nothing.
std::optional<Fields> split(std::string_view line) {
  Fields fields;
  for (std::size_t i = 0; i < kFields; ++i) {
    const std::size_t colon = line.find(':');
    if ((colon == std::string_view::npos) != (i == kFields - 1)) return std::nullopt;
    fields[i] = line.substr(0, colon);
    line.remove_prefix(colon == std::string_view::npos ? line.size() : colon + 1);
  }
  return fields;
}

std::optional<Fields> find_user(std::string_view passwd, uid_t uid) {
  while (!passwd.empty()) {
    const std::size_t end = passwd.find('\n');
    const std::string_view line = passwd.substr(0, end);
    passwd.remove_prefix(end == std::string_view::npos ? passwd.size() : end + 1);
    const auto fields = split(line);
    if (!fields) continue;
    const std::string_view number = (*fields)[kUid];
    uid_t found = 0;
    const auto [stop, failed] = std::from_chars(number.data(), number.data() + number.size(), found);
    if (failed == std::errc() && stop == number.data() + number.size() && found == uid) return fields;
  }
  return std::nullopt;
}

}  // namespace

std::optional<std::string> home_directory(std::string_view passwd, uid_t uid) {
  const auto fields = find_user(passwd, uid);
  if (!fields) return std::nullopt;
  const std::string_view home = (*fields)[kHome];
  if (!home.starts_with('/') || home.find('\0') != std::string_view::npos) return std::nullopt;
  return std::string(home);
}

std::optional<std::string> user_name(std::string_view passwd, uid_t uid) {
  const auto fields = find_user(passwd, uid);
  if (!fields) return std::nullopt;
  return std::string((*fields)[kName]);
}

std::string read_passwd() {
  // O_NONBLOCK: it may be a fifo without a writer.
  auto file = open_at(AT_FDCWD, "/etc/passwd", O_RDONLY | O_NONBLOCK | O_NOCTTY);
  if (!file) return {};
  struct stat st{};
  if (::fstat(file->get(), &st) < 0 || !S_ISREG(st.st_mode)) return {};
  auto text = read_all(file->get(), "/etc/passwd", kLargest);
  return text ? std::move(*text) : std::string();
}

}  // namespace gantry::runtime
