// SPDX-License-Identifier: Apache-2.0
//
// From bytes to heads and out of chunks, by Boost.Beast's parser, with what it
// lets pass and we do not: whatever two programs could read differently (RFC
// 9112 section 11.2, request smuggling) is refused. parser.cc alone sees Beast.
//
//   const auto end = TRY(finder.find(buffer.view()));
//   if (!end) ...                                    // more has to be read
//   auto [head, framing] = TRY(parse_request(buffer.view().substr(0, *end)));
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>

#include "base/error.h"
#include "http/message.h"

namespace gantry::http {

// How the end of a message's body shows itself (RFC 9112 section 6.3).
struct Framing {
  enum class Kind : std::uint8_t { None, Length, Chunked, UntilClose };
  Kind kind = Kind::None;
  std::uint64_t length = 0;  // bytes, of Kind::Length
};

// Looks for the empty line that ends a head, in bytes that arrive bit by bit.
class HeadFinder {
 public:
  // How many bytes the head has, or nullopt: not all of it is there. An error as soon as a line ends without
  // carriage return or continues the one before (obs-fold).
  Result<std::optional<std::size_t>> find(std::string_view bytes);
  void start_over() { seen_ = 0; }

 private:
  std::size_t seen_ = 0;
};

struct ParsedRequest {
  RequestHead head;
  Framing framing;
  bool keeps_alive = false;
  bool expects_continue = false;
};

struct ParsedResponse {
  ResponseHead head;
  Framing framing;
  bool keeps_alive = false;
};

// The code says which status answers a request that cannot be parsed: InvalidArgument 400, Unsupported 501 (a
// transfer coding, or a version).
Result<ParsedRequest> parse_request(std::string_view head);
// `method` of the request that this answers: it decides whether there is a body.
Result<ParsedResponse> parse_response(std::string_view head, std::string_view method);

// Takes a body out of its chunks. Extensions and trailers are checked and dropped.
class ChunkDecoder {
 public:
  ChunkDecoder();
  ~ChunkDecoder();

  struct Progress {
    std::size_t consumed = 0;  // of `from`; what is not consumed has to be shown again, with more behind it
    std::size_t produced = 0;
    bool is_done = false;
  };
  Result<Progress> decode(std::string_view from, std::span<std::byte> into);

 private:
  class Parser;
  std::unique_ptr<Parser> parser_;
};

}  // namespace gantry::http
