// SPDX-License-Identifier: Apache-2.0
#include "http/websocket.h"

#include <algorithm>
#include <array>
#include <span>
#include <utility>

#include "base/printable.h"
#include "base/random.h"

namespace gantry::http {
namespace {

// RFC 6455, section 5.2. From kClose on: control frames.
enum Opcode : std::uint8_t { kContinuation = 0, kText = 1, kBinary = 2, kClose = 8, kPing = 9, kPong = 10 };

constexpr std::uint8_t kFinal = 0x80, kReserved = 0x70, kOpcode = 0x0f;  // of the first byte
constexpr std::uint8_t kMasked = 0x80, kLength = 0x7f;                   // of the second
constexpr std::uint8_t kLength16 = 126, kLength64 = 127;
constexpr std::size_t kMostControl = 125;  // bytes of a control frame
constexpr std::size_t kMostReason = kMostControl - 2;

bool is_control(std::uint8_t opcode) { return (opcode & 0x8) != 0; }

using Mask = std::array<char, 4>;

// Servers and proxies on the way must not be led to take a client's bytes for something else, so a mask
// cannot be known before.
Mask random_mask() {
  Mask mask{};
  fill_random(std::as_writable_bytes(std::span(mask)));
  return mask;
}

void apply(const Mask& mask, char* bytes, std::size_t size) {
  for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<char>(bytes[i] ^ mask[i % mask.size()]);
}

bool is_utf8(std::string_view text) {
  while (!text.empty()) {
    const std::size_t length = utf8_length(text);
    if (length == 0) return false;
    text.remove_prefix(length);
  }
  return true;
}

std::uint64_t big_endian(std::string_view bytes) {
  std::uint64_t number = 0;
  for (const char byte : bytes) number = number << 8 | static_cast<std::uint8_t>(byte);
  return number;
}

void append_big_endian(std::string& out, std::uint64_t number, unsigned bytes) {
  while (bytes-- > 0) out += static_cast<char>(number >> (8 * bytes));
}

// What a peer may say in a Close (section 7.4): the codes that have a meaning on the wire, and those that
// libraries and programs give one.
bool is_status(std::uint16_t status) {
  return (status >= 1000 && status <= 1014 && status != 1004 && status != 1005 && status != 1006) ||
         (status >= 3000 && status <= 4999);
}

}  // namespace

struct WebSocket::Frame {
  std::uint8_t opcode = 0;
  bool is_final = false;
  std::string payload;
};

// ---- from the peer

Error WebSocket::fail(std::uint16_t status, std::string_view why) {
  close(status, why);
  has_failed_ = true;
  return error(status == kTooBig ? Code::ResourceExhausted : Code::InvalidArgument, "WebSocket: {}", why);
}

// The next whole frame of the input, unmasked. Faults that the head shows are not waited for.
Result<std::optional<WebSocket::Frame>> WebSocket::read_frame() {
  const std::string_view bytes = std::string_view(input_).substr(used_);
  if (bytes.size() < 2) return std::nullopt;
  const auto first = static_cast<std::uint8_t>(bytes[0]), second = static_cast<std::uint8_t>(bytes[1]);
  Frame frame{.opcode = static_cast<std::uint8_t>(first & kOpcode), .is_final = (first & kFinal) != 0};
  const bool is_masked = (second & kMasked) != 0;
  if ((first & kReserved) != 0) return fail(kProtocolError, "reserved bits are set");
  if (frame.opcode > kPong || (frame.opcode > kBinary && frame.opcode < kClose))
    return fail(kProtocolError, "an unknown kind of frame");
  if (is_masked != (side_ == Side::Server))
    return fail(kProtocolError, is_masked ? "a server masks nothing" : "a client's frame is not masked");
  if (is_control(frame.opcode) && (!frame.is_final || (second & kLength) > kMostControl))
    return fail(kProtocolError, "a control frame is too long or in fragments");

  std::size_t head = 2;
  std::uint64_t length = second & kLength;
  if (length >= kLength16) {
    const std::size_t width = length == kLength16 ? 2 : 8;
    if (bytes.size() < head + width) return std::nullopt;
    length = big_endian(bytes.substr(head, width));
    head += width;
    if (length < (width == 2 ? kLength16 : 0x10000u))
      return fail(kProtocolError, "a length is written too long");
  }
  if (!is_control(frame.opcode) && length > most_ - message_.size())
    return fail(kTooBig, "a message is too large");
  Mask mask{};
  if (is_masked) {
    if (bytes.size() < head + mask.size()) return std::nullopt;
    std::ranges::copy(bytes.substr(head, mask.size()), mask.begin());
    head += mask.size();
  }
  if (bytes.size() - head < length) return std::nullopt;
  frame.payload = bytes.substr(head, static_cast<std::size_t>(length));
  apply(mask, frame.payload.data(), frame.payload.size());
  used_ += head + frame.payload.size();
  return frame;
}

Result<std::optional<WebSocket::Message>> WebSocket::next() {
  while (!has_received_close_ && !has_failed_) {
    std::optional<Frame> frame = TRY(read_frame());
    if (!frame) {
      input_.erase(0, std::exchange(used_, 0));
      return std::nullopt;
    }
    if (auto message = TRY(take(*std::move(frame)))) return message;
  }
  return std::nullopt;
}

Result<std::optional<WebSocket::Message>> WebSocket::take(Frame frame) {
  switch (frame.opcode) {
    case kPing: write_frame(kPong, frame.payload); return std::nullopt;
    case kPong: return Message{.kind = Kind::Pong, .data = std::move(frame.payload)};
    case kClose: return take_close(frame.payload);
    default: return take_data(std::move(frame));
  }
}

Result<std::optional<WebSocket::Message>> WebSocket::take_data(Frame frame) {
  if ((frame.opcode == kContinuation) != message_kind_.has_value())
    return fail(kProtocolError,
                message_kind_ ? "a message begins within another" : "nothing is to be continued");
  if (!message_kind_) message_kind_ = frame.opcode == kText ? Kind::Text : Kind::Binary;
  if (message_.empty())
    message_ = std::move(frame.payload);
  else
    message_ += frame.payload;
  if (!frame.is_final) return std::nullopt;
  Message message{.kind = *std::exchange(message_kind_, std::nullopt), .data = std::exchange(message_, {})};
  if (message.kind == Kind::Text && !is_utf8(message.data)) return fail(kInvalidData, "text is not UTF-8");
  return message;
}

Result<std::optional<WebSocket::Message>> WebSocket::take_close(const std::string& payload) {
  Message message{.kind = Kind::Close, .status = kNoStatus};
  if (!payload.empty()) {
    if (payload.size() < 2) return fail(kProtocolError, "a status is cut off");
    message.status = static_cast<std::uint16_t>(big_endian(std::string_view(payload).substr(0, 2)));
    message.data = payload.substr(2);
    if (!is_status(message.status)) return fail(kProtocolError, "a status that there is not");
    if (!is_utf8(message.data)) return fail(kInvalidData, "a reason is not UTF-8");
  }
  close(message.status == kNoStatus ? kNormal : message.status);
  has_received_close_ = true;
  return message;
}

// ---- to the peer

void WebSocket::write_frame(std::uint8_t opcode, std::string_view payload) {
  if (has_sent_close_) return;
  const bool is_masked = side_ == Side::Client;
  const std::uint8_t mask_bit = is_masked ? kMasked : 0;
  output_ += static_cast<char>(kFinal | opcode);
  if (payload.size() < kLength16) {
    output_ += static_cast<char>(mask_bit | payload.size());
  } else if (payload.size() <= std::numeric_limits<std::uint16_t>::max()) {
    output_ += static_cast<char>(mask_bit | kLength16);
    append_big_endian(output_, payload.size(), 2);
  } else {
    output_ += static_cast<char>(mask_bit | kLength64);
    append_big_endian(output_, payload.size(), 8);
  }
  if (!is_masked) {
    output_ += payload;
    return;
  }
  const Mask mask = random_mask();
  output_.append(mask.data(), mask.size());
  output_ += payload;
  apply(mask, output_.data() + output_.size() - payload.size(), payload.size());
}

void WebSocket::send(Kind kind, std::string_view data) {
  switch (kind) {
    case Kind::Text: return write_frame(kText, data);
    case Kind::Binary: return write_frame(kBinary, data);
    case Kind::Pong: return write_frame(kPong, data.substr(0, kMostControl));
    case Kind::Close: return close(kNormal, data);
  }
}

void WebSocket::ping(std::string_view data) { write_frame(kPing, data.substr(0, kMostControl)); }

void WebSocket::close(std::uint16_t status, std::string_view reason) {
  std::string payload;
  append_big_endian(payload, status, 2);
  // Not in the middle of a character.
  while (!reason.empty() && payload.size() - 2 < kMostReason) {
    const std::size_t length = std::max<std::size_t>(utf8_length(reason), 1);
    if (payload.size() - 2 + length > kMostReason) break;
    payload += reason.substr(0, length);
    reason.remove_prefix(length);
  }
  write_frame(kClose, payload);
  has_sent_close_ = true;
}

std::string WebSocket::take_output() { return std::exchange(output_, {}); }

}  // namespace gantry::http
