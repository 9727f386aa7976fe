// SPDX-License-Identifier: Apache-2.0
#include <cstdlib>

#include "kube/storage/object.h"

// Whatever stands in the store: nothing is read beyond it, and what is found is inside of it.
extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  static const std::vector<gantry::kube::FieldPath> kPaths = {
      {"spec", "nodeName"}, {"status"}, {"metadata", "uid"}};
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto object = gantry::kube::Object::make("a/b", text, 7, kPaths);
  if (!object) return 0;
  if ((*object)->text() != text) std::abort();
  for (std::size_t i = 0; i < kPaths.size(); ++i) (void)(*object)->field(i);
  (void)(*object)->label("app");
  return 0;
}
