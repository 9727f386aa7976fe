// SPDX-License-Identifier: Apache-2.0
#include "engine/mount_points.h"

#include "base/file.h"

namespace gantry::engine {
namespace {

// Hosts with thousands of containers have long tables.
constexpr std::size_t kMaxTable = 256 << 20;  // bytes

bool is_octal(char c) { return c >= '0' && c <= '7'; }

// "\040" is a space: the kernel writes white space and backslashes so.
std::string unescape(std::string_view text) {
  std::string plain;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 3 < text.size() && is_octal(text[i + 1]) && is_octal(text[i + 2]) &&
        is_octal(text[i + 3])) {
      plain += static_cast<char>((text[i + 1] - '0') << 6 | (text[i + 2] - '0') << 3 | (text[i + 3] - '0'));
      i += 3;
    } else {
      plain += text[i];
    }
  }
  return plain;
}

// The fifth of the words between spaces; empty if there are fewer.
std::string_view mount_point_of(std::string_view line) {
  for (int word = 0; word < 4; ++word) {
    const std::size_t space = line.find(' ');
    if (space == std::string_view::npos) return {};
    line.remove_prefix(space + 1);
  }
  return line.substr(0, line.find(' '));
}

bool is_below(std::string_view path, std::string_view directory) {
  if (!path.starts_with(directory)) return false;
  return directory.ends_with('/') || path.size() == directory.size() || path[directory.size()] == '/';
}

}  // namespace

std::vector<std::string> parse_mount_points(std::string_view mountinfo, std::string_view directory) {
  std::vector<std::string> found;
  while (!mountinfo.empty()) {
    const std::size_t end = mountinfo.find('\n');
    std::string path = unescape(mount_point_of(mountinfo.substr(0, end)));
    if (!path.empty() && is_below(path, directory)) found.push_back(std::move(path));
    mountinfo.remove_prefix(end == std::string_view::npos ? mountinfo.size() : end + 1);
  }
  return found;
}

Result<std::vector<std::string>> mount_points_below(std::string_view directory) {
  return parse_mount_points(TRY(read_file("/proc/self/mountinfo", kMaxTable)), directory);
}

}  // namespace gantry::engine
