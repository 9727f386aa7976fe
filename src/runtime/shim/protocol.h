// SPDX-License-Identifier: Apache-2.0
//
// The frames between a shim and its clients, byte for byte as
// docs/formats/shim-protocol.md describes them. A frame is one message of a
// SOCK_SEQPACKET socket: a header of 12 bytes and a body, little-endian.
// Touches no descriptor, so it can be fuzzed anywhere.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/error.h"

namespace gantry::shim {

inline constexpr std::uint32_t kProtocolVersion = 1;
inline constexpr std::size_t kHeaderSize = 12;
inline constexpr std::size_t kMaxBody = 64 << 10;  // bytes
inline constexpr std::uint32_t kContainerSession = 0;

// The numbers are the wire's.
enum class RequestType : std::uint16_t {
  Status = 1,
  Start = 2,
  Attach = 3,
  Stdin = 4,
  CloseStdin = 5,
  Resize = 6,
  Signal = 7,
  Exec = 8,
  Wait = 9,
  ReopenLog = 10,
  Delete = 11,
};

enum class FrameType : std::uint16_t {
  Ok = 0x100,
  Error = 0x101,
  Output = 0x200,
  Lost = 0x201,
  Exited = 0x202,
};

// Flags of Attach and Exec.
inline constexpr std::uint16_t kAttachStdin = 1 << 0;
inline constexpr std::uint16_t kAttachStdout = 1 << 1;
inline constexpr std::uint16_t kAttachStderr = 1 << 2;
inline constexpr std::uint16_t kLossless = 1 << 3;     // the process waits for this client
inline constexpr std::uint16_t kStdinOnce = 1 << 4;    // when this client leaves, standard input ends
inline constexpr std::uint16_t kTerminal = 1 << 5;     // Exec only
inline constexpr std::uint16_t kSignalAll = 1 << 0;    // Signal: every process of the container
inline constexpr std::uint16_t kDeleteForce = 1 << 0;  // Delete: also when it still runs

enum class Stream : std::uint8_t { Stdout = 0, Stderr = 1 };
inline constexpr std::size_t kStreams = 2;

struct WindowSize {
  std::uint16_t rows = 0;
  std::uint16_t columns = 0;
  bool operator==(const WindowSize&) const = default;
};

// Views into the frame that it was parsed from.
struct Request {
  RequestType type{};
  std::uint16_t flags = 0;
  std::uint32_t tag = 0;  // chosen by the client, repeated in every answer
  std::uint32_t session = 0;
  WindowSize size;           // Resize, Exec
  int signal = 0;            // Signal
  std::string_view payload;  // Stdin: the bytes; Exec: the path of process.json
};

// InvalidArgument: the frame is malformed and its sender cannot be trusted to know the protocol.
// Unsupported: a well-formed request that this version does not have.
Result<Request> parse_request(std::string_view frame);

// 0 if the frame is too short to have one.
std::uint32_t tag_of(std::string_view frame);

struct ExitStatus {
  std::uint32_t code = 0;    // as a shell reports it: 128 + signal when a signal ended it
  std::uint32_t signal = 0;  // 0: it exited
  bool oom_killed = false;
  bool log_incomplete = false;
  std::int64_t seconds = 0;  // when, since the epoch
  std::uint32_t nanoseconds = 0;
};

enum class State : std::uint32_t { Live = 1, Exited = 2 };

struct Status {
  State state = State::Live;
  std::uint32_t pid = 0;
  std::uint32_t log_errno = 0;  // why the log cannot be written now; 0: it can
  std::uint32_t clients = 0;
  std::uint32_t live_execs = 0;
  ExitStatus exit;  // once Exited
};

// The frames a shim sends. `tag` and `session` are those of the request that is answered.
struct Address {
  std::uint32_t tag = 0;
  std::uint32_t session = 0;
};
std::string make_ok(Address to);
std::string make_ok(Address to, std::uint32_t pid);
std::string make_ok(Address to, const Status& status);
std::string make_error(Address to, const Error& error);
std::string make_lost(Address to, Stream stream, std::uint64_t bytes);
std::string make_exited(Address to, const ExitStatus& status);

// The header of an Output frame; the bytes follow it in the same message.
struct OutputHeader {
  char bytes[kHeaderSize];
};
OutputHeader make_output_header(Address to, Stream stream);

}  // namespace gantry::shim
