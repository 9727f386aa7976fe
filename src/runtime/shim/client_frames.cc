// SPDX-License-Identifier: Apache-2.0
#include "runtime/shim/client_frames.h"

#include <bit>
#include <cstring>
#include <type_traits>

namespace gantry::shim {
namespace {

static_assert(std::endian::native == std::endian::little, "integers are copied from the wire as they are");

template <class T>
void put(std::string& frame, T value) {
  frame.append(reinterpret_cast<const char*>(&value), sizeof value);
}

std::string begin_request(RequestType type, Address from, std::uint16_t flags) {
  std::string frame;
  put(frame, type);
  put(frame, flags);
  put(frame, from.tag);
  put(frame, from.session);
  return frame;
}

// Integers off the front of a frame; 0 when there are too few bytes, which is_whole() then says.
class Reader {
 public:
  explicit Reader(std::string_view bytes) : rest_(bytes) {}

  template <class T>
    requires std::is_integral_v<T> || std::is_enum_v<T>
  T take() {
    T value{};
    if (rest_.size() < sizeof value) {
      is_whole_ = false;
      return value;
    }
    std::memcpy(&value, rest_.data(), sizeof value);
    rest_.remove_prefix(sizeof value);
    return value;
  }
  std::string_view rest() const { return rest_; }
  // Everything that was asked for was there, and nothing more is.
  bool is_whole() const { return is_whole_ && rest_.empty(); }

 private:
  std::string_view rest_;
  bool is_whole_ = true;
};

Error malformed(std::string_view what) {
  return error(Code::DataLoss, "the shim sent a malformed frame: {}", what);
}

ExitStatus take_exit(Reader& reader) {
  ExitStatus exit;
  exit.code = reader.take<std::uint32_t>();
  exit.signal = reader.take<std::uint32_t>();
  const auto flags = reader.take<std::uint32_t>();
  exit.oom_killed = (flags & 1) != 0;
  exit.log_incomplete = (flags & 2) != 0;
  exit.nanoseconds = reader.take<std::uint32_t>();
  exit.seconds = reader.take<std::int64_t>();
  return exit;
}

Code code_of_wire(std::uint16_t code) {
  constexpr Code kCodes[] = {Code::Internal,      Code::InvalidArgument, Code::NotFound,
                             Code::AlreadyExists, Code::Conflict,        Code::PermissionDenied,
                             Code::Unsupported,   Code::Unavailable,     Code::ResourceExhausted,
                             Code::TimedOut,      Code::DataLoss};
  return code >= 1 && code <= std::size(kCodes) ? kCodes[code - 1] : Code::Internal;
}

Result<Stream> stream_of(std::uint16_t flags) {
  if (flags >= kStreams) return malformed("no such stream");
  return static_cast<Stream>(flags);
}

}  // namespace

std::string make_request(RequestType type, Address from, std::uint16_t flags) {
  return begin_request(type, from, flags);
}

std::string make_resize(Address from, WindowSize size) {
  std::string frame = begin_request(RequestType::Resize, from, 0);
  put(frame, size.rows);
  put(frame, size.columns);
  return frame;
}

std::string make_signal(Address from, int signal, std::uint16_t flags) {
  std::string frame = begin_request(RequestType::Signal, from, flags);
  put(frame, static_cast<std::uint32_t>(signal));
  return frame;
}

std::string make_exec(Address from, std::string_view process_file, std::uint16_t flags, WindowSize size) {
  std::string frame = begin_request(RequestType::Exec, from, flags);
  put(frame, size.rows);
  put(frame, size.columns);
  frame += process_file;
  return frame;
}

OutputHeader make_stdin_header(Address from) {
  OutputHeader header;
  std::memcpy(header.bytes, begin_request(RequestType::Stdin, from, 0).data(), kHeaderSize);
  return header;
}

Result<Answer> parse_answer(std::string_view frame) {
  if (frame.size() < kHeaderSize) return malformed("shorter than a header");
  if (frame.size() > kHeaderSize + kMaxBody) return malformed("too long");
  Reader reader(frame);
  Answer answer{.type = reader.take<FrameType>()};
  const auto flags = reader.take<std::uint16_t>();
  answer.to.tag = reader.take<std::uint32_t>();
  answer.to.session = reader.take<std::uint32_t>();
  answer.body = reader.rest();
  switch (answer.type) {
    case FrameType::Ok: return answer;
    case FrameType::Error: answer.code = code_of_wire(flags); return answer;
    case FrameType::Output: answer.stream = TRY(stream_of(flags)); return answer;
    case FrameType::Lost:
      answer.stream = TRY(stream_of(flags));
      answer.lost = reader.take<std::uint64_t>();
      break;
    case FrameType::Exited: answer.exit = take_exit(reader); break;
    default:
      return error(Code::Unsupported, "the shim sent a frame of the unknown type {:#x}",
                   static_cast<unsigned>(answer.type));
  }
  if (!reader.is_whole()) return malformed("of the wrong size");
  return answer;
}

Result<std::uint32_t> parse_pid(std::string_view body) {
  Reader reader(body);
  const auto pid = reader.take<std::uint32_t>();
  if (!reader.is_whole()) return malformed("no pid");
  return pid;
}

Result<Status> parse_status(std::string_view body) {
  Reader reader(body);
  const auto version = reader.take<std::uint32_t>();
  Status status;
  status.state = reader.take<State>();
  status.pid = reader.take<std::uint32_t>();
  status.log_errno = reader.take<std::uint32_t>();
  status.clients = reader.take<std::uint32_t>();
  status.live_execs = reader.take<std::uint32_t>();
  status.exit = take_exit(reader);
  if (!reader.is_whole()) return malformed("no status");
  if (version != kProtocolVersion)
    return error(Code::Unsupported, "the shim speaks version {} of its protocol", version);
  return status;
}

}  // namespace gantry::shim
