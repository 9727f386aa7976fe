// SPDX-License-Identifier: Apache-2.0
//
// Any bytes either parse into an answer whose fields are within their limits, or are refused.
#include <cstdlib>

#include "runtime/shim/client_frames.h"

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  using namespace gantry::shim;
  const std::string_view frame(reinterpret_cast<const char*>(data), size);
  const auto answer = parse_answer(frame);
  if (!answer) {
    if (answer.error().message().empty()) std::abort();
    return 0;
  }
  if (answer->to.tag != tag_of(frame)) std::abort();
  if (answer->body.size() > kMaxBody) std::abort();
  if (static_cast<std::size_t>(answer->stream) >= kStreams) std::abort();
  if (answer->type != FrameType::Ok) return 0;
  (void)parse_pid(answer->body);  // may be of another request
  (void)parse_status(answer->body);
  return 0;
}
