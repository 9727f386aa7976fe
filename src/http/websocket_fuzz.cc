// SPDX-License-Identifier: Apache-2.0
//
// A WebSocket's peer may send anything, in pieces of any size (the first byte says which): what comes out may
// not depend on them, no message is larger than allowed, and what is answered is proper for the other side.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "http/websocket.h"

using gantry::http::WebSocket;

namespace {

constexpr std::size_t kMost = 1000;

void check(bool holds) {
  if (!holds) std::abort();
}

// All that happened, as text, with what was answered.
std::string story(WebSocket::Side side, std::string_view bytes, std::size_t piece) {
  WebSocket socket(side, kMost);
  std::string told;
  for (std::size_t begin = 0; begin < bytes.size(); begin += piece) {
    socket.feed(bytes.substr(begin, piece));
    for (;;) {
      const auto message = socket.next();
      if (!message) {
        check(socket.is_over());
        told += "!" + std::string(message.error().message());
        break;
      }
      if (!*message) break;
      check((*message)->data.size() <= kMost);
      told += std::to_string(static_cast<int>((*message)->kind)) + ":" + std::to_string((*message)->status) +
              ":" + (*message)->data + ";";
    }
  }
  if (side == WebSocket::Side::Client) return told;  // its masks differ each time
  const std::string answer = socket.take_output();
  WebSocket other(WebSocket::Side::Client, kMost);
  other.feed(answer);
  for (;;) {
    const auto message = other.next();
    check(static_cast<bool>(message));
    if (!*message) break;
  }
  return told + answer;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::size_t piece = data[0] % 32 + 1;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  for (const auto side : {WebSocket::Side::Server, WebSocket::Side::Client})
    check(story(side, bytes, piece) == story(side, bytes, std::max<std::size_t>(bytes.size(), 1)));
  return 0;
}
