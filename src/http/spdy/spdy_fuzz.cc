// SPDX-License-Identifier: Apache-2.0
//
// A SPDY peer may send anything, in pieces of any size (the first byte says which): what happened on its
// streams may not depend on them, and what is answered is proper for the other side.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <map>
#include <string>
#include <string_view>

#include "http/spdy/session.h"

using gantry::http::Header;
using gantry::http::spdy::Event;
using gantry::http::spdy::Session;

namespace {

void check(bool holds) {
  if (!holds) std::abort();
}

// All that happened, as text, stream by stream, with what was answered.
std::string story(Session::Side side, std::string_view bytes, std::size_t piece) {
  Session session(side);
  for (int i = 0; i < 3; ++i) check(session.open({{"streamtype", "data"}}).has_value());
  std::map<std::uint32_t, std::string> told;
  std::string answer;
  for (std::size_t begin = 0; begin < bytes.size(); begin += piece) {
    session.feed(bytes.substr(begin, piece));
    for (;;) {
      const auto event = session.next();
      if (!event) told[0] += "!" + std::string(event.error().message());
      if (!event || !*event) break;
      std::string& text = told[(*event)->stream];
      if ((*event)->kind != Event::Kind::Data) text += "|" + std::to_string(static_cast<int>((*event)->kind));
      text += (*event)->data;
      for (const Header& header : (*event)->headers) text += ";" + header.name + "=" + header.value;
      if ((*event)->kind == Event::Kind::Opened) {
        session.reply((*event)->stream);
        session.send((*event)->stream, "hello");
      }
      if ((*event)->kind == Event::Kind::Finished) session.finish((*event)->stream);
    }
    answer += session.take_output();
  }
  Session peer(side == Session::Side::Server ? Session::Side::Client : Session::Side::Server);
  peer.feed(answer);
  for (;;) {
    const auto event = peer.next();
    check(event.has_value());
    if (!*event) break;
  }
  std::string all = answer;
  for (const auto& [stream, text] : told) all += std::to_string(stream) + ":" + text;
  return all;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::size_t piece = data[0] % 32 + 1;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  for (const auto side : {Session::Side::Server, Session::Side::Client})
    check(story(side, bytes, piece) == story(side, bytes, std::max<std::size_t>(bytes.size(), 1)));
  return 0;
}
