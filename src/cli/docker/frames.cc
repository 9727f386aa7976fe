// SPDX-License-Identifier: Apache-2.0
#include "cli/docker/frames.h"

#include <algorithm>

namespace gantry::cli::docker {

Result<void> FrameSplitter::take_header() {
  const auto byte = [&](std::size_t at) { return std::uint32_t{static_cast<std::uint8_t>(header_[at])}; };
  // 3 is what the daemon itself has to say, such as an error in the middle of a log.
  if (byte(0) > 3) return error(Code::DataLoss, "the daemon sent a frame of an unknown stream ({})", byte(0));
  to_ = byte(0) <= 1 ? &out_ : &err_;
  left_ = byte(4) << 24 | byte(5) << 16 | byte(6) << 8 | byte(7);
  header_.clear();
  return {};
}

Result<void> FrameSplitter::write(std::span<const std::byte> from) {
  if (!has_frames_) return out_.write(from);
  while (!from.empty()) {
    if (left_ == 0) {
      const std::size_t taken = std::min(kHeader - header_.size(), from.size());
      header_ += text_of(from.first(taken));
      from = from.subspan(taken);
      if (header_.size() == kHeader) TRY(take_header());
      continue;
    }
    const std::size_t taken = std::min<std::size_t>(left_, from.size());
    TRY(to_->write(from.first(taken)));
    left_ -= static_cast<std::uint32_t>(taken);
    from = from.subspan(taken);
  }
  return {};
}

}  // namespace gantry::cli::docker
