// SPDX-License-Identifier: Apache-2.0
//
// Any bytes either parse into a request whose fields are within their limits, or are refused.
#include <cstdlib>

#include "runtime/shim/protocol.h"

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  using namespace gantry::shim;
  const std::string_view frame(reinterpret_cast<const char*>(data), size);
  const auto request = parse_request(frame);
  if (!request) {
    if (request.error().message().empty()) std::abort();
    return 0;
  }
  if (request->tag != tag_of(frame)) std::abort();
  if (request->payload.size() > kMaxBody) std::abort();
  if (request->type == RequestType::Signal && (request->signal < 1 || request->signal > 64)) std::abort();
  if (request->type == RequestType::Exec && request->payload.front() != '/') std::abort();
  return 0;
}
