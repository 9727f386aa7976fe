// SPDX-License-Identifier: Apache-2.0
//
// The other side of protocol.h: the frames that a client of the shim sends, and what it is answered.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/error.h"
#include "runtime/shim/protocol.h"

namespace gantry::shim {

// A request without a body: Status, Start, Attach, CloseStdin, Wait, ReopenLog, Delete.
std::string make_request(RequestType type, Address from, std::uint16_t flags = 0);
std::string make_resize(Address from, WindowSize size);
std::string make_signal(Address from, int signal, std::uint16_t flags);
std::string make_exec(Address from, std::string_view process_file, std::uint16_t flags, WindowSize size);
// The header of a Stdin frame; 1 to kMaxBody bytes follow it in the same message.
OutputHeader make_stdin_header(Address from);

// What the shim sent. Views into the frame that it was parsed from.
struct Answer {
  FrameType type{};
  Address to;
  Stream stream = Stream::Stdout;  // Output, Lost
  std::uint64_t lost = 0;          // Lost: bytes
  ExitStatus exit;                 // Exited
  Code code = Code::Internal;      // Error
  std::string_view body;           // Ok: by the request; Output: the bytes; Error: the sentence
};

// DataLoss: this is no frame of a shim. A type that is not known is Unsupported, and may be passed over.
Result<Answer> parse_answer(std::string_view frame);

// The body of the Ok to Exec, and to Status.
Result<std::uint32_t> parse_pid(std::string_view body);
Result<Status> parse_status(std::string_view body);

}  // namespace gantry::shim
