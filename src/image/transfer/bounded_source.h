// SPDX-License-Identifier: Apache-2.0
//
// Exactly so many bytes of another source, counted as they pass.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <memory>
#include <utility>

#include "base/byte_stream.h"

namespace gantry::image {

class BoundedSource final : public ByteSource {
 public:
  // `on_bytes` is told how many bytes have passed; its error ends reading.
  BoundedSource(std::unique_ptr<ByteSource> source, std::uint64_t length,
                std::function<Result<void>(std::uint64_t done)> on_bytes)
      : source_(std::move(source)), length_(length), on_bytes_(std::move(on_bytes)) {}

  Result<std::size_t> read(std::span<std::byte> into) override {
    if (done_ == length_) return 0;
    const std::size_t wanted = std::min<std::uint64_t>(into.size(), length_ - done_);
    const std::size_t count = TRY(source_->read(into.first(wanted)));
    if (count == 0) return error(Code::DataLoss, "ends after {} of {} bytes", done_, length_);
    done_ += count;
    TRY(on_bytes_(done_));
    return count;
  }

 private:
  std::unique_ptr<ByteSource> source_;
  const std::uint64_t length_;
  std::uint64_t done_ = 0;
  std::function<Result<void>(std::uint64_t)> on_bytes_;
};

}  // namespace gantry::image
