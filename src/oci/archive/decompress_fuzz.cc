// SPDX-License-Identifier: Apache-2.0
//
// Any bytes as gzip or zstd: what comes out does not depend on how the bytes arrive.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

#include "oci/archive/compression.h"
#include "oci/archive/trickle.h"

namespace {

using namespace gantry;
using namespace gantry::oci;

struct Outcome {
  bool is_good = false;
  std::string text;
};

Outcome unpack(std::string_view data, std::size_t most_in, std::size_t most_out) {
  Outcome outcome;
  Trickle source(data, most_in);
  const auto decompressor = decompress(source, {.max_bytes = 1 << 20, .max_window_log = 20});
  if (!decompressor) return outcome;
  std::vector<std::byte> buffer(most_out);
  for (;;) {
    const auto size = (*decompressor)->read(buffer);
    if (!size) return outcome;
    if (*size == 0) break;
    outcome.text += text_of(std::span(buffer).first(*size));
  }
  outcome.is_good = true;
  return outcome;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const Outcome whole = unpack(text, std::string::npos, 1 << 16);
  for (const std::size_t most : {1, 13}) {
    const Outcome pieces = unpack(text, most, 1 << 16);
    if (pieces.is_good != whole.is_good || (whole.is_good && pieces.text != whole.text)) std::abort();
  }
  const Outcome little = unpack(text, 301, 100);
  if (little.is_good != whole.is_good || (whole.is_good && little.text != whole.text)) std::abort();
  return 0;
}
