// SPDX-License-Identifier: Apache-2.0
//
// Hashes what is written to it, to stand beside a stream (TeeSource).
#pragma once

#include "base/byte_stream.h"
#include "oci/image/digest.h"

namespace gantry::image {

class HashSink final : public ByteSink {
 public:
  explicit HashSink(oci::DigestAlgorithm algorithm = oci::DigestAlgorithm::Sha256) : hasher_(algorithm) {}
  Result<void> write(std::span<const std::byte> from) override {
    hasher_.update(from);
    return {};
  }
  // Once.
  oci::Digest finish() { return hasher_.finish(); }

 private:
  oci::Hasher hasher_;
};

}  // namespace gantry::image
