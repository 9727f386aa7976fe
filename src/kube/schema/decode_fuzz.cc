// SPDX-License-Identifier: Apache-2.0
//
// The first byte chooses the kind, the second the validation. What was decoded decodes again, to the same.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "kube/schema/catalog.h"
#include "kube/schema/decode.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace gantry::kube;
  if (size < 2) return 0;
  const auto resources = Catalog::built_in().resources();
  const Type& type = *resources[data[0] % resources.size()].type;
  const auto validation = static_cast<FieldValidation>(data[1] % 3);
  const std::string json(reinterpret_cast<const char*>(data + 2), size - 2);
  Answer<Decoded> decoded = decode(type, json, validation);
  if (!decoded) return 0;
  const Answer<Decoded> again = decode(type, decoded->object.to_text(), FieldValidation::Strict);
  if (!again || again->object != decoded->object) std::abort();
  if (!apply_defaults(type, decoded->object)) return 0;
  if (!decode_tree(type, decoded->object, FieldValidation::Strict)) std::abort();
  return 0;
}
