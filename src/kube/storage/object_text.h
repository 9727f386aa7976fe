// SPDX-License-Identifier: Apache-2.0
//
// An object as text: how it is kept in the store, how it is sent, and where in it the few things stand that
// selectors ask for. Nothing here builds a tree: the cache does this for every change and for every object at
// the start.
//
// In the store (docs/formats/kube-objects.md) a text has no resourceVersion, since the store has it; what is
// sent has it as the first member of metadata.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/json_tree.h"
#include "base/shared_bytes.h"
#include "store/store.h"

namespace gantry::kube {

// What is in the store was let in by stricter ones.
inline constexpr json::Limits kStoredLimits{.bytes = 16 << 20, .depth = 256};

// The text to keep of an object: apiVersion, kind and metadata come first, resourceVersion is left out.
std::string stored_text(const json::Tree& object);

// A place in a text. Without bytes: there is nothing.
struct TextSpan {
  std::uint32_t offset = 0;
  std::uint32_t size = 0;

  std::string_view in(std::string_view text) const { return text.substr(offset, size); }
};

// The way to a value: {"spec", "nodeName"}.
using FieldPath = std::vector<std::string>;
inline constexpr std::size_t kMaxFieldPaths = 63;

struct TextPlaces {
  std::uint32_t metadata = 0;    // right behind the brace that opens it
  TextSpan labels;               // metadata.labels, with its braces
  std::vector<TextSpan> fields;  // as many as paths; a string without its quotes, and null as nothing
};

// DataLoss for what is not the JSON of an object. Strings are not checked for what is in them.
Result<TextPlaces> find_places(std::string_view text, std::span<const FieldPath> paths);

inline constexpr std::string_view kRevisionKey = "\"resourceVersion\":\"";

// The text with its resourceVersion in it. `metadata` as above.
SharedBytes with_revision(std::string_view text, std::uint32_t metadata, store::Revision revision);

// A value out of the text of an object whose values are strings ({"app":"web"}), as it stands there; nothing
// if there is no such key. Label keys and values have nothing in them that JSON writes otherwise.
std::optional<std::string_view> find_text_member(std::string_view object, std::string_view key);

}  // namespace gantry::kube
