// SPDX-License-Identifier: Apache-2.0
//
// The fields of a SPDY stream as they travel: names and values with their lengths, compressed by one zlib
// stream for all blocks of a connection in one direction (draft-mbelshe-httpbis-spdy-00, section 2.6.10).
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "base/error.h"
#include "http/headers.h"

namespace gantry::http::spdy {

// What one side says of its streams, in the order in which it says it.
class HeaderPacker {
 public:
  HeaderPacker();
  ~HeaderPacker();
  // Names are sent in lower case.
  std::string pack(const HeaderMap& headers);

 private:
  struct Deflate;
  const std::unique_ptr<Deflate> deflate_;
};

class HeaderUnpacker {
 public:
  // Of a block, unpacked.
  static constexpr std::size_t kMostBytes = 64 << 10, kMostFields = 256;

  HeaderUnpacker();
  ~HeaderUnpacker();
  // A name with several values gives several fields. InvalidArgument for what is no such block,
  // ResourceExhausted for one that is larger than allowed; then no other can be unpacked any more.
  Result<HeaderMap> unpack(std::string_view block);

 private:
  struct Inflate;
  Result<std::string> inflate(std::string_view block);
  const std::unique_ptr<Inflate> inflate_;
};

}  // namespace gantry::http::spdy
