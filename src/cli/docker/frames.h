// SPDX-License-Identifier: Apache-2.0
//
// Standard output and error of a container in one stream of bytes, as the Engine API frames them: one byte
// says which, three are nothing, four are the length (big endian) of what follows. (Docker Engine API,
// "ContainerAttach", Stream format.)
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "base/byte_stream.h"
#include "base/error.h"

namespace gantry::cli::docker {

// Takes the stream apart as it comes. Of a terminal there are no frames: everything is output.
class FrameSplitter final : public ByteSink {
 public:
  FrameSplitter(bool has_frames, ByteSink& out, ByteSink& err)
      : has_frames_(has_frames), out_(out), err_(err) {}

  Result<void> write(std::span<const std::byte> from) override;

 private:
  static constexpr std::size_t kHeader = 8;
  Result<void> take_header();

  const bool has_frames_;
  ByteSink& out_;
  ByteSink& err_;
  std::string header_;      // as far as it was received
  std::uint32_t left_ = 0;  // bytes of the present frame
  ByteSink* to_ = nullptr;
};

}  // namespace gantry::cli::docker
