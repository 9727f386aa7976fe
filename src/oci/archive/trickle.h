// SPDX-License-Identifier: Apache-2.0
//
// For tests and fuzzers: a text that comes in small pieces, so that the borders between reads fall anywhere.
#pragma once

#include <algorithm>
#include <cstddef>
#include <span>
#include <string_view>

#include "base/byte_stream.h"

namespace gantry::oci {

// Answers at most `most` bytes at once.
class Trickle final : public ByteSource {
 public:
  Trickle(std::string_view text, std::size_t most) : rest_(text), most_(most) {}
  Result<std::size_t> read(std::span<std::byte> into) override {
    const std::size_t size = TRY(StringSource(rest_).read(into.first(std::min(into.size(), most_))));
    rest_.remove_prefix(size);
    return size;
  }

 private:
  std::string_view rest_;
  std::size_t most_;
};

}  // namespace gantry::oci
