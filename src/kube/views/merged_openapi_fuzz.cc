// SPDX-License-Identifier: Apache-2.0
//
// What another API server sends as its OpenAPI 2 becomes part of ours, and of that in protocol buffers.
#include <cstdint>
#include <memory>

#include "kube/views/gnostic.h"
#include "kube/views/merged_openapi.h"

using namespace gantry::kube::views;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const ForeignVersion other{
      .group = "g",
      .version = "v1",
      .openapi_v2 = std::make_shared<const std::string>(reinterpret_cast<const char*>(data), size)};
  (void)gnostic_document(merge_openapi(
      R"({"swagger":"2.0","paths":{"/api":{"get":{}}},"definitions":{"A":{"type":"object"},"B":{}}})",
      {&other, 1}));
  return 0;
}
