// SPDX-License-Identifier: Apache-2.0
#include "kube/cel/utf8.h"

namespace gantry::kube::cel {
namespace {

struct Decoded {
  std::uint32_t code_point;
  std::size_t size;  // 1 of what is no UTF-8
  bool is_valid;
};

constexpr Decoded kBroken = {0xFFFD, 1, false};

Decoded decode(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned lead = byte(0);
  if (lead < 0x80) return {lead, 1, true};
  const std::size_t size = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
  if (lead < 0xC2 || lead > 0xF4 || text.size() < size) return kBroken;
  std::uint32_t value = lead & (0xFFU >> (size + 1));
  for (std::size_t i = 1; i < size; ++i) {
    if ((byte(i) & 0xC0) != 0x80) return kBroken;
    value = (value << 6) | (byte(i) & 0x3FU);
  }
  constexpr std::uint32_t kSmallest[] = {0, 0, 0x80, 0x800, 0x10000};
  if (value < kSmallest[size] || value > 0x10FFFF || (value >= 0xD800 && value < 0xE000)) return kBroken;
  return {value, size, true};
}

}  // namespace

std::size_t code_point_size(std::string_view text) { return text.empty() ? 0 : decode(text).size; }

std::size_t count_code_points(std::string_view text) {
  std::size_t count = 0;
  for (; !text.empty(); ++count) text.remove_prefix(decode(text).size);
  return count;
}

std::uint32_t take_code_point(std::string_view& text) {
  const Decoded first = decode(text);
  text.remove_prefix(first.size);
  return first.code_point;
}

void append_code_point(std::string& text, std::uint32_t code_point) {
  const auto add = [&](std::uint32_t byte) { text += static_cast<char>(byte); };
  const auto add_tail = [&](unsigned shift) { add(0x80 | ((code_point >> shift) & 0x3F)); };
  if (code_point < 0x80) {
    add(code_point);
  } else if (code_point < 0x800) {
    add(0xC0 | (code_point >> 6));
    add_tail(0);
  } else if (code_point < 0x10000) {
    add(0xE0 | (code_point >> 12));
    add_tail(6);
    add_tail(0);
  } else {
    add(0xF0 | (code_point >> 18));
    add_tail(12);
    add_tail(6);
    add_tail(0);
  }
}

std::size_t byte_offset(std::string_view text, std::size_t code_points) {
  std::size_t at = 0;
  for (; code_points > 0 && at < text.size(); --code_points) at += decode(text.substr(at)).size;
  return at;
}

bool is_utf8(std::string_view text) {
  while (!text.empty()) {
    const Decoded first = decode(text);
    if (!first.is_valid) return false;
    text.remove_prefix(first.size);
  }
  return true;
}

}  // namespace gantry::kube::cel
