// SPDX-License-Identifier: Apache-2.0
//
// The `filters` parameter of listings, prunes and events: JSON of {"label": ["a", "b=c"], "status":
// ["exited"]}. Values of one key are alternatives, except of `label`, which all have to hold; keys all have
// to hold.
//
//   Filters filters = TRY(Filters::parse(call.text("filters"), {"dangling", "label", "name"}));
//   if (filters.matches("name", volume.name) && filters.matches_labels(volume.labels)) ...
#pragma once

#include <cstdint>
#include <initializer_list>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace gantry::docker {

class Filters {
 public:
  // Reads both forms that clients send: lists of values, and (older) objects of value to true. Empty text is
  // no filter. InvalidArgument for broken JSON and keys that are not among `known`.
  static Result<Filters> parse(std::string_view text, std::initializer_list<std::string_view> known);

  bool empty() const { return values_.empty(); }
  bool has(std::string_view key) const { return values_.contains(key); }
  std::span<const std::string> values(std::string_view key) const;

  // ---- Without the key everything matches.

  bool matches(std::string_view key, std::string_view value) const;
  // Or one of the values begins it: ids.
  bool matches_prefix(std::string_view key, std::string_view value) const;
  // Or one of the values is found in it, as an extended regular expression: names.
  bool matches_pattern(std::string_view key, const std::string& value) const;
  // "label": every value, "key" or "key=value", is among them; "label!": none is.
  bool matches_labels(const std::map<std::string, std::string>& labels) const;

  // A key whose values are words for true and false. InvalidArgument for other words, and for both at once.
  Result<bool> flag(std::string_view key, bool otherwise) const;

 private:
  std::map<std::string, std::vector<std::string>, std::less<>> values_;
};

}  // namespace gantry::docker
