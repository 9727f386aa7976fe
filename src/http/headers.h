// SPDX-License-Identifier: Apache-2.0
//
// The fields of a message head, in order. Names are compared without regard to
// case (RFC 9110 section 5.1). A map takes any text; what must not be written,
// such as a line break in a value, is refused when a head is written.
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"

namespace gantry::http {

struct Header {
  std::string name;
  std::string value;
};

class HeaderMap {
 public:
  HeaderMap() = default;
  HeaderMap(std::initializer_list<Header> headers) : headers_(headers) {}

  // The value of the first field of that name.
  std::optional<std::string_view> get(std::string_view name) const;
  std::string_view get_or(std::string_view name, std::string_view otherwise) const;
  bool has(std::string_view name) const { return get(name).has_value(); }
  std::size_t count(std::string_view name) const;
  // The values of all fields of that name.
  std::vector<std::string_view> all(std::string_view name) const;
  // Whether one of the comma-separated lists of that name has that word, in any case: has_token("Connection",
  // "close").
  bool has_token(std::string_view name, std::string_view token) const;

  void add(std::string name, std::string value) { headers_.push_back({std::move(name), std::move(value)}); }
  // In the place of all fields of that name.
  void set(std::string_view name, std::string value);
  void remove(std::string_view name);

  std::size_t size() const { return headers_.size(); }
  bool empty() const { return headers_.empty(); }
  auto begin() const { return headers_.begin(); }
  auto end() const { return headers_.end(); }

 private:
  std::vector<Header> headers_;
};

// ASCII only, as everywhere in a head.
bool equals_ignoring_case(std::string_view a, std::string_view b);
// A token of RFC 9110 section 5.6.2: method and field names.
bool is_token(std::string_view text);
// Visible characters, spaces, tabs and bytes above 0x7f: no line break, no NUL.
bool is_field_value(std::string_view text);
// Without spaces and tabs at both ends.
std::string_view trim(std::string_view text);

}  // namespace gantry::http
