// SPDX-License-Identifier: Apache-2.0
//
// A SPDY/3.1 connection without its socket (draft-mbelshe-httpbis-spdy-00): bytes of the peer go in, what
// happened on its streams comes out, and what has to be sent is kept until it is taken. Both sides are
// spoken.
//
//   Session session(Session::Side::Client);
//   const StreamId input = session.open({{"streamtype", "stdin"}});
//   session.feed(bytes);
//   while (const auto event = TRY(session.next())) ...       // of this peer's streams; pings are answered
//   session.send(input, "hello");
//   session.finish(input);
//   connection.write(session.take_output());
//
// Windows (flow control) are not spoken: the libraries that Kubernetes' clients and agents are made with know
// none, and count on TCP's. Priorities and settings are read over.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"
#include "http/headers.h"
#include "http/spdy/header_block.h"

namespace gantry::http::spdy {

using StreamId = std::uint32_t;

struct Event {
  enum class Kind : std::uint8_t {
    Opened,    // by the peer: `headers`; to be replied to
    Accepted,  // by the peer, who has replied; only from then on some peers take data
    Data,
    Finished,  // the peer sends nothing more on it
    Reset,     // the stream is gone
    GoAway,    // the peer takes no streams any more; there is no stream
  };
  Kind kind = Kind::Data;
  StreamId stream = 0;
  std::string_view data;  // until the session is fed or asked again
  HeaderMap headers;
};

class Session {
 public:
  enum class Side : std::uint8_t { Server, Client };  // which of the two this one is

  // Of the peer, and of this side's that are not over: more are refused, or cannot be opened.
  static constexpr std::size_t kMostStreams = 1024;

  explicit Session(Side side) : side_(side), next_id_(side == Side::Client ? 1 : 2) {}

  // ---- from the peer

  // Keeps the bytes until next() has used them.
  void feed(std::string_view bytes) { input_.append(bytes); }
  // Nullopt: more has to be fed. An error of what the peer sent (InvalidArgument, ResourceExhausted) has put
  // a GOAWAY into the output, and is the last that is told. Data come as they arrive, in pieces of their
  // frame.
  Result<std::optional<Event>> next();

  // ---- to the peer. Streams that are over take nothing.

  Result<StreamId> open(const HeaderMap& headers);
  void reply(StreamId stream);
  void send(StreamId stream, std::string_view data);
  void finish(StreamId stream);  // nothing more is sent on it
  void reset(StreamId stream);
  void go_away();

  std::string take_output();

 private:
  struct Frame {
    std::uint16_t type = 0;  // 0: data
    StreamId stream = 0;     // of data
    std::uint8_t flags = 0;
    std::size_t length = 0;  // of what follows, bytes
  };
  struct Half {
    bool is_finished_here = false;
    bool is_finished_there = false;
  };

  Result<std::optional<Event>> take();
  Result<bool> read_head();
  std::optional<Event> take_data();
  Result<std::optional<Event>> take_control(const Frame& frame, std::string_view body);
  Result<std::optional<Event>> take_open(std::uint8_t flags, std::string_view body);
  Result<std::optional<Event>> take_reply(std::uint8_t flags, std::string_view body);
  std::optional<Event> take_reset(std::string_view body);
  void answer_ping(std::string_view body);
  void note_end(std::uint8_t flags, StreamId stream);
  bool is_of_peer(StreamId stream) const { return (stream % 2 == 0) == (side_ == Side::Client); }
  std::string_view rest() const { return std::string_view(input_).substr(used_); }
  void write_control(std::uint16_t type, std::string_view body);
  void write_data(StreamId stream, std::uint8_t flags, std::string_view data);

  const Side side_;
  StreamId next_id_;
  StreamId last_of_peer_ = 0;
  std::map<StreamId, Half> streams_;
  HeaderPacker packer_;
  HeaderUnpacker unpacker_;

  std::string input_;
  std::size_t used_ = 0;              // of input_
  std::optional<Frame> frame_;        // whose bytes are coming; of data, its length is what is left of it
  std::optional<StreamId> finished_;  // by the peer, which is to be told next
  bool has_failed_ = false;
  std::string output_;
};

}  // namespace gantry::http::spdy
