// SPDX-License-Identifier: Apache-2.0
//
// Two JSON texts, an object and a patch, with a line between them: every kind of patch ends, and what comes
// of it is no deeper than what it was made of.
#include <cstdlib>
#include <string_view>

#include "kube/patch/json_patch.h"
#include "kube/patch/merge_patch.h"
#include "kube/patch/strategic_patch.h"
#include "kube/patch/test_kind.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace gantry;
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const std::size_t line = input.find('\n');
  if (line == std::string_view::npos) return 0;
  const auto object = json::Tree::parse(std::string(input.substr(0, line)));
  const auto patch = json::Tree::parse(std::string(input.substr(line + 1)));
  if (!object || !patch) return 0;
  for (const auto& result :
       {kube::apply_json_patch(*object, *patch), kube::apply_merge_patch(*object, *patch),
        kube::apply_strategic_patch(*object, *patch, kube::TestKind::type())})
    if (result && !json::Tree::parse(result->to_text(), {.depth = 130})) std::abort();
  return 0;
}
