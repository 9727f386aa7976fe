// SPDX-License-Identifier: Apache-2.0
#include "runtime/shim/protocol.h"

#include <bit>
#include <cstring>
#include <optional>

namespace gantry::shim {
namespace {

static_assert(std::endian::native == std::endian::little, "integers are copied to the wire as they are");

constexpr int kLastSignal = 64;
constexpr std::size_t kMaxPath = 4095;
constexpr std::size_t kMaxErrorText = 4096;

// Takes fixed-size integers off the front; empty when there are too few bytes.
class Reader {
 public:
  explicit Reader(std::string_view bytes) : rest_(bytes) {}
  template <class T>
  std::optional<T> take() {
    if (rest_.size() < sizeof(T)) return std::nullopt;
    T value;
    std::memcpy(&value, rest_.data(), sizeof value);
    rest_.remove_prefix(sizeof value);
    return value;
  }
  std::string_view rest() const { return rest_; }

 private:
  std::string_view rest_;
};

template <class T>
void put(std::string& frame, T value) {
  frame.append(reinterpret_cast<const char*>(&value), sizeof value);
}

void put_header(char* out, FrameType type, std::uint16_t flags, Address to) {
  std::memcpy(out, &type, 2);
  std::memcpy(out + 2, &flags, 2);
  std::memcpy(out + 4, &to.tag, 4);
  std::memcpy(out + 8, &to.session, 4);
}

std::string begin_frame(FrameType type, std::uint16_t flags, Address to) {
  std::string frame(kHeaderSize, '\0');
  put_header(frame.data(), type, flags, to);
  return frame;
}

void put_exit(std::string& frame, const ExitStatus& exit) {
  put(frame, exit.code);
  put(frame, exit.signal);
  put(frame, static_cast<std::uint32_t>(exit.oom_killed | exit.log_incomplete << 1));
  put(frame, exit.nanoseconds);
  put(frame, exit.seconds);
}

// The wire's numbers must not change when Code does.
std::uint16_t wire_code(Code code) {
  switch (code) {
    case Code::Internal: return 1;
    case Code::InvalidArgument: return 2;
    case Code::NotFound: return 3;
    case Code::AlreadyExists: return 4;
    case Code::Conflict: return 5;
    case Code::PermissionDenied: return 6;
    case Code::Unsupported: return 7;
    case Code::Unavailable: return 8;
    case Code::ResourceExhausted: return 9;
    case Code::TimedOut: return 10;
    case Code::DataLoss: return 11;
  }
  return 1;
}

// The flags a request may carry, or nothing if there is no such request.
std::optional<std::uint16_t> flags_of(RequestType type) {
  constexpr std::uint16_t kAttach = kAttachStdin | kAttachStdout | kAttachStderr | kLossless | kStdinOnce;
  switch (type) {
    case RequestType::Attach: return kAttach;
    case RequestType::Exec: return kAttach | kTerminal;
    case RequestType::Signal: return kSignalAll;
    case RequestType::Delete: return kDeleteForce;
    case RequestType::Status:
    case RequestType::Start:
    case RequestType::Stdin:
    case RequestType::CloseStdin:
    case RequestType::Resize:
    case RequestType::Wait:
    case RequestType::ReopenLog: return 0;
  }
  return std::nullopt;
}

Error malformed(std::string_view what) { return error(Code::InvalidArgument, "malformed frame: {}", what); }

Result<WindowSize> take_size(Reader& body) {
  const auto rows = body.take<std::uint16_t>(), columns = body.take<std::uint16_t>();
  if (!rows || !columns) return malformed("no window size");
  return WindowSize{*rows, *columns};
}

}  // namespace

std::uint32_t tag_of(std::string_view frame) {
  std::uint32_t tag = 0;
  if (frame.size() >= kHeaderSize) std::memcpy(&tag, frame.data() + 4, sizeof tag);
  return tag;
}

Result<Request> parse_request(std::string_view frame) {
  if (frame.size() < kHeaderSize) return malformed("shorter than a header");
  if (frame.size() > kHeaderSize + kMaxBody) return malformed("too long");
  Reader reader(frame);
  Request request;
  request.type = static_cast<RequestType>(*reader.take<std::uint16_t>());
  request.flags = *reader.take<std::uint16_t>();
  request.tag = *reader.take<std::uint32_t>();
  request.session = *reader.take<std::uint32_t>();

  const std::optional<std::uint16_t> allowed = flags_of(request.type);
  if (!allowed)
    return error(Code::Unsupported, "no request has the number {}", static_cast<unsigned>(request.type));
  if ((request.flags & ~*allowed) != 0)
    return error(Code::Unsupported, "request {} has no flags {:#x}", static_cast<unsigned>(request.type),
                 request.flags & ~*allowed);

  switch (request.type) {
    case RequestType::Stdin:
      request.payload = reader.rest();
      if (request.payload.empty()) return malformed("no bytes for standard input");
      return request;
    case RequestType::Exec:
      request.size = TRY(take_size(reader));
      request.payload = reader.rest();
      if (request.payload.size() > kMaxPath || !request.payload.starts_with('/') ||
          request.payload.find('\0') != request.payload.npos)
        return malformed("the process file is not an absolute path");
      return request;
    case RequestType::Resize: request.size = TRY(take_size(reader)); break;
    case RequestType::Signal: {
      const auto signal = reader.take<std::uint32_t>();
      if (!signal || *signal == 0 || *signal > kLastSignal) return malformed("no such signal");
      request.signal = static_cast<int>(*signal);
      break;
    }
    default: break;
  }
  if (!reader.rest().empty()) return malformed("bytes after the request");
  return request;
}

std::string make_ok(Address to) { return begin_frame(FrameType::Ok, 0, to); }

std::string make_ok(Address to, std::uint32_t pid) {
  std::string frame = make_ok(to);
  put(frame, pid);
  return frame;
}

std::string make_ok(Address to, const Status& status) {
  std::string frame = make_ok(to);
  put(frame, kProtocolVersion);
  put(frame, status.state);
  put(frame, status.pid);
  put(frame, status.log_errno);
  put(frame, status.clients);
  put(frame, status.live_execs);
  put_exit(frame, status.exit);
  return frame;
}

std::string make_error(Address to, const Error& error) {
  std::string frame = begin_frame(FrameType::Error, wire_code(error.code()), to);
  frame.append(std::string_view(error.message()).substr(0, kMaxErrorText));
  return frame;
}

std::string make_lost(Address to, Stream stream, std::uint64_t bytes) {
  std::string frame = begin_frame(FrameType::Lost, static_cast<std::uint16_t>(stream), to);
  put(frame, bytes);
  return frame;
}

std::string make_exited(Address to, const ExitStatus& status) {
  std::string frame = begin_frame(FrameType::Exited, 0, to);
  put_exit(frame, status);
  return frame;
}

OutputHeader make_output_header(Address to, Stream stream) {
  OutputHeader header;
  put_header(header.bytes, FrameType::Output, static_cast<std::uint16_t>(stream), to);
  return header;
}

}  // namespace gantry::shim
