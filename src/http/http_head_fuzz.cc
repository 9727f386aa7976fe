// SPDX-License-Identifier: Apache-2.0
//
// What a server and a client do with the bytes of anybody: find a head, parse it, and take a body out of
// chunks. The first byte says in which pieces the rest arrives; what comes out may not depend on it.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/byte_stream.h"
#include "http/message.h"
#include "http/parser.h"

using namespace gantry::http;

namespace {

void check(bool holds) {
  if (!holds) std::abort();
}

// The head's size, nullopt where there is none or a wrong one.
std::optional<std::size_t> find(std::string_view bytes, std::size_t piece) {
  HeadFinder finder;
  for (std::size_t size = 0;; size = std::min(size + piece, bytes.size())) {
    const auto found = finder.find(bytes.substr(0, size));
    if (!found || *found || size == bytes.size()) return found ? *found : std::nullopt;
  }
}

// The body, nullopt where it is broken or not complete.
std::optional<std::string> decode(std::string_view bytes, std::size_t piece, std::size_t room) {
  ChunkDecoder decoder;
  std::vector<std::byte> into(room);
  std::string body;
  for (std::size_t begin = 0, end = 0;;) {
    const auto progress = decoder.decode(bytes.substr(begin, end - begin), into);
    if (!progress) return std::nullopt;
    check(progress->consumed <= end - begin && progress->produced <= room);
    begin += progress->consumed;
    body += gantry::text_of(std::span(into).first(progress->produced));
    if (progress->is_done) return body;
    if (progress->produced > 0) continue;
    if (end == bytes.size()) return std::nullopt;
    end = std::min(end + piece, bytes.size());
  }
}

void check_written(const auto& head) {
  // Nothing that was read can break a head that it is written into.
  check(static_cast<bool>(serialize(head)));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::size_t piece = data[0] % 32 + 1;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  const auto head_size = find(bytes, bytes.size() + 1);
  check(find(bytes, piece) == head_size);
  // A limit on lines that are not complete may strike sooner or later, so only short bodies are compared.
  if (bytes.size() < 4096) check(decode(bytes, piece, 7) == decode(bytes, bytes.size() + 1, 8192));
  if (!head_size) return 0;
  const std::string_view head = bytes.substr(0, *head_size);
  if (const auto request = parse_request(head)) {
    check_written(request->head);
    check(request->framing.kind != Framing::Kind::UntilClose);
    if (request->framing.kind == Framing::Kind::Chunked) (void)decode(bytes.substr(*head_size), piece, 100);
  }
  for (const char* method : {"GET", "HEAD", "CONNECT"})
    if (const auto response = parse_response(head, method)) check_written(response->head);
  return 0;
}
