// SPDX-License-Identifier: Apache-2.0
//
// As much D-Bus as it takes to ask systemd for something: method calls, their
// replies, and waiting for a signal, over one unix socket. Either a message
// bus, or systemd itself at the other end (/run/systemd/private), which speaks
// the same without names and without a Hello.
//
//   Connection bus = TRY(Connection::open("/run/dbus/system_bus_socket", Peer::Bus));
//   Message reply = TRY(bus.call({.path = "/", .interface = "a.b", .member = "Ping", .destination = "a.b"}));
//
// D-Bus Specification 0.42, "Message Protocol" and "Authentication Protocol".
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/error.h"
#include "base/unique_fd.h"

namespace gantry::runtime::dbus {

// b, t, s, ay, au, a(ss)
using StringPairs = std::vector<std::pair<std::string, std::string>>;
using Value = std::variant<bool, std::uint64_t, std::string, std::vector<std::uint8_t>,
                           std::vector<std::uint32_t>, StringPairs>;

struct Property {
  std::string name;
  Value value;
};

// Appends values in the machine's byte order, each aligned as the specification wants.
class Encoder {
 public:
  Encoder& byte(std::uint8_t value);
  Encoder& boolean(bool value) { return uint32(value ? 1 : 0); }
  Encoder& uint32(std::uint32_t value);
  Encoder& uint64(std::uint64_t value);
  Encoder& string(std::string_view text);  // also an object path
  Encoder& signature(std::string_view text);
  Encoder& variant(const Value& value);
  Encoder& properties(const std::vector<Property>& properties);  // a(sv)
  Encoder& align(std::size_t boundary);
  // An array: its length is filled in by end_array. `element` is the alignment of what it holds.
  std::size_t begin_array(std::size_t element);
  Encoder& end_array(std::size_t array, std::size_t element);
  std::string text() && { return std::move(bytes_); }

 private:
  std::string bytes_;
};

// Takes them off again; past the end, or with a length that cannot be, everything is an error (DataLoss).
class Decoder {
 public:
  explicit Decoder(std::string_view bytes) : bytes_(bytes) {}
  Result<std::uint8_t> byte();
  Result<std::uint32_t> uint32();
  Result<std::string> string();
  Result<std::string> signature();
  Result<void> align(std::size_t boundary);
  std::size_t position() const { return at_; }

 private:
  Result<std::string_view> take(std::size_t size);
  std::string_view bytes_;
  std::size_t at_ = 0;
};

enum class MessageType : std::uint8_t { MethodCall = 1, MethodReturn = 2, Error = 3, Signal = 4 };

struct Message {
  MessageType type = MessageType::MethodCall;
  std::uint32_t serial = 0;  // set by Connection::call
  std::uint32_t reply_serial = 0;
  std::string path;
  std::string interface;
  std::string member;
  std::string destination;
  std::string error_name;
  std::string signature;  // of the body
  std::string body;
};

std::string encode(const Message& message);
// How long the message is whose first 16 bytes these are.
Result<std::size_t> message_size(std::string_view start);
Result<Message> decode(std::string_view bytes);

enum class Peer : std::uint8_t { Bus, Direct };

class Connection {
 public:
  static Result<Connection> open(const std::string& socket_path, Peer peer);
  // Over a connected socket, for tests.
  static Result<Connection> over(UniqueFd socket, Peer peer);

  Peer peer() const { return peer_; }
  // The reply. An error reply becomes an Error with the other side's words.
  Result<Message> call(Message message);
  // The next signal with that name, or one that came while call() waited for its reply.
  Result<Message> wait_for_signal(std::string_view interface, std::string_view member,
                                  std::chrono::steady_clock::time_point deadline);

 private:
  Connection(UniqueFd socket, Peer peer) : socket_(std::move(socket)), peer_(peer) {}
  Result<void> authenticate();
  Result<void> send(std::string_view bytes);
  Result<void> receive(std::chrono::steady_clock::time_point deadline);
  Result<Message> next_message(std::chrono::steady_clock::time_point deadline);

  UniqueFd socket_;
  Peer peer_;
  std::uint32_t last_serial_ = 0;
  std::string received_;
  std::deque<Message> signals_;
};

// "unix:path=/run/user/1000/bus,guid=..." -> the path; an abstract one starts with a NUL byte.
Result<std::string> socket_of_address(std::string_view address);

}  // namespace gantry::runtime::dbus
