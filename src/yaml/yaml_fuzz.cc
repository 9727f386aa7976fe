// SPDX-License-Identifier: Apache-2.0
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "base/json.h"
#include "yaml/yaml.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto json = gantry::yaml::to_json(text, {.max_json = 1 << 16, .max_depth = 50});
  // What comes out is JSON.
  if (json && !gantry::json::Document::parse(*json)) std::abort();
  return 0;
}
