// SPDX-License-Identifier: Apache-2.0
//
// What the parser takes, the writer writes so that the parser takes it again and reads the same.
#include <cstdlib>

#include "base/json.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using gantry::json::Document;
  const auto first = Document::parse(std::string(reinterpret_cast<const char*>(data), size));
  if (!first) return 0;
  const std::string text = first->root().to_text();
  const auto second = Document::parse(text);
  if (!second || second->root().to_text() != text) std::abort();
  return 0;
}
