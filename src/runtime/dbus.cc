// SPDX-License-Identifier: Apache-2.0
#include "runtime/dbus.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <bit>
#include <charconv>
#include <cstring>

#include <fmt/format.h>

namespace gantry::runtime::dbus {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::seconds kPatience(30);
constexpr std::size_t kMaxMessage =
    1 << 20;  // bytes; the specification allows 128 MiB, systemd's answers are small
constexpr char kByteOrder = std::endian::native == std::endian::little ? 'l' : 'B';
constexpr std::uint8_t kVersion = 1;
constexpr std::size_t kFixedHeader = 16;

enum Field : std::uint8_t {
  kPath = 1,
  kInterface,
  kMember,
  kErrorName,
  kReplySerial,
  kDestination,
  kSender,
  kSignature,
  kUnixFds,
};

std::size_t padding(std::size_t at, std::size_t boundary) { return (boundary - at % boundary) % boundary; }

std::uint32_t uint32_at(std::string_view bytes, std::size_t at) {
  std::uint32_t value = 0;
  std::memcpy(&value, bytes.data() + at, sizeof value);
  return value;
}

Error malformed(const char* what) { return error(Code::DataLoss, "malformed D-Bus message: {}", what); }

Code code_of(std::string_view error_name) {
  if (error_name.ends_with(".UnitExists")) return Code::AlreadyExists;
  if (error_name.ends_with(".NoSuchUnit")) return Code::NotFound;
  if (error_name.ends_with(".AccessDenied") || error_name.ends_with(".InteractiveAuthorizationRequired"))
    return Code::PermissionDenied;
  if (error_name.ends_with(".InvalidArgs") || error_name.ends_with(".PropertyReadOnly"))
    return Code::InvalidArgument;
  return Code::Internal;
}

}  // namespace

// ---- values

Encoder& Encoder::align(std::size_t boundary) {
  bytes_.append(padding(bytes_.size(), boundary), '\0');
  return *this;
}

Encoder& Encoder::byte(std::uint8_t value) {
  bytes_ += static_cast<char>(value);
  return *this;
}

Encoder& Encoder::uint32(std::uint32_t value) {
  align(4);
  bytes_.append(reinterpret_cast<const char*>(&value), sizeof value);
  return *this;
}

Encoder& Encoder::uint64(std::uint64_t value) {
  align(8);
  bytes_.append(reinterpret_cast<const char*>(&value), sizeof value);
  return *this;
}

Encoder& Encoder::string(std::string_view text) {
  uint32(static_cast<std::uint32_t>(text.size()));
  bytes_.append(text).append(1, '\0');
  return *this;
}

Encoder& Encoder::signature(std::string_view text) {
  byte(static_cast<std::uint8_t>(text.size()));
  bytes_.append(text).append(1, '\0');
  return *this;
}

std::size_t Encoder::begin_array(std::size_t element) {
  uint32(0);
  const std::size_t array = bytes_.size() - 4;
  align(element);  // this padding does not count as content
  return array;
}

Encoder& Encoder::end_array(std::size_t array, std::size_t element) {
  const std::size_t start = array + 4;
  const auto size = static_cast<std::uint32_t>(bytes_.size() - start - padding(start, element));
  std::memcpy(bytes_.data() + array, &size, sizeof size);
  return *this;
}

Encoder& Encoder::variant(const Value& value) {
  if (const auto* flag = std::get_if<bool>(&value)) return signature("b").boolean(*flag);
  if (const auto* number = std::get_if<std::uint64_t>(&value)) return signature("t").uint64(*number);
  if (const auto* text = std::get_if<std::string>(&value)) return signature("s").string(*text);
  if (const auto* bytes = std::get_if<std::vector<std::uint8_t>>(&value)) {
    const std::size_t array = signature("ay").begin_array(1);
    for (const std::uint8_t b : *bytes) byte(b);
    return end_array(array, 1);
  }
  if (const auto* numbers = std::get_if<std::vector<std::uint32_t>>(&value)) {
    const std::size_t array = signature("au").begin_array(4);
    for (const std::uint32_t n : *numbers) uint32(n);
    return end_array(array, 4);
  }
  const std::size_t array = signature("a(ss)").begin_array(8);
  for (const auto& [first, second] : *std::get_if<StringPairs>(&value)) align(8).string(first).string(second);
  return end_array(array, 8);
}

Encoder& Encoder::properties(const std::vector<Property>& properties) {
  const std::size_t array = begin_array(8);
  for (const Property& property : properties) align(8).string(property.name).variant(property.value);
  return end_array(array, 8);
}

Result<std::string_view> Decoder::take(std::size_t size) {
  if (size > bytes_.size() - at_) return malformed("it is cut short");
  const std::string_view part = bytes_.substr(at_, size);
  at_ += size;
  return part;
}

Result<void> Decoder::align(std::size_t boundary) {
  (void)TRY(take(padding(at_, boundary)));
  return {};
}

Result<std::uint8_t> Decoder::byte() { return static_cast<std::uint8_t>(TRY(take(1))[0]); }

Result<std::uint32_t> Decoder::uint32() {
  TRY(align(4));
  return uint32_at(TRY(take(4)), 0);
}

Result<std::string> Decoder::string() {
  const std::uint32_t size = TRY(uint32());
  const std::string_view text = TRY(take(size));
  if (TRY(byte()) != 0) return malformed("a string has no end");
  return std::string(text);
}

Result<std::string> Decoder::signature() {
  const std::uint8_t size = TRY(byte());
  const std::string_view text = TRY(take(size));
  if (TRY(byte()) != 0) return malformed("a signature has no end");
  return std::string(text);
}

// ---- messages

std::string encode(const Message& message) {
  Encoder header;
  header.byte(kByteOrder).byte(static_cast<std::uint8_t>(message.type)).byte(0).byte(kVersion);
  header.uint32(static_cast<std::uint32_t>(message.body.size())).uint32(message.serial);
  const std::size_t fields = header.begin_array(8);
  const auto add = [&](Field field, const char* type, const std::string& text) {
    if (!text.empty()) header.align(8).byte(field).signature(type).string(text);
  };
  add(kPath, "o", message.path);
  add(kInterface, "s", message.interface);
  add(kMember, "s", message.member);
  add(kErrorName, "s", message.error_name);
  if (message.reply_serial != 0)
    header.align(8).byte(kReplySerial).signature("u").uint32(message.reply_serial);
  add(kDestination, "s", message.destination);
  if (!message.signature.empty())
    header.align(8).byte(kSignature).signature("g").signature(message.signature);
  header.end_array(fields, 8).align(8);
  return std::move(header).text() + message.body;
}

Result<std::size_t> message_size(std::string_view start) {
  if (start.size() < kFixedHeader) return malformed("it is cut short");
  if (start[0] != kByteOrder) return malformed("it has another machine's byte order");
  if (static_cast<std::uint8_t>(start[3]) != kVersion) return malformed("it is of another protocol version");
  const std::size_t body = uint32_at(start, 4), fields = uint32_at(start, 12);
  if (body > kMaxMessage || fields > kMaxMessage) return malformed("it is too long");
  return kFixedHeader + fields + padding(fields, 8) + body;
}

Result<Message> decode(std::string_view bytes) {
  if (TRY(message_size(bytes)) != bytes.size()) return malformed("its length is wrong");
  Message message;
  message.type = static_cast<MessageType>(bytes[1]);
  message.serial = uint32_at(bytes, 8);
  const std::size_t fields_end = kFixedHeader + uint32_at(bytes, 12);
  Decoder decoder(bytes.substr(0, fields_end));
  for (std::size_t i = 0; i < kFixedHeader / 4; ++i) (void)TRY(decoder.uint32());
  while (decoder.position() < fields_end) {
    TRY(decoder.align(8));
    const std::uint8_t field = TRY(decoder.byte());
    const std::string type = TRY(decoder.signature());
    if (type == "u") {
      const std::uint32_t number = TRY(decoder.uint32());
      if (field == kReplySerial) message.reply_serial = number;
    } else if (type == "g") {
      message.signature = TRY(decoder.signature());
    } else if (type == "s" || type == "o") {
      std::string text = TRY(decoder.string());
      switch (field) {
        case kPath: message.path = std::move(text); break;
        case kInterface: message.interface = std::move(text); break;
        case kMember: message.member = std::move(text); break;
        case kErrorName: message.error_name = std::move(text); break;
        case kDestination: message.destination = std::move(text); break;
        default: break;  // the sender, and what later versions may add
      }
    } else {
      return malformed("a header field has a type that none has");
    }
  }
  message.body = bytes.substr(fields_end + padding(fields_end, 8));
  return message;
}

// ---- the connection

Result<Connection> Connection::open(const std::string& socket_path, Peer peer) {
  sockaddr_un address{.sun_family = AF_UNIX};
  if (socket_path.size() >= sizeof address.sun_path)
    return error(Code::InvalidArgument, "connect to '{}': the path is too long for a socket", socket_path);
  std::memcpy(address.sun_path, socket_path.data(), socket_path.size());
  UniqueFd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!socket) return sys_error("make a socket");
  // An abstract name is as long as it is; a path ends with its NUL.
  const bool is_abstract = socket_path.starts_with('\0');
  const auto size = offsetof(sockaddr_un, sun_path) + socket_path.size() + (is_abstract ? 0 : 1);
  if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), static_cast<socklen_t>(size)) < 0)
    return sys_error("connect to '{}'", is_abstract ? "@" + socket_path.substr(1) : socket_path);
  return over(std::move(socket), peer);
}

Result<Connection> Connection::over(UniqueFd socket, Peer peer) {
  Connection connection(std::move(socket), peer);
  TRY_DURING(connection.authenticate(), "log in to D-Bus");
  if (peer == Peer::Bus)
    (void)TRY_DURING(connection.call({.path = "/org/freedesktop/DBus",
                                      .interface = "org.freedesktop.DBus",
                                      .member = "Hello",
                                      .destination = "org.freedesktop.DBus"}),
                     "log in to D-Bus");
  return connection;
}

Result<void> Connection::authenticate() {
  // All in one go. EXTERNAL with no name leaves it to the other side to ask the kernel who we are, which also
  // holds inside of a user namespace, where our own idea of the uid would be wrong.
  using std::string_view_literals::operator""sv;
  TRY(send("\0AUTH EXTERNAL\r\nDATA\r\nBEGIN\r\n"sv));
  const auto deadline = Clock::now() + kPatience;
  for (;;) {
    std::size_t end;
    while ((end = received_.find("\r\n")) == std::string::npos) {
      if (received_.size() > 4096) return malformed("an endless line");
      TRY(receive(deadline));
    }
    const std::string line = received_.substr(0, end);
    received_.erase(0, end + 2);
    if (line.starts_with("OK")) return {};
    if (!line.starts_with("DATA"))
      return error(Code::PermissionDenied, "the other side answers '{}'", line.substr(0, 200));
  }
}

Result<void> Connection::send(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t size = ::send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (size < 0 && errno == EINTR) continue;
    if (size < 0) return sys_error("send to D-Bus");
    bytes.remove_prefix(static_cast<std::size_t>(size));
  }
  return {};
}

// Appends what there is to received_, waiting for at least one byte.
Result<void> Connection::receive(Clock::time_point deadline) {
  for (;;) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now()).count();
    if (left <= 0) return error(Code::TimedOut, "no answer from D-Bus");
    pollfd ready{.fd = socket_.get(), .events = POLLIN};
    if (::poll(&ready, 1, static_cast<int>(left)) <= 0) continue;
    char buffer[4096];
    const ssize_t size = ::recv(socket_.get(), buffer, sizeof buffer, 0);
    if (size < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    if (size < 0) return sys_error("receive from D-Bus");
    if (size == 0) return error(Code::Unavailable, "D-Bus closed the connection");
    received_.append(buffer, static_cast<std::size_t>(size));
    return {};
  }
}

Result<Message> Connection::next_message(Clock::time_point deadline) {
  while (received_.size() < kFixedHeader) TRY(receive(deadline));
  const std::size_t size = TRY(message_size(received_));
  while (received_.size() < size) TRY(receive(deadline));
  Message message = TRY(decode(std::string_view(received_).substr(0, size)));
  received_.erase(0, size);
  return message;
}

Result<Message> Connection::call(Message message) {
  const auto deadline = Clock::now() + kPatience;
  message.serial = ++last_serial_;
  // Nobody is addressed by name when only one is there.
  if (peer_ == Peer::Direct) message.destination.clear();
  TRY_DURING(send(encode(message)), "{}", message.member);
  for (;;) {
    Message answer = TRY_DURING(next_message(deadline), "{}", message.member);
    if (answer.type == MessageType::Signal) {
      signals_.push_back(std::move(answer));
    } else if (answer.reply_serial == message.serial) {
      if (answer.type != MessageType::Error) return answer;
      std::string words;
      if (answer.signature.starts_with('s')) words = TRY(Decoder(answer.body).string());
      return error(code_of(answer.error_name), "{}: {} ({})", message.member,
                   words.empty() ? "refused" : words, answer.error_name);
    }
  }
}

Result<Message> Connection::wait_for_signal(std::string_view interface, std::string_view member,
                                            Clock::time_point deadline) {
  for (;;) {
    if (signals_.empty()) {
      Message message = TRY_DURING(next_message(deadline), "wait for {}", member);
      if (message.type == MessageType::Signal) signals_.push_back(std::move(message));
      continue;
    }
    Message signal = std::move(signals_.front());
    signals_.pop_front();
    if (signal.interface == interface && signal.member == member) return signal;
  }
}

Result<std::string> socket_of_address(std::string_view address) {
  // "transport:key=value,key=value;another address"
  const std::string_view whole = address;
  while (!address.empty()) {
    const std::size_t end = address.find(';');
    std::string_view one = address.substr(0, end);
    address.remove_prefix(end == std::string_view::npos ? address.size() : end + 1);
    constexpr std::string_view kUnix = "unix:";
    if (!one.starts_with(kUnix)) continue;
    one.remove_prefix(kUnix.size());
    while (!one.empty()) {
      const std::size_t comma = one.find(',');
      const std::string_view pair = one.substr(0, comma);
      one.remove_prefix(comma == std::string_view::npos ? one.size() : comma + 1);
      const std::size_t equals = pair.find('=');
      const std::string_view key = pair.substr(0, equals);
      if (equals == std::string_view::npos || (key != "path" && key != "abstract")) continue;
      std::string path(key == "abstract" ? 1 : 0, '\0');
      const std::string_view value = pair.substr(equals + 1);
      for (std::size_t i = 0; i < value.size(); ++i) {
        unsigned code = 0;
        if (value[i] == '%' && i + 2 < value.size() &&
            std::from_chars(&value[i + 1], &value[i + 1] + 2, code, 16).ptr == &value[i + 1] + 2) {
          path += static_cast<char>(code);
          i += 2;
        } else {
          path += value[i];
        }
      }
      return path;
    }
  }
  return error(Code::Unsupported, "the D-Bus address '{}' names no unix socket", whole);
}

}  // namespace gantry::runtime::dbus
