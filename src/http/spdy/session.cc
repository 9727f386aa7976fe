// SPDX-License-Identifier: Apache-2.0
#include "http/spdy/session.h"

#include <algorithm>
#include <utility>

#include "http/spdy/big_endian.h"

namespace gantry::http::spdy {
namespace {

constexpr std::uint32_t kControl = 0x8000'0000, kVersion = 3;
constexpr std::uint32_t kStreamBits = 0x7fff'ffff, kLengthBits = 0x00ff'ffff;
constexpr std::size_t kHead = 8;                // bytes
constexpr std::size_t kMostControl = 64 << 10;  // bytes of a control frame
constexpr std::size_t kMostData = 32 << 10;     // bytes of a data frame that is sent
constexpr std::size_t kPriority = 2;            // bytes, before the fields of SYN_STREAM

enum Type : std::uint16_t {
  kData = 0,
  kSynStream = 1,
  kSynReply = 2,
  kRstStream = 3,
  kPing = 6,
  kGoAway = 7
};
constexpr std::uint8_t kFin = 1;
constexpr std::uint32_t kRefused = 3, kCancel = 5;        // of RST_STREAM
constexpr std::uint32_t kNormal = 0, kProtocolError = 1;  // of GOAWAY

std::string numbers(std::initializer_list<std::uint32_t> all) {
  std::string bytes;
  for (const std::uint32_t number : all) append_u32(bytes, number);
  return bytes;
}

Error wrong(std::string_view why) { return error(Code::InvalidArgument, "SPDY: {}", why); }

}  // namespace

// ---- From the peer

Result<std::optional<Event>> Session::next() {
  if (has_failed_) return std::nullopt;
  auto event = take();
  if (!event) {
    has_failed_ = true;
    write_control(kGoAway, numbers({last_of_peer_, kProtocolError}));
  }
  return event;
}

Result<std::optional<Event>> Session::take() {
  for (;;) {
    if (const auto finished = std::exchange(finished_, {}))
      return Event{.kind = Event::Kind::Finished, .stream = *finished};
    if (!TRY(read_head())) break;
    if (frame_->type == kData) {
      const bool is_waiting = rest().empty() && frame_->length > 0;
      if (is_waiting) break;
      if (auto event = take_data()) return event;
      continue;
    }
    if (rest().size() < frame_->length) break;
    const Frame frame = *std::exchange(frame_, {});
    const std::string_view body = rest().substr(0, frame.length);
    used_ += frame.length;
    if (auto event = TRY(take_control(frame, body))) return event;
  }
  input_.erase(0, std::exchange(used_, 0));
  return std::nullopt;
}

// Whether there is a frame whose head is known.
Result<bool> Session::read_head() {
  if (frame_) return true;
  BigEndianReader reader(rest());
  const auto first = reader.u32();
  const auto second = reader.u32();
  if (!first || !second) return false;
  Frame frame{.flags = static_cast<std::uint8_t>(*second >> 24), .length = *second & kLengthBits};
  if ((*first & kControl) == 0) {
    frame.stream = *first;
  } else {
    if ((*first & ~kControl) >> 16 != kVersion) return wrong("a frame of another version");
    frame.type = static_cast<std::uint16_t>(*first);
    if (frame.type == kData) return wrong("a control frame of no type");
    if (frame.length > kMostControl)
      return error(Code::ResourceExhausted, "SPDY: a control frame of {} bytes", frame.length);
  }
  used_ += kHead;
  frame_ = frame;
  return true;
}

// As much as is there. What comes for a stream that is over was on its way.
std::optional<Event> Session::take_data() {
  const std::string_view data = rest().substr(0, frame_->length);
  used_ += data.size();
  frame_->length -= data.size();
  const Frame frame = *frame_;
  if (frame.length == 0) frame_.reset();
  const auto found = streams_.find(frame.stream);
  if (found == streams_.end() || found->second.is_finished_there) return std::nullopt;
  if (frame.length == 0) note_end(frame.flags, frame.stream);
  if (data.empty()) return std::nullopt;
  return Event{.kind = Event::Kind::Data, .stream = frame.stream, .data = data};
}

Result<std::optional<Event>> Session::take_control(const Frame& frame, std::string_view body) {
  switch (frame.type) {
    case kSynStream: return take_open(frame.flags, body);
    case kSynReply: return take_reply(frame.flags, body);
    case kRstStream: return take_reset(body);
    case kPing: answer_ping(body); return std::nullopt;
    case kGoAway: return Event{.kind = Event::Kind::GoAway};
    default: return std::nullopt;
  }
}

// The fields are unpacked whatever becomes of the stream: the next ones stand on them.
Result<std::optional<Event>> Session::take_open(std::uint8_t flags, std::string_view body) {
  BigEndianReader reader(body);
  const auto stream = reader.u32();
  const auto parent = reader.u32();
  if (!stream || !parent || reader.rest().size() < kPriority) return wrong("a stream that is cut off");
  const StreamId id = *stream & kStreamBits;
  HeaderMap headers = TRY(unpacker_.unpack(reader.rest().substr(kPriority)));
  if (!is_of_peer(id) || id <= last_of_peer_) return wrong("a stream whose number is not its opener's next");
  last_of_peer_ = id;
  if (streams_.size() >= kMostStreams) {
    write_control(kRstStream, numbers({id, kRefused}));
    return std::nullopt;
  }
  streams_.emplace(id, Half{});
  note_end(flags, id);
  return Event{.kind = Event::Kind::Opened, .stream = id, .headers = std::move(headers)};
}

Result<std::optional<Event>> Session::take_reply(std::uint8_t flags, std::string_view body) {
  BigEndianReader reader(body);
  const auto stream = reader.u32();
  if (!stream) return wrong("a reply that is cut off");
  const StreamId id = *stream & kStreamBits;
  HeaderMap headers = TRY(unpacker_.unpack(reader.rest()));
  if (is_of_peer(id) || !streams_.contains(id)) return std::nullopt;
  note_end(flags, id);
  return Event{.kind = Event::Kind::Accepted, .stream = id, .headers = std::move(headers)};
}

std::optional<Event> Session::take_reset(std::string_view body) {
  const StreamId id = BigEndianReader(body).u32().value_or(0) & kStreamBits;
  if (streams_.erase(id) == 0) return std::nullopt;
  return Event{.kind = Event::Kind::Reset, .stream = id};
}

// The answer to one of ours has one of our numbers.
void Session::answer_ping(std::string_view body) {
  const auto number = BigEndianReader(body).u32();
  if (number && is_of_peer(*number)) write_control(kPing, numbers({*number}));
}

void Session::note_end(std::uint8_t flags, StreamId stream) {
  if ((flags & kFin) == 0) return;
  const auto found = streams_.find(stream);
  if (found->second.is_finished_there) return;
  finished_ = stream;
  found->second.is_finished_there = true;
  if (found->second.is_finished_here) streams_.erase(found);
}

// ---- To the peer

Result<StreamId> Session::open(const HeaderMap& headers) {
  if (streams_.size() >= kMostStreams || next_id_ > kStreamBits)
    return error(Code::ResourceExhausted, "SPDY: {} streams are open", streams_.size());
  const StreamId id = std::exchange(next_id_, next_id_ + 2);
  streams_.emplace(id, Half{});
  std::string body = numbers({id, 0});
  body.append(kPriority, '\0');
  write_control(kSynStream, body + packer_.pack(headers));
  return id;
}

void Session::reply(StreamId stream) {
  if (streams_.contains(stream)) write_control(kSynReply, numbers({stream}) + packer_.pack({}));
}

void Session::send(StreamId stream, std::string_view data) {
  const auto found = streams_.find(stream);
  if (found == streams_.end() || found->second.is_finished_here) return;
  for (; !data.empty(); data.remove_prefix(std::min(data.size(), kMostData)))
    write_data(stream, 0, data.substr(0, kMostData));
}

void Session::finish(StreamId stream) {
  const auto found = streams_.find(stream);
  if (found == streams_.end() || found->second.is_finished_here) return;
  write_data(stream, kFin, {});
  found->second.is_finished_here = true;
  if (found->second.is_finished_there) streams_.erase(found);
}

void Session::reset(StreamId stream) {
  if (streams_.erase(stream) != 0) write_control(kRstStream, numbers({stream, kCancel}));
}

void Session::go_away() { write_control(kGoAway, numbers({last_of_peer_, kNormal})); }

std::string Session::take_output() { return std::exchange(output_, {}); }

void Session::write_control(std::uint16_t type, std::string_view body) {
  append_u32(output_, kControl | kVersion << 16 | type);
  append_u32(output_, static_cast<std::uint32_t>(body.size()));
  output_ += body;
}

void Session::write_data(StreamId stream, std::uint8_t flags, std::string_view data) {
  append_u32(output_, stream);
  append_u32(output_, std::uint32_t{flags} << 24 | static_cast<std::uint32_t>(data.size()));
  output_ += data;
}

}  // namespace gantry::http::spdy
