// SPDX-License-Identifier: Apache-2.0
//
// What was compressed by gzip (RFC 1952), while it comes. A few bytes may stand for very many, so who asks
// says how many he takes at once.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "base/error.h"
#include "http/frame_source.h"

namespace gantry::kube {

class Gunzip {
 public:
  Gunzip();
  ~Gunzip();

  // Adds what `bytes` stand for, and what is left of those before them, `most` bytes of it at most; takes
  // away the bytes that were read. DataLoss for what is no gzip.
  Result<void> feed(std::string_view& bytes, std::size_t most, std::string& text);
  // All that has come is whole.
  bool is_complete() const { return is_complete_; }

 private:
  struct Inflate;
  const std::unique_ptr<Inflate> inflate_;
  bool is_complete_ = false;
};

// The frames of a body that was compressed, as it was before. Cut, if it breaks off or is no gzip.
std::unique_ptr<http::FrameSource> unpacked(std::unique_ptr<http::FrameSource> packed);

}  // namespace gantry::kube
