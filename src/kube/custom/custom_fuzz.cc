// SPDX-License-Identifier: Apache-2.0
//
// A schema, a line with nothing but a dash, an object: whatever is found to be all right can be used.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "base/json_tree.h"
#include "kube/custom/definition.h"
#include "kube/schema/decode.h"

namespace {

gantry::json::Tree definition_with(gantry::json::Tree schema) {
  using gantry::json::Tree;
  using gantry::json::TreeArray;
  Tree version;
  version.object()["name"] = "v1";
  version.object()["served"] = true;
  version.object()["storage"] = true;
  version.object()["schema"].object()["openAPIV3Schema"] = std::move(schema);
  Tree definition;
  definition.object()["spec"].object()["group"] = "example.com";
  definition.object()["spec"].object()["versions"] = TreeArray{std::move(version)};
  return definition;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace gantry;
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const std::size_t split = input.find("\n-\n");
  if (split == std::string_view::npos) return 0;
  Result<json::Tree> schema = json::Tree::parse(std::string(input.substr(0, split)), kube::kObjectLimits);
  if (!schema) return 0;
  const json::Tree definition = definition_with(std::move(*schema));
  const bool is_right = kube::custom::check_versions(definition).empty();
  const std::vector<kube::custom::CustomVersion> versions = kube::custom::versions_of(definition);
  const kube::Type& type = *versions.at(0).resource.type;
  kube::Answer<kube::Decoded> decoded =
      kube::decode(type, std::string(input.substr(split + 3)), kube::FieldValidation::Ignore);
  if (!decoded) return 0;
  if (!kube::apply_defaults(type, decoded->object)) return 0;
  (void)versions.at(0).validator->validate(decoded->object);
  // The defaults of a schema that is all right are known to it.
  json::Tree pruned = decoded->object;
  kube::prune(type, pruned);
  if (is_right && pruned != decoded->object) std::abort();
  return 0;
}
