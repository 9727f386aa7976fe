// SPDX-License-Identifier: Apache-2.0
//
// What was decoded can be encoded, and then reads the same.
#include <cstdlib>

#include "kube/protobuf/envelope.h"
#include "kube/protobuf/message.h"
#include "kube/protobuf/test_types.h"
#include "kube/schema/catalog.h"
#include "kube/schema/decode.h"

using namespace gantry;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const kube::protobuf::TestTypes types;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  (void)kube::protobuf::open_envelope(bytes);
  const kube::Catalog& catalog = kube::Catalog::built_in();
  static const kube::Type* const all[] = {
      &types.root(), &types.tree(), catalog.find("", "v1", "pods")->type,
      catalog.find("apiextensions.k8s.io", "v1", "customresourcedefinitions")->type};
  for (const kube::Type* type : all) {
    const auto first = kube::protobuf::decode(*type, bytes);
    if (!first) continue;
    const auto document = json::Document::parse(first->to_text(), kube::kObjectLimits);
    if (!document) std::abort();
    const auto encoded = kube::protobuf::encode(*type, document->root());
    if (!encoded) continue;  // years that parse_timestamp() has no room for
    const auto second = kube::protobuf::decode(*type, *encoded);
    if (!second || second->to_text() != first->to_text()) std::abort();
  }
  return 0;
}
